"""Holds a JSON value against a type of the standard. Unknown attributes are allowed, as in OpenAPI; null never is."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from bridge.conformance.schemas import ENUMS, PLACES, REASON_LENGTH, TYPES

_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_PRIMITIVES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


def complaints(expected: str, value: object, path: str = "") -> list[str]:
    """Say what is wrong with a value, one line a problem with its JSON Pointer. `expected` is `Type` or `[Type]`."""
    return list(_complain(expected, value, path))


def is_date_time(text: str) -> bool:
    """Tell whether a text is a date-time of RFC 3339."""
    if not _DATE_TIME.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text.upper())
    except ValueError:
        return False
    return True


def _complain(expected: str, value: object, path: str) -> Iterator[str]:
    if expected.startswith("["):
        yield from _list(expected, value, path)
    elif expected == "RelatedPlaceRefOrValue":
        yield from _object(_kind_of_place(value), value, path)
    elif expected in TYPES:
        yield from _object(expected, value, path)
    else:
        yield from _leaf(expected, value, path)


def _list(expected: str, value: object, path: str) -> Iterator[str]:
    item = expected.strip("[]+")
    if not isinstance(value, list):
        yield f"{path or '/'}: a list of {item} is wanted, not {_named(value)}"
        return
    if expected.endswith("+") and not value:
        yield f"{path or '/'}: the list must not be empty"
    for index, each in enumerate(value):
        yield from _complain(item, each, f"{path}/{index}")


def _object(kind: str, value: object, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path or '/'}: a {kind} is wanted, not {_named(value)}"
        return
    for declared, expected in TYPES[kind].items():
        name = declared.removesuffix("*")
        if name in value:
            yield from _complain(expected, value[name], f"{path}/{name}")
        elif declared.endswith("*"):
            yield f"{path}/{name}: required in {kind}, and missing"
    if "@type*" in TYPES[kind] and value.get("@type") not in PLACES:
        yield f"{path}/@type: {value.get('@type')!r} is no kind of place"


def _kind_of_place(value: object) -> str:
    kind = value.get("@type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) and kind in PLACES else "RelatedPlaceRefOrValue"


def _leaf(expected: str, value: object, path: str) -> Iterator[str]:
    if expected in _PRIMITIVES:
        if not isinstance(value, _PRIMITIVES[expected]) or (isinstance(value, bool) and expected != "boolean"):
            article = "an" if expected == "integer" else "a"
            yield f"{path}: {article} {expected} is wanted, not {_named(value)}"
    elif not isinstance(value, str):
        yield f"{path}: a text is wanted, not {_named(value)}"
    elif expected in ENUMS:
        if value not in ENUMS[expected]:
            yield f"{path}: {value!r} is not in {expected}"
    else:
        yield from _text(expected, value, path)


def _text(expected: str, value: str, path: str) -> Iterator[str]:
    if expected == "date-time" and not is_date_time(value):
        yield f"{path}: {value!r} is no date-time of RFC 3339"
    elif expected == "uri" and not urlsplit(value).scheme:
        yield f"{path}: {value!r} is no URI"
    elif expected == "reason" and len(value) > REASON_LENGTH:
        yield f"{path}: longer than {REASON_LENGTH} characters"


def _named(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
