"""Durations of a WFM, in every way they are written; a MEF duration is a whole number of a unit."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from bridge.mapping.formats.tidy import tidy
from bridge.mapping.formats.values import decimal_number, is_ambiguous
from bridge.mef.enums import TimeDurationUnits

ReadDuration = Callable[[object], timedelta]

UNITS: Final = ("seconds", "minutes", "hours", "days", "clock", "iso", "date")
"""How a duration may be written: a number of a unit, `hh:mm[:ss]`, ISO 8601, or as a date since 1970-01-01."""

_CLOCK = re.compile(r"([0-9]{1,4}):([0-5][0-9])(?::([0-5][0-9]))?")
_PART = "([0-9]{1,9}(?:[.,][0-9]{1,9})?)"
_ISO = re.compile(f"P(?:{_PART}W)?(?:{_PART}D)?(?:T(?:{_PART}H)?(?:{_PART}M)?(?:{_PART}S)?)?")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a date that stands for a time span has no zone
_LONGEST = timedelta(days=36_500)
_SECONDS: Final[Mapping[str, int]] = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400}
_SPANS: Final[Mapping[TimeDurationUnits, timedelta]] = {
    TimeDurationUnits.US: timedelta(microseconds=1),
    TimeDurationUnits.MS: timedelta(milliseconds=1),
    TimeDurationUnits.SEC: timedelta(seconds=1),
    TimeDurationUnits.MIN: timedelta(minutes=1),
    TimeDurationUnits.HOUR: timedelta(hours=1),
    TimeDurationUnits.DAY: timedelta(days=1),
    TimeDurationUnits.WEEK: timedelta(weeks=1),
}


def duration_reader(unit: str) -> ReadDuration:
    """Make a function from a raw value to a duration. It raises `ValueError` with a sentence."""
    read = _WORDED.get(unit) or _amount(_SECONDS[unit])

    def bounded(raw: object) -> timedelta:
        try:
            duration = read(raw)
        except OverflowError as error:
            raise ValueError("it is too long") from error
        if not timedelta() <= duration <= _LONGEST:
            raise ValueError("it is negative, or longer than a hundred years")
        return duration

    return bounded


TELLABLE: Final = tuple(_SPANS)
"""The units a duration can be told in; a month or a year has no fixed length, and nothing here is so short as NS."""


def whole_units(duration: timedelta, unit: TimeDurationUnits) -> int:
    """Give a duration in a unit, rounded up: work must not look shorter than it is. Raises `ValueError`."""
    span = _SPANS.get(unit)
    if span is None:
        raise ValueError(f"a duration cannot be told in {unit}")
    return -(-duration // span)


def _amount(seconds: int) -> ReadDuration:
    def read(raw: object) -> timedelta:
        number = decimal_number(raw)
        if number is None:
            ambiguous = "; its separator may stand before thousands or a fraction" if is_ambiguous(raw) else ""
            raise ValueError(f"it is no number{ambiguous}")
        return timedelta(seconds=float(number) * seconds)

    return read


def _clock(raw: object) -> timedelta:
    match = _CLOCK.fullmatch(tidy(raw)) if isinstance(raw, str) else None
    if match is None:
        raise ValueError("it is not like 01:30 or 01:30:00")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _iso(raw: object) -> timedelta:
    match = _ISO.fullmatch(tidy(raw).upper()) if isinstance(raw, str) else None
    if match is None or not any(match.groups()):
        raise ValueError("it is not like PT1H30M")
    weeks, days, hours, minutes, seconds = (float((part or "0").replace(",", ".")) for part in match.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def _date(raw: object) -> timedelta:
    try:
        # Python would stop reading at a NUL.
        moment = datetime.fromisoformat(raw) if isinstance(raw, str) and "\0" not in raw else None
    except ValueError:
        moment = None
    if moment is None:
        raise ValueError("it is not like 1970-01-01 04:00:00")
    return moment.replace(tzinfo=None) - _EPOCH


_WORDED: Final[Mapping[str, ReadDuration]] = {"clock": _clock, "iso": _iso, "date": _date}
