"""What a viewer does not see: contact data, notes, and credentials. An operator sees everything.

Two nets, since a WFM may write anything anywhere: the names of members (a pack says which fields it makes contacts and
notes of; others are known by what they are mostly called), and values that look like an address of mail, a telephone
number or a credential.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

HIDDEN: Final = "•••"

_SECTIONS: Final = (
    ("work_order", "contacts"),
    ("work_order", "note"),
    ("appointment", "seller_contact"),
    ("appointment", "contacts"),
    ("appointment", "note"),
)
_PRIVATE_NAME: Final = re.compile(
    r"name$|phone|mobile|e?_?mail|contact|remark|\bnotes?\b|note$|comment|street|author|passw|secret|token|api_?key|"
    r"authori[sz]ation|cookie|credential|signature|attachment",
    re.IGNORECASE,
)
_PRIVATE_VALUE: Final = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # an address of mail
    r"|\+\d[\d ()/-]{6,}\d"  # a telephone number with its country
    r"|\b(?:Bearer|Basic)\s+[\w.~+/=-]+"
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]+"  # a JWT
    r"|\bwhsec_[\w+/=]+"
)
_XML_ELEMENT: Final = re.compile(r"<([\w:.-]+)((?:\s[^<>]*)?)>([^<]*)</\1>")
_XML_ATTRIBUTE: Final = re.compile(r"(\s)([\w:.-]+)=(\"[^\"]*\"|'[^']*')")
_FIELD_CAME: Final = re.compile(r"(.*?\bfield (\w+)\b.*?\bcame ).+", re.DOTALL)
_URL: Final = re.compile(r"https?://[^\s\"'<>]*[^\s\"'<>:;,.]")


def private_names(pack: Mapping[str, Any]) -> frozenset[str]:
    """Tell which fields of a pack feed contacts and notes: their names, and the last steps of their paths."""
    fields = pack.get("fields")
    fields = fields if isinstance(fields, Mapping) else {}
    names: set[str] = set()
    for section, key in _SECTIONS:
        part = pack.get(section)
        for value in _values(part.get(key) if isinstance(part, Mapping) else None):
            name = value.partition(".")[0]
            if name in fields and not _is_moment(fields[name]):
                names |= {name.lower(), *_last_steps(fields[name])}
    return frozenset(names)


def _is_moment(field: Any) -> bool:
    return isinstance(field, Mapping) and field.get("type") in ("datetime", "boolean", "integer")


def _values(part: object) -> Iterator[str]:
    if isinstance(part, Mapping):
        if isinstance(part.get("value"), str):
            yield part["value"]
        for inner in part.values():
            yield from _values(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _values(inner)


def _last_steps(field: Any) -> Iterator[str]:
    path = field.get("path") if isinstance(field, Mapping) else None
    for one in path if isinstance(path, list) else [path]:
        if isinstance(one, str):
            yield re.split(r"[./\[\]'\"@$]+", one.rstrip("]'\""))[-1].lower()


class Mask:
    """Hides what a viewer does not see; `private` are names in lower case, besides those that are known."""

    def __init__(self, private: frozenset[str] = frozenset()) -> None:
        self._private = private

    def json(self, value: Any) -> Any:
        """Hide in plain JSON; keys and shape stay."""
        if isinstance(value, Mapping):
            return {key: self._member(str(key), inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.json(inner) for inner in value]
        return self.text(value) if isinstance(value, str) else value

    def _member(self, name: str, value: Any) -> Any:
        if not self._is_private(name):
            return self.json(value)
        if isinstance(value, Mapping) and {"value", "path"} & value.keys():  # a field in an explanation
            return {key: HIDDEN if key in ("value", "raw", "row") else self.json(inner) for key, inner in value.items()}
        return _hidden(value)

    def _is_private(self, name: str) -> bool:
        return name.lower() in self._private or _PRIVATE_NAME.search(name) is not None

    def body(self, body: bytes) -> str:
        """Hide in the body of a message: JSON or XML, or what is neither."""
        text = body.decode("utf-8", "backslashreplace")
        try:
            return json.dumps(self.json(json.loads(text)), ensure_ascii=False)
        except (ValueError, RecursionError):
            return self._xml(text) if text.lstrip().startswith("<") else HIDDEN

    def _xml(self, text: str) -> str:
        def element(found: re.Match[str]) -> str:
            name, attributes, inner = found.groups()
            shown = HIDDEN if inner.strip() and self._is_private(_local(name)) else inner
            return f"<{name}{attributes}>{shown}</{name}>"

        def attribute(found: re.Match[str]) -> str:
            space, name, quoted = found.groups()
            return f'{space}{name}="{HIDDEN}"' if self._is_private(_local(name)) else f"{space}{name}={quoted}"

        return self.text(_XML_ATTRIBUTE.sub(attribute, _XML_ELEMENT.sub(element, text)))

    def text(self, text: str) -> str:
        """Hide in a sentence, or any other text; of a field that is private also what a reason says that came."""
        told = _FIELD_CAME.match(text)
        if told is not None and self._is_private(told[2]):
            text = f"{told[1]}{HIDDEN}"
        return _PRIVATE_VALUE.sub(HIDDEN, _URL.sub(lambda found: safe_url(found[0]), text))


def safe_url(url: str) -> str:
    """Hide what a callback may carry as a credential: user, password, query and fragment."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        netloc = f"{HIDDEN}@{host}" if "@" in parts.netloc else host
        return urlunsplit((parts.scheme, netloc, parts.path, HIDDEN if parts.query else "", ""))
    except ValueError:
        return HIDDEN


def _hidden(value: Any) -> Any:
    """Hide a value, but tell whether there is one."""
    return HIDDEN if value not in (None, "", [], {}) else value


def _local(name: str) -> str:
    return name.rpartition(":")[2]


class Plain(Mask):
    """Hides nothing: for operators."""

    def json(self, value: Any) -> Any:
        """Give it as it is."""
        return value

    def body(self, body: bytes) -> str:
        """Give it as text."""
        return body.decode("utf-8", "backslashreplace")

    def text(self, text: str) -> str:
        """Give it as it is."""
        return text
