"""Local date-times of a WFM, in both directions.

A local time in the spring gap moves forward by the gap; of an ambiguous autumn time the first is taken. Both are
remarked on, so that the operator sees that the WFM's text alone did not say what was meant.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Remarks = list[str]
ReadMoment = Callable[[str, Remarks], datetime]
WriteMoment = Callable[[datetime], str]

_FIXED_WIDTH = {"Y": "[0-9]{4}", "m": "[0-9]{2}", "d": "[0-9]{2}", "H": "[0-9]{2}", "M": "[0-9]{2}", "S": "[0-9]{2}"}
_IN_ORDER = ("Y", "m", "d", "H", "M", "S")
_REMEMBERED = 4096  # texts for each field: a snapshot repeats its window, and jobs share the windows of a day
_LONGEST = 64  # characters of a date and time; a blank in a format matches any number of them
_SAMPLE = datetime(2026, 3, 5, 13, 4, tzinfo=UTC)


def check_zone(name: str) -> str:
    """Return the zone's name when the time zone database has it. Raises `ValueError` with a sentence."""
    find_zone(name)
    return name


def check_format(pattern: str) -> str:
    """Return the `strptime` format when a date and a time survive it. Raises `ValueError` with a sentence."""
    try:
        parsed = datetime.strptime(_SAMPLE.strftime(pattern), pattern)  # noqa: DTZ007 - the zone is not judged here
    except (ValueError, re.error) as error:
        raise ValueError(f"'{pattern}' is not a date format: {error}") from error
    if parsed.replace(tzinfo=UTC) != _SAMPLE:
        raise ValueError(f"'{pattern}' loses a part of the date or time; write something like '%Y-%m-%d %H:%M'")
    return pattern


def has_offset(pattern: str) -> bool:
    """Tell whether texts of this format carry their own UTC offset, and so need no zone."""
    return "%z" in pattern.replace("%%", "")


@lru_cache
def find_zone(name: str) -> ZoneInfo:
    """Give the zone. Raises `ValueError` with a sentence."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"'{name}' is not a time zone such as Europe/Warsaw") from error


def moment_reader(pattern: str, zone: str | None) -> ReadMoment:
    """Make a function from text to an aware UTC moment. It raises `ValueError` on text that does not fit."""
    parse = _parser(pattern)
    local = find_zone(zone) if zone is not None else None

    @lru_cache(maxsize=_REMEMBERED)
    def understand(text: str) -> tuple[datetime, str | None]:
        parsed = parse(text)
        try:
            if parsed.tzinfo is not None:
                return parsed.astimezone(UTC), None
            return _in_utc(parsed, local) if local is not None else (parsed.replace(tzinfo=UTC), None)
        except OverflowError as error:
            raise ValueError("it is outside the calendar") from error

    def read(text: str, remarks: Remarks) -> datetime:
        if len(text) > _LONGEST:
            raise ValueError("it is too long")
        moment, remark = understand(text)
        if remark is not None:
            remarks.append(remark)
        return moment

    return read


def moment_writer(pattern: str, zone: str | None) -> WriteMoment:
    """Make a function that writes a moment as the WFM's local time."""
    local = find_zone(zone) if zone is not None else UTC

    def write(moment: datetime) -> str:
        return moment.astimezone(local).strftime(pattern)

    return write


def _in_utc(naive: datetime, zone: ZoneInfo) -> tuple[datetime, str | None]:
    local = naive.replace(tzinfo=zone)
    before, after = _offset(local), _offset(local.replace(fold=1))
    # fold=0 is the policy in both cases: the offset before the change moves a missing time forward by the gap.
    moment = (naive - before).replace(tzinfo=UTC)
    if before == after:
        return moment, None
    kind = "does not exist and is moved forward" if before < after else "happens twice and is taken as the first"
    return moment, f"{naive.isoformat(sep=' ')} {kind} in {zone.key}"


def _offset(local: datetime) -> timedelta:
    return local.utcoffset() or timedelta()


def _parser(pattern: str) -> Callable[[str], datetime]:
    """Parse by a fixed-width pattern where the format allows it (six times faster), else as `strptime` does."""
    quick = _fixed_width(pattern)

    def slow(text: str) -> datetime:
        try:
            return datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone is put on by the caller
        except (ValueError, OverflowError) as error:
            raise ValueError(f"it does not fit {pattern}") from error

    if quick is None:
        return slow

    def parse(text: str) -> datetime:
        match = quick(text)
        return datetime(*map(int, match.groups())) if match else slow(text)  # type: ignore[arg-type]  # noqa: DTZ001

    return parse


def _fixed_width(pattern: str) -> Callable[[str], re.Match[str] | None] | None:
    directives = tuple(re.findall("%(.)", pattern))
    if directives != _IN_ORDER[: len(directives)] or len(directives) < 3:
        return None
    parts = re.split("%(.)", pattern)
    texts = [re.escape(part) if index % 2 == 0 else f"({_FIXED_WIDTH[part]})" for index, part in enumerate(parts)]
    return re.compile("".join(texts)).fullmatch
