"""Values on their way through a pack: how one is read, turned into text, and shown to a person.

An absent value is `None`: JSON's `null` never gets this far, a field either refuses it or takes it as absent.

Numbers come as JSON's own, or as texts with signs, separators, exponents and blanks. A text is read where it means one
number. `1,234` may be more than a thousand or little more than one, so it is none; `1,234,567` and `1 234` are whole
numbers, and `1,5` is one and a half.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final, TypeVar

import orjson

from bridge.mapping.formats.paths import MISSING
from bridge.mapping.formats.tidy import tidy
from bridge.mef.models import TimePeriod
from bridge.mef.moments import rfc3339

T = TypeVar("T")
Values = Mapping[str, object]
Get = Callable[[Values], object]

_SHOWN = 60  # characters of a value in a sentence
_KEPT = 200  # characters of a value in an explanation

LARGEST: Final = 2**63 - 1
"""What a database column and most WFMs can hold."""

_LONGEST: Final = 40  # characters of a number with its sign, separators and exponent
_PLAIN: Final = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+")
_COMMA: Final = re.compile(r"[0-9]*,[0-9]+")
_SPACED: Final = re.compile(r"[0-9]{1,3}(?:[ '’][0-9]{3})+(?:[.,][0-9]+)?")
_GROUPED: Final = (
    re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(\.[0-9]+)?"),
    re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+(,[0-9]+)?"),
)
_SIGNED: Final = re.compile(r"(?P<sign>[+-]?) ?(?P<digits>[^eE+-]*)(?:[eE](?P<exponent>[+-]?[0-9]{1,3}))?(?P<last>-?)")


class Misread(Exception):
    """A value is not what the pack says it is; the text is a sentence for the operator. Never leaves this package."""


class Unfit(Exception):
    """A raw value is not what was expected; the text says what that is, and whoever reads a field says the rest."""


class NotListed(Unfit):
    """It is a code, but none of those that may come."""


def absent(_: Values) -> None:
    """Give nothing, for whatever values."""


def constant(value: T) -> Callable[[object], T]:
    """Make a getter that gives the same value every time."""

    def get(_: object) -> T:
        return value

    return get


def as_text(value: object) -> str:
    """Write a typed value as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return rfc3339(value) if isinstance(value, datetime) else str(value)


def readable_text(raw: object) -> str | None:
    """Take text, or a number as JSON would write it plainly; None for all else and for what no database keeps.

    A number that is whole is the same however it is written: 17, 17.0, 1.7e1.
    """
    if isinstance(raw, str):
        return raw if raw.isprintable() or is_clean(raw) else None  # what is printable is clean
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    if isinstance(raw, int):
        return str(raw)
    if not math.isfinite(raw) or abs(raw) > LARGEST:
        return None
    return str(int(raw)) if raw.is_integer() else format(Decimal(repr(raw)), "f")


def loosely(code: str) -> str:
    """Write a code so that upper and lower case, blanks around it and leading zeros make no difference."""
    folded = code.strip().casefold()
    return folded.lstrip("0") or folded[:1]


def is_clean(text: str) -> bool:
    """Tell whether text has neither NUL nor lone surrogates, which neither PostgreSQL nor UTF-8 can hold."""
    if text.isascii():
        return "\x00" not in text
    return not any(character == "\x00" or "\ud800" <= character <= "\udfff" for character in text)


def is_storable(value: object) -> bool:
    """Tell whether decoded JSON can be kept in a database as it is."""
    try:
        return b"\\u0000" not in orjson.dumps(value)
    except orjson.JSONEncodeError:
        return False


def whole_number(raw: object) -> int | None:
    """Read a whole number within 64 bits; None for anything else, and for what may be two numbers."""
    if type(raw) is int:
        return raw if abs(raw) <= LARGEST else None
    if isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) < len(str(LARGEST)):
        return int(raw)
    if is_ambiguous(raw):
        return None
    number = decimal_number(raw)
    if number is None or abs(number) > LARGEST or number != int(number):
        return None
    return int(number)


def decimal_number(raw: object) -> Decimal | None:
    """Read a finite number; None for anything else. `1.234` has a decimal point; `1,234` may be two numbers."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    if isinstance(raw, float) and not math.isfinite(raw):
        return None
    text = repr(raw) if isinstance(raw, float) else str(raw) if isinstance(raw, int) and abs(raw) <= LARGEST else raw
    return _read(text) if isinstance(text, str) and len(text) <= _LONGEST else None


def is_ambiguous(raw: object) -> bool:
    """Tell whether a text is a number with one separator that may stand before thousands, or before a fraction."""
    text = tidy(raw).lstrip("+-").strip() if isinstance(raw, str) and len(raw) <= _LONGEST else ""
    return re.fullmatch(r"[1-9][0-9]{0,2}[.,][0-9]{3}", text) is not None


def _read(text: str) -> Decimal | None:
    match = _SIGNED.fullmatch(tidy(text))
    if match is None or (match["sign"] and match["last"]):
        return None
    digits = _without_separators(match["digits"])
    if digits is None:
        return None
    try:
        number = Decimal(digits + (f"e{match['exponent']}" if match["exponent"] else ""))
    except InvalidOperation:
        return None
    return -number if "-" in (match["sign"], match["last"]) else number


def _without_separators(digits: str) -> str | None:
    """Take the separators of thousands out, and put a point before the fraction."""
    if _PLAIN.fullmatch(digits):
        return digits
    if _SPACED.fullmatch(digits):
        return re.sub("[ '’]", "", digits).replace(",", ".")
    for pattern, thousands in zip(_GROUPED, ",.", strict=True):
        match = pattern.fullmatch(digits)
        if match is not None and (match[1] or digits.count(thousands) > 1):
            return digits.replace(thousands, "").replace(",", ".")
    if _COMMA.fullmatch(digits) and not is_ambiguous(digits):
        return digits.replace(",", ".")
    return None


def readable_number(raw: object) -> float | None:
    """Take a finite number, or a text that means one; None for anything else."""
    number = decimal_number(raw)
    return float(number) if number is not None and abs(number) <= LARGEST else None


def whole_number_wanted(raw: object) -> str:
    """Say what was expected where a whole number was, and why this is none where that is not plain to see."""
    expected = "a whole number of at most 64 bits"
    return f"{expected} (the separator may stand before thousands or a fraction)" if is_ambiguous(raw) else expected


def check_number(number: float) -> float:
    """Return a number of a pack that every database and WFM can hold. Raises `ValueError` with a sentence."""
    if isinstance(number, int) and abs(number) > LARGEST:
        raise ValueError("expected a whole number of at most 64 bits; put it in quotes if it is meant as text")
    if not math.isfinite(number):
        raise ValueError("expected a number that is finite")
    return number


def as_items(raw: object) -> object:
    """Take a single object for a list of one, as many systems write one; anything else is what it is."""
    return [raw] if isinstance(raw, dict) else raw


def briefly(value: object) -> str:
    """Show any value in a sentence, shortly and on one line."""
    if isinstance(value, str):
        return _shown_text(value)
    if isinstance(value, dict):
        return f"an object of {len(value)} members"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)} items"
    return json.dumps(value) if value is None or isinstance(value, bool | int | float) else as_text(value)


def what_came(raw: object) -> str:
    """Say what came where something else was expected."""
    return "it is missing" if raw is MISSING else f"came {briefly(raw)}"


def _shown_text(text: str) -> str:
    cut = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return json.dumps(cut, ensure_ascii=not is_clean(cut))


def plain_json(value: object) -> object:
    """Give any value as small plain JSON that every database can keep."""
    if isinstance(value, str):
        is_kept = len(value) <= _KEPT and (value.isprintable() or is_clean(value))  # what is printable is clean
        return value if is_kept else briefly(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else briefly(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, tuple):
        if value and isinstance(value[0], Mapping):
            return briefly(value)  # items, which are explained one by one
        return [plain_json(one) for one in value[:20]]
    return briefly(value)


def window_of(start: datetime | None, end: datetime | None) -> TimePeriod | None:
    """Make a window of its two ends, None of none. Raises `Misread` when there is half a window, or an empty one."""
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise Misread(f"window: the {'start' if start is None else 'end'} is absent while the other end is there")
    if end <= start:
        raise Misread(f"window: the end {rfc3339(end)} is not after the start {rfc3339(start)}")
    return TimePeriod(start_date_time=start, end_date_time=end)
