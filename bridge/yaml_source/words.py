"""Words for messages that people read: what a value is, what was perhaps meant, and nothing that must stay secret."""

import difflib
import re
from collections.abc import Iterable, Mapping


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Give `; did you mean 'x'?` for the nearest known name, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


def describe(value: object) -> str:
    """Say what a value is, shortly and without passwords: `text 'abc'`, `the number 5`, `a list`."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return _describe_text(mask_secrets(value))
    return "a mapping" if isinstance(value, Mapping) else "a list"


def _describe_text(text: str) -> str:
    text = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text[:60]) + text[60:]
    return f"'{text if len(text) <= 60 else text[:57] + '...'}'" if text else "empty text"


def mask_secrets(text: str) -> str:
    """Hide the password of every URL in a text, before the host or in the query, and what `Authorization` holds."""
    text = re.sub(r"(//[^/?#\s:]*):\S*@", r"\1:***@", text)  # a user may have an @, as in user@domain:password@host
    text = re.sub(r"\b(bearer|basic) +[^\s\"'<>(),;\\]{8,}", r"\1 ***", text, flags=re.IGNORECASE)
    return re.sub(r"([?&][\w.-]*(?:pass|pwd|secret|token)[\w.-]*=)[^&\s]*", r"\1***", text, flags=re.IGNORECASE)
