"""Column types that keep a value exactly as it came, on both databases.

PostgreSQL knows time zones but refuses NUL in text; SQLite knows neither. A moment is UTC to the microsecond
everywhere, and any Python string a WFM may send can be stored and found again.
"""

import re
from datetime import UTC, datetime

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, String, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

UTC_TEXT_LENGTH = len("2026-03-05T13:04:05.123456Z")

# U+241B, the picture of the escape key, marks what PostgreSQL or UTF-8 cannot hold: NUL, lone surrogates, and itself.
_ESCAPE = "\u241b"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff\u241b]")
_ESCAPED = re.compile(_ESCAPE + "([0-9a-f]{4})")

# SQLite counts by itself only in a column of the very type INTEGER.
Number = BigInteger().with_variant(Integer(), "sqlite")


def utc_text(moment: datetime) -> str:
    """Write an aware moment so that text order is time order: `2026-03-05T13:04:05.123456Z`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def escape(text: str) -> str:
    """Replace what a database cannot hold by an escape; other text is left alone."""
    return _UNSTORABLE.sub(lambda match: f"{_ESCAPE}{ord(match[0]):04x}", text)


def unescape(text: str) -> str:
    """Undo `escape`."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if _ESCAPE in text else text


class Utc(TypeDecorator[datetime]):
    """An aware datetime, kept and given back in UTC to the microsecond. A naive one is a ValueError."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime] | TypeEngine[str]:
        """Take the database's own type where it knows time zones, else text that sorts."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(UTC_TEXT_LENGTH))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        """Refuse a naive moment; write the others in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value.isoformat()}: the store keeps aware moments only")
        return utc_text(value) if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:
        """Give back an aware moment in UTC."""
        if value is None:
            return None
        return datetime.fromisoformat(value) if isinstance(value, str) else value.astimezone(UTC)


class Plain(TypeDecorator[str]):
    """Text of any content, also what a WFM should never have sent (NUL, lone surrogates)."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Escape what a database cannot hold."""
        return None if value is None else escape(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Undo the escape."""
        return None if value is None else unescape(value)
