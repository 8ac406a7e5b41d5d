"""Date-times of a WFM, in both directions.

A local time in the spring gap moves forward by the gap; of an ambiguous autumn time the first is taken, or the second
(`later`). Both are remarked on, so that the operator sees that the WFM's text alone did not say what was meant; under
the policy `park` neither is taken.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Literal, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from bridge.mapping.formats.patterns import OFFSET, compile_pattern, offset_of
from bridge.mapping.formats.tidy import tidy
from bridge.mapping.formats.values import LARGEST, decimal_number, is_ambiguous, whole_number
from bridge.yaml_source import did_you_mean

Remarks = list[str]
WriteMoment = Callable[[datetime], str | int]
Dst = Literal["earlier", "later", "park"]


class ReadMoment(Protocol):
    """Reads a raw value; `zone` overrides the zone that the reader was made with. Raises `ValueError`."""

    def __call__(self, raw: object, remarks: Remarks, zone: tzinfo | None = None, /) -> datetime: ...


WORDS = ("iso", "epoch", "epoch_ms", "epoch_us", "epoch_ns", "json_date")
"""Formats with a name: RFC 3339 and its kin, seconds and their thousandths since 1970, and `/Date(ms±zzzz)/`."""

_REMEMBERED = 4096  # texts for each field: a snapshot repeats its window, and jobs share the windows of a day
_LONGEST = 64  # characters of a date and time; a blank in a format matches any number of them
_LONGEST_ZONE = 64  # characters of a zone's name
_MINUTES_OF_A_DAY = 24 * 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCHS = {"epoch": 10**9, "epoch_ms": 10**6, "epoch_us": 10**3, "epoch_ns": 1}
"""Nanoseconds of a unit."""
_ABSOLUTE = (*_EPOCHS, "json_date")
_JSON_DATE = re.compile(r"/Date\(([+-]?[0-9]{1,18})(?:[+-][0-9]{4})?\)/")
_LETTERS = {
    "yyyy": "%Y",
    "YYYY": "%Y",
    "MM": "%m",
    "dd": "%d",
    "DD": "%d",
    "HH": "%H",
    "mm": "%M",
    "ss": "%S",
    "'T'": "T",
    "'Z'": "%z",
    "XXX": "%z",
}
_SAMPLE = datetime(2026, 3, 5, 13, 4, tzinfo=UTC)


def check_zone(name: str) -> str:
    """Return the zone's name when the time zone database has it. Raises `ValueError` with a sentence."""
    try:
        find_zone(name)
    except ValueError as error:
        raise ValueError(f"{error}{did_you_mean(name, sorted(available_timezones()))}") from error
    return name


def check_format(pattern: str) -> str:
    """Return the `strptime` format when a date and a time survive it. Raises `ValueError` with a sentence."""
    if pattern in WORDS:
        return pattern
    directives = re.findall("%(.)", pattern)
    if "Z" in directives:
        raise ValueError(
            f"'{pattern}' reads the name of a zone and forgets it; write %z, which reads an offset, Z, UTC or GMT, "
            "or leave it out and write the zone"
        )
    if "p" in directives and "I" not in directives:
        raise ValueError(f"'{pattern}' forgets AM and PM, which say nothing beside %H; write %I")
    if not _is_whole(pattern):
        meant = _in_directives(pattern)
        example = meant if "%" not in pattern and _is_whole(meant) else "%Y-%m-%d %H:%M"
        raise ValueError(f"'{pattern}' loses a part of the date or time; write something like '{example}'")
    return pattern


def _is_whole(pattern: str) -> bool:
    """Tell whether a date and a time survive. Raises `ValueError` where the directives are none."""
    try:
        parsed = datetime.strptime(_SAMPLE.strftime(pattern), pattern)  # noqa: DTZ007 - the zone is not judged here
    except (ValueError, re.error) as error:
        raise ValueError(f"'{pattern}' is not a date format: {error}") from error
    return parsed.replace(tzinfo=UTC) == _SAMPLE


def _in_directives(pattern: str) -> str:
    """Write in directives what is written in letters, as other systems do: `dd.MM.yyyy HH:mm`."""
    return re.sub("|".join(_LETTERS), lambda found: _LETTERS[found[0]], pattern)


def check_written_format(pattern: str) -> str:
    """Return the format of a time that is only written, perhaps in part. Raises `ValueError` with a sentence."""
    if pattern in WORDS:
        return pattern
    try:
        datetime.strptime(_SAMPLE.strftime(pattern), pattern)  # noqa: DTZ007 - only the directives are judged
    except (ValueError, re.error) as error:
        raise ValueError(f"'{pattern}' is not a date format: {error}") from error
    directives = re.findall("%(.)", pattern)
    if "I" in directives and "p" not in directives:
        raise ValueError(f"'{pattern}' writes a clock of twelve hours without AM or PM; write %H, or %p beside it")
    if "%" not in pattern.replace("%%", ""):
        meant = _in_directives(pattern)
        example = meant if "%" in meant.replace("%%", "") else "%Y-%m-%d"
        raise ValueError(f"'{pattern}' writes no part of a date or time; write something like '{example}'")
    return pattern


def has_offset(pattern: str) -> bool:
    """Tell whether texts of this format carry their own UTC offset, and so need no zone."""
    return pattern in _ABSOLUTE or "%z" in pattern.replace("%%", "")


_ZONE_WORDS = (
    "UTC GMT UT UCT ZULU WET WEST CET CEST EET EEST MSK BST IST EST EDT CST CDT MST MDT PST PDT JST AEST AEDT NZST NZDT"
)
_MORE_ZONE_WORDS = (  # only in capitals: small, some of them are words
    "ACDT ACST ADT AKDT AKST ART AST AWST BRT CAT CLT COT EAT ET HAEC HDT HKT HNEC HST IDT KST MESZ MEST MET MEZ NDT "
    "NST OESZ OEZ PET PHT PKT PT SAST SGT SST TRT WAT WESZ WEZ WIB WIT WITA"
)
_ZONE_NAMES = (
    r"\b[A-Z][A-Za-z]+/[A-Z][A-Za-z_]+"
    r"|\b(?:Standard|Daylight|Summer|Universal|Mean|European|Eastern|Central|Mountain|Pacific) Time\b"
)
_CLOCK_DIRECTIVE = re.compile("%[HIMSfpTRXc]")
_ALONE = r"(?:(?<![A-Za-z%])|(?<=%[A-Za-z]))"  # not within a word; a directive may stand before it
_SHIFT = r"[+-][0-9]{1,2}(?::?[0-9]{2})?"
_BY_NAME = re.compile(
    rf"{_ALONE}(?:{'|'.join(_ZONE_WORDS.split())}|(?-i:{'|'.join(_MORE_ZONE_WORDS.split())}))(?:{_SHIFT})?(?![A-Za-z])"
    rf"|(?-i:{_ZONE_NAMES})",
    re.IGNORECASE,
)
_OF_OTHER_SYSTEMS = "Z{2,5}|X{1,5}|x{1,5}|O{4}|VV|[+-]HH:?MM"  # as Java, .NET and JavaScript write an offset
_IN_THE_END = re.compile(
    rf"{_ALONE}(?:Z(?:0|00|00:?00)?|{_SHIFT}|(?-i:{_OF_OTHER_SYSTEMS}))(?![A-Za-z0-9])", re.IGNORECASE
)
_AT_THE_DATE = re.compile(r"(?<=%[dDjFu])(?:Z|\+[0-9]{1,2}:?[0-9]{2})(?![A-Za-z0-9])")
_UTC_WORDS = frozenset(("Z", "UTC", "GMT", "UT", "UCT", "ZULU", "UNIVERSAL TIME"))
_UTC_ZONES = frozenset(("UTC", "Etc/UTC", "GMT", "Etc/GMT", "UCT", "Etc/UCT", "Zulu", "Etc/Zulu", "Universal"))


def offset_in_letters(pattern: str) -> str | None:
    """Give what looks like an offset in a format, such as a Z, and is only letters there; None where nothing does."""
    if pattern in WORDS or has_offset(pattern):
        return None
    own = pattern.replace("%%", "")
    text = tidy(own)
    shown = own if len(own) == len(text) else text
    if (word := _BY_NAME.search(text)) is not None:
        return shown[word.start() : word.end()]
    last = max((found.end() for found in _CLOCK_DIRECTIVE.finditer(text)), default=None)
    found = _IN_THE_END.search(text, max(0, last - 2)) if last is not None else None
    found = found or _AT_THE_DATE.search(text)
    return shown[found.start() : found.end()] if found is not None else None


def is_utc(word: str, zone: str | None) -> bool:
    """Tell whether a zone is what such letters say: UTC."""
    at_zero = tidy(word).upper().rstrip("+-0:")
    return (not at_zero or at_zero in _UTC_WORDS) and zone in _UTC_ZONES


def offset_test(pattern: str) -> Callable[[object], bool]:
    """Make a test of raw values: does one carry its own UTC offset, and so need no zone?"""
    if pattern in _ABSOLUTE:
        return lambda _: True
    parse = _iso if pattern == "iso" else _parser(pattern)

    def test(raw: object) -> bool:
        try:
            return isinstance(raw, str) and len(raw) <= _LONGEST and parse(raw).tzinfo is not None
        except ValueError:
            return False

    return test


def resolution(pattern: str | None) -> timedelta:
    """Give the smallest step between moments that texts of this format can tell; None is any format."""
    if pattern in (None, "iso", "epoch_us", "epoch_ns") or "%f" in pattern:
        return timedelta(microseconds=1)
    if pattern in _ABSOLUTE:
        return timedelta(milliseconds=1)
    to_the_minute = not any(part in pattern for part in _WITH_SECONDS)
    return timedelta(minutes=1) if to_the_minute else timedelta(seconds=1)


_WITH_SECONDS = ("%S", "%T", "%X", "%c", "%s", "%z")  # an offset may have seconds too


@lru_cache
def find_zone(name: str) -> ZoneInfo:
    """Give the zone. Raises `ValueError` with a sentence."""
    if len(name) > _LONGEST_ZONE:
        raise ValueError("the name is longer than that of any time zone")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"'{name}' is not a time zone such as Europe/Warsaw") from error


def offset_zone(minutes: object) -> tzinfo | None:
    """Give the zone so many minutes east of Greenwich; None where these are no minutes, or those of a day."""
    if not isinstance(minutes, int) or abs(minutes) >= _MINUTES_OF_A_DAY:
        return None
    return timezone(timedelta(minutes=minutes))


def on_next_day(moment: datetime, zone: tzinfo) -> datetime:
    """Give the same time of the next day, as the clocks in the zone show it. Raises `ValueError` with a sentence."""
    try:
        return (moment.astimezone(zone) + timedelta(days=1)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("it is outside the calendar") from error


def moment_reader(pattern: str, zone: str | None, dst: Dst = "earlier") -> ReadMoment:
    """Make a function from a raw value to an aware UTC moment."""
    if pattern in _ABSOLUTE:
        return _absolute_reader(pattern)
    parse = _iso if pattern == "iso" else _parser(pattern)
    own: tzinfo = find_zone(zone) if zone is not None else UTC

    @lru_cache(maxsize=_REMEMBERED)
    def understand(text: str, local: tzinfo) -> tuple[datetime, str | None]:
        parsed = parse(text)
        try:
            return (parsed.astimezone(UTC), None) if parsed.tzinfo is not None else _in_utc(parsed, local, dst)
        except OverflowError as error:
            raise ValueError("it is outside the calendar") from error

    def read(raw: object, remarks: Remarks, local: tzinfo | None = None) -> datetime:
        text = raw if isinstance(raw, str) else None if pattern == "iso" else _digits(raw)
        if text is None:
            raise ValueError("it is no text")
        if len(text) > _LONGEST:
            raise ValueError("it is too long")
        moment, remark = understand(text, local or own)
        if remark is not None:
            remarks.append(remark)
        return moment

    return read


def moment_writer(pattern: str, zone: str | None) -> WriteMoment:
    """Make a function that writes a moment as the WFM's local time."""
    local = find_zone(zone) if zone is not None else UTC
    match pattern:
        case "epoch":
            return lambda moment: _milliseconds(moment) // 1000
        case "epoch_ms":
            return _milliseconds
        case "epoch_us":
            return _microseconds
        case "epoch_ns":
            return lambda moment: _microseconds(moment) * 1000
        case "json_date":
            return lambda moment: f"/Date({_milliseconds(moment)}{_in_zone(moment, local).strftime('%z')})/"
        case "iso":
            return lambda moment: _in_zone(moment, local).isoformat()
    return lambda moment: _in_zone(moment, local).strftime(pattern)


def _in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """In the first and last hours of the calendar a zone may have no time; UTC stands in."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment.astimezone(UTC)


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _digits(raw: object) -> str | None:
    """A date of digits alone may come as a number; `20260305` is one."""
    number = whole_number(raw) if isinstance(raw, int | float) else None
    return str(number) if number is not None and number >= 0 else None


def _absolute_reader(pattern: str) -> ReadMoment:
    unit = _EPOCHS.get(pattern, _EPOCHS["epoch_ms"])
    step = 10**3 if pattern in ("epoch_us", "epoch_ns") else 10**6  # nanoseconds

    def read(raw: object, _: Remarks, __: tzinfo | None = None) -> datetime:
        if pattern == "json_date":
            match = _JSON_DATE.fullmatch(tidy(raw)) if isinstance(raw, str) and len(raw) <= _LONGEST else None
            number = Decimal(match[1]) if match is not None else None
        else:
            number = decimal_number(raw) if not is_ambiguous(raw) else None
        if number is None or abs(number) > LARGEST:
            raise ValueError(f"it does not fit {pattern}")
        try:
            return _since_1970(math.floor(number * unit) // step * step)
        except OverflowError as error:
            raise ValueError(f"it is outside the calendar{_finer(number, pattern)}") from error

    return read


def _since_1970(nanoseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def _finer(number: Decimal, pattern: str) -> str:
    """Say in which other unit a number is of our time; nothing where in none."""
    for name, unit in _EPOCHS.items():
        nanoseconds = math.floor(number * unit)
        if name != pattern and _OF_OUR_TIME[0] <= nanoseconds < _OF_OUR_TIME[1]:
            return f"; by {name} it is {_since_1970(nanoseconds).date()}"
    return ""


_OF_OUR_TIME = (946_684_800 * 10**9, 4_102_444_800 * 10**9)
"""The years 2000 to 2099, in nanoseconds since 1970."""


def iso_moment(raw: object) -> datetime | None:
    """Read an ISO 8601 text that carries its own UTC offset, into UTC; None for anything else."""
    try:
        moment = _iso(raw) if isinstance(raw, str) and len(raw) <= _LONGEST else None
        return moment.astimezone(UTC) if moment is not None and moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


_PLAIN = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
_COMMON = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-?W[0-9]{2}-?[0-9]|[0-9]{4}-?[0-9]{3}(?![0-9])|[0-9]{8}(?=.))"
    r"(?:(?: +|[^0-9Z+-])"
    r"(?P<hour>[0-9]{2})(?::?(?P<minute>[0-9]{2})(?::?(?P<second>[0-9]{2}))?)?(?:[.,](?P<part>[0-9]*))?)?"
    rf"(?: ?(?P<offset>{OFFSET})(?:\[(?P<zone>[^\]]+)\])?)?",
    re.ASCII,
)
_DASHED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9]{2}:?[0-9]{2}")
_NOT_ISO = "it is not an ISO 8601 date and time"


def _iso(text: str) -> datetime:
    """Read the one form that nearly all write as Python does, and every other one of ISO 8601 by our own grammar.

    Python takes whatever stands behind a date for a separator, be it the sign of an offset, and every fraction for one
    of a second.
    """
    if _PLAIN.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:  # the end of a day, a leap second
            pass
    return _commonly_iso(tidy(text).upper())


def _commonly_iso(text: str) -> datetime:
    found = _COMMON.fullmatch(text)
    if found is None or (found["day"].isdigit() and len(found["day"]) == 8 and found["hour"] is None):
        raise ValueError(_NOT_ISO)  # digits alone are too easily something else
    if _DASHED.fullmatch(text):
        raise ValueError("it is ambiguous: what follows the date may be its offset, or a time of day")
    try:
        moment = _day(found["day"]) + _time_of_day(found)
        return moment if found["offset"] is None else _with_offset(moment, found["offset"], found["zone"])
    except OverflowError as error:
        raise ValueError("it is outside the calendar") from error


def _day(text: str) -> datetime:
    """Read a date, the day of a week, or the day of a year."""
    try:
        if "W" in text or len(text.replace("-", "")) == 8:
            return datetime.fromisoformat(text)
        year, number = int(text[:4]), int(text[-3:])
        day = datetime(year, 1, 1) + timedelta(days=number - 1)  # noqa: DTZ001 - the zone is put on by the caller
    except (ValueError, OverflowError) as error:
        raise ValueError(_NOT_ISO) from error
    if day.year != year:
        raise ValueError("it is no day of that year")
    return day


def _time_of_day(found: re.Match[str]) -> timedelta:
    """Give how long after midnight it is. A fraction is one of the last number before it (ISO 8601, 4.2.2.4)."""
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second or int(found["part"] or 0))):
        raise ValueError(_NOT_ISO)
    whole = timedelta(hours=hour, minutes=minute, seconds=second)
    if second == 60 or not found["part"]:
        return whole
    unit = next(size for name, size in _UNITS.items() if found[name] is not None)
    if unit != _UNITS["second"] and len(found["part"]) == 2 and int(found["part"]) < 60:
        raise ValueError(
            f"it is ambiguous: {found['part']} may be a fraction, or the {'seconds' if found['minute'] else 'minutes'}"
        )
    return whole + timedelta(microseconds=int(Decimal(f"0.{found['part']}") * unit))


_UNITS = {"second": 10**6, "minute": 60 * 10**6, "hour": 3600 * 10**6}
"""Microseconds, the smallest first."""


def _with_offset(moment: datetime, offset: str, zone: str | None) -> datetime:
    """Put an offset on; a zone that is named behind it (RFC 9557) must agree with it."""
    there = moment.replace(tzinfo=offset_of(offset))
    if zone is not None and there.astimezone(_named(zone)).utcoffset() != there.utcoffset():
        raise ValueError(f"it is ambiguous: its offset is not that of {zone}")
    return there


def _named(zone: str) -> tzinfo:
    """Find a zone whatever its upper and lower case is."""
    known = next((name for name in available_timezones() if name.upper() == zone), None)
    if known is None:
        raise ValueError(f"it is in no time zone that is known: {zone}")
    return find_zone(known)


def _in_utc(naive: datetime, zone: tzinfo, dst: Dst) -> tuple[datetime, str | None]:
    local = naive.replace(tzinfo=zone)
    before, after = _offset(local), _offset(local.replace(fold=1))
    if before == after:
        return (naive - before).replace(tzinfo=UTC), None
    missing = before < after
    kind = "does not exist" if missing else "happens twice"
    if dst == "park":
        raise ValueError(f"{naive.isoformat(sep=' ')} {kind} in {zone}")
    # The offset before the change moves a missing time forward by the gap, and is the first of an ambiguous one.
    offset = after if dst == "later" and not missing else before
    taken = "is moved forward" if missing else f"is taken as the {'second' if dst == 'later' else 'first'}"
    return (naive - offset).replace(tzinfo=UTC), f"{naive.isoformat(sep=' ')} {kind} and {taken} in {zone}"


def _offset(local: datetime) -> timedelta:
    return local.utcoffset() or timedelta()


def _parser(pattern: str) -> Callable[[str], datetime]:
    """Parse as such texts are commonly written; what the usual directives do not cover, as `strptime` does."""
    own = compile_pattern(pattern)
    if own is not None:
        return own

    def slow(text: str) -> datetime:
        try:
            return datetime.strptime(tidy(text), pattern)  # noqa: DTZ007 - the zone is put on by the caller
        except (ValueError, OverflowError) as error:
            raise ValueError(f"it does not fit {pattern}") from error

    return slow
