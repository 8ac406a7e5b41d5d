"""Column types that keep a value exactly as it came, on both databases.

PostgreSQL knows time zones but refuses NUL in text; SQLite knows neither. A moment is UTC to the microsecond
everywhere, and any Python string a WFM may send can be stored and found again. What no query looks into is kept as JSON
text: values of the standard under their wire names, what a WFM or an operator made as they made it.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import orjson
from pydantic import TypeAdapter
from sqlalchemy import BigInteger, DateTime, Dialect, Integer, String, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

UTC_TEXT_LENGTH = len("2026-03-05T13:04:05.123456Z")

# U+241B, the picture of the escape key, marks what PostgreSQL or UTF-8 cannot hold: NUL, lone surrogates, and itself.
_ESCAPE = "\u241b"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff\u241b]")
_ESCAPED = re.compile(_ESCAPE + "([0-9a-f]{4})")

# SQLite counts by itself only in a column of the very type INTEGER.
Number = BigInteger().with_variant(Integer(), "sqlite")

Convert = Callable[[Any], Any]
MaybeText = TypeVar("MaybeText", str, None)


class Row(Protocol):
    """Column values by name: a row of a query, or a plain dictionary."""

    def __getitem__(self, name: str, /) -> Any:
        """Take one."""


def utc_text(moment: datetime) -> str:
    """Write an aware moment so that text order is time order: `2026-03-05T13:04:05.123456Z`."""
    if moment.tzinfo is not UTC:
        moment = _aware(moment).astimezone(UTC)
    return f"{moment.isoformat(timespec='microseconds')[:-6]}Z"


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"naive datetime {moment.isoformat()}: the store keeps aware moments only")
    return moment


def escape(text: MaybeText) -> MaybeText:
    """Replace what a database cannot hold by an escape; other text, and None, is left alone."""
    if text is None or (text.isascii() and "\x00" not in text):
        return text
    return _UNSTORABLE.sub(lambda match: f"{_ESCAPE}{ord(match[0]):04x}", text)


def unescape(text: MaybeText) -> MaybeText:
    """Undo `escape`."""
    if text is None or _ESCAPE not in text:
        return text
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


def _unless_none(convert: Convert) -> Convert:
    return lambda value: None if value is None else convert(value)


class Utc(TypeDecorator[datetime]):
    """An aware datetime, kept and given back in UTC to the microsecond. A naive one is a ValueError."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime] | TypeEngine[str]:
        """Take the database's own type where it knows time zones, else text that sorts."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(UTC_TEXT_LENGTH))
        return dialect.type_descriptor(DateTime(timezone=True))

    def bind_processor(self, dialect: Dialect) -> Convert:
        """Refuse a naive moment; write the others in UTC."""
        return _unless_none(utc_text if dialect.name == "sqlite" else _aware)

    def result_processor(self, dialect: Dialect, coltype: object) -> Convert | None:
        """Give back an aware moment in UTC, as PostgreSQL's driver does by itself."""
        return _unless_none(datetime.fromisoformat) if dialect.name == "sqlite" else None


class Plain(TypeDecorator[str]):
    """Text of any content, also what a WFM should never have sent (NUL, lone surrogates)."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Convert:
        """Escape what a database cannot hold."""
        return escape

    def result_processor(self, dialect: Dialect, coltype: object) -> Convert:
        """Undo the escape."""
        return unescape


def _plain(value: object) -> object:
    """Give JSON a form for what it lacks: any mapping, and moments."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")


_EXACT = json.JSONEncoder(separators=(",", ":"), default=_plain)
_AS_GIVEN = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


def _plain_json(value: object) -> str:
    """Write JSON of any content: integers of any size, infinity and lone surrogates survive.

    orjson, which is ten times as fast, refuses all of these but infinity, of which it makes a null.
    """
    written = _finite_json(value)
    return _EXACT.encode(value) if "null" in written and _has_infinity(value) else written


def _finite_json(value: object) -> str:
    """Write JSON of a value without infinity."""
    try:
        return orjson.dumps(value, _plain, _AS_GIVEN).decode()
    except TypeError:
        return _EXACT.encode(value)


def _has_infinity(value: object) -> bool:
    """Tell whether a number is in it that JSON has none for. It is not deeper than orjson goes."""
    if value is None or isinstance(value, (str, int)):
        return False
    if isinstance(value, float):
        return not math.isfinite(value)
    within = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    return any(map(_has_infinity, within))


class Json(TypeDecorator[Any]):
    """Plain JSON of any content. None is JSON's null, or with `optional` that there is none.

    `finite`: who writes it has made sure that there is no infinity in it, so that nobody has to look.
    """

    impl = Text
    cache_ok = True

    def __init__(self, *, optional: bool = False, finite: bool = False) -> None:
        super().__init__()
        self.optional = optional
        self.finite = finite

    def bind_processor(self, dialect: Dialect) -> Convert:
        """Write it; a NUL is escaped, and so is what is not UTF-8."""
        write = _finite_json if self.finite else _plain_json
        return _unless_none(write) if self.optional else write

    def result_processor(self, dialect: Dialect, coltype: object) -> Convert:
        """Read it."""
        return _unless_none(json.loads)


class TextList(TypeDecorator[Sequence[str]]):
    """Texts, each as `Plain` keeps it, as one JSON list: for SQLite, which knows no arrays."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Convert:
        """Write them."""
        return lambda texts: json.dumps([escape(text) for text in texts])


class Model(TypeDecorator[Any]):
    """A value of the standard, as JSON under its wire names; None is none.

    Moments are kept to the microsecond: the wire's milliseconds would lose some.
    """

    impl = Text
    cache_ok = True

    def __init__(self, adapter: TypeAdapter[Any]) -> None:
        super().__init__()
        self.adapter = adapter

    def bind_processor(self, dialect: Dialect) -> Convert:
        """Write what is given of it."""
        dump = self.adapter.dump_python
        return _unless_none(lambda value: orjson.dumps(dump(value, by_alias=True, exclude_none=True)).decode())

    def result_processor(self, dialect: Dialect, coltype: object) -> Convert:
        """Read it."""
        return _unless_none(self.adapter.validate_json)
