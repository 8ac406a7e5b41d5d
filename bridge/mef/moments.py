"""Date-times as the standard wants them: RFC 3339 (section 5.6), which always has seconds and an offset.

pydantic alone is more generous: it takes a number of seconds in quotes, a time without seconds, and moments that no
calendar has in UTC. `Moment` reads text by this module only, wherever the text comes from.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AwareDatetime, BeforeValidator, PlainSerializer
from pydantic_core import PydanticCustomError

ERROR_TYPE: Final = "rfc3339"
EXPECTED: Final = "an RFC 3339 date-time with seconds and an offset, such as 2026-03-06T08:00:00Z"

_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)


def parse_moment(text: str) -> datetime | None:
    """Read an RFC 3339 date-time into UTC; None if it is none, or not between the years 1 and 9999.

    What is finer than a microsecond is cut off. A leap second (`:60`) is refused: no `datetime` can hold it.
    """
    if not _RFC3339.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def rfc3339(moment: datetime) -> str:
    """Write an aware datetime as RFC 3339 in UTC with millisecond precision, as the standard's samples do."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return f"{moment.isoformat(timespec='milliseconds')[:-6]}Z"  # without +00:00


def _read(value: object) -> datetime:
    """Our own code hands over a `datetime`; whatever else comes must be RFC 3339 text."""
    moment = value if isinstance(value, datetime) else parse_moment(value) if isinstance(value, str) else None
    if moment is None:
        raise PydanticCustomError(ERROR_TYPE, f"expected {EXPECTED}")
    return moment


Moment = Annotated[AwareDatetime, BeforeValidator(_read), PlainSerializer(rfc3339, return_type=str, when_used="json")]
