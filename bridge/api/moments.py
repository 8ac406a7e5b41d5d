"""Date-times as the standard wants them: RFC 3339, which always has seconds and an offset.

pydantic is more generous (it takes a bare number of seconds in quotes, or a time without seconds), so bodies and
queries are checked here.
"""

import re
from datetime import UTC, datetime
from typing import Final

_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)

EXPECTED: Final = "an RFC 3339 date-time with seconds and an offset, such as 2026-03-06T08:00:00Z"


def parse_moment(text: str) -> datetime | None:
    """Read an RFC 3339 date-time (section 5.6) into UTC; None if it is none, or not between the years 1 and 9999."""
    if not _RFC3339.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
