"""Texts of a `strptime` format, read as they are commonly written.

A pattern of the usual directives is compiled to a regular expression of our own, because `strptime` guesses: digits
that stand without a separator it takes greedily, so that `130` for `%H%M` is 13:00. Here a directive in a run of others
has its full width, and what a WFM's number has lost in front (half past one is 130) is put back. Beside that, an offset
may be `Z`, `UTC`, `+01` or `+01:00`; 24:00 is the end of the day, a leap second the next minute; a fraction of a second
that the format does not speak of may follow, and so may seconds that are none; both may be left out where they are
none, as many systems do; a `T` or a blank stands between date and time; names of months and days may be short or long;
upper and lower case, and blanks around it, make no difference.

A pattern with any other directive is left to `strptime`, which is stricter.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

from bridge.mapping.formats.tidy import tidy

_WIDTHS: Final[Mapping[str, int]] = {"Y": 4, "m": 2, "d": 2, "H": 2, "I": 2, "M": 2, "S": 2, "y": 2, "j": 3,
                                        "G": 4, "V": 2, "u": 1}  # fmt: skip
_MONTHS: Final = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
                  "november", "december")  # fmt: skip
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
OFFSET: Final = r"Z|(?:UTC?|GMT)?[+-][0-9]{1,2}(?::?[0-9]{2}(?::?[0-9]{2})?)?|UTC?|GMT"
_MONTH: Final = "|".join((*_MONTHS, "sept", *(month[:3] for month in _MONTHS)))
_DAY: Final = "|".join((*_DAYS, *(day[:3] for day in _DAYS)))
_WORDS: Final[Mapping[str, str]] = {
    "f": "[0-9]{1,9}",
    "z": f" ?(?:{OFFSET})",
    "p": r"\s*[AP]\.?M\.?",
    "b": _MONTH,
    "B": _MONTH,
    "a": _DAY,
    "A": _DAY,
}
_LIKE: Final[Mapping[str, str]] = {"T": "%H:%M:%S", "R": "%H:%M", "F": "%Y-%m-%d", "D": "%m/%d/%y",
                                     "X": "%H:%M:%S", "x": "%m/%d/%y", "c": "%a %b %d %H:%M:%S %Y"}  # fmt: skip
_TOKEN: Final = re.compile(r"([.,]%f)|((?<=%M):%S(?![.,]%f|%(?![zp])))|%(.)|(\s+)|([^%\s.,:]+|[.,:])")
"""A fraction of a second, seconds that may be left out, a directive, a blank, and what else stands between."""
_FRACTION: Final = r"(?:[.,][0-9]{1,9})?"
_NO_SECONDS: Final = r"(?::00(?:[.,]0{1,9})?)?"
_WEEKDAY: Final = frozenset("GVu")
_PIVOT: Final = 69  # of years of two digits, as in POSIX

Read = Callable[[str], datetime]
"""Reads a text, with its offset where it has one. Raises `ValueError`."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a pattern: a run of directives of fixed width, another directive, or what stands between."""

    regex: str
    directives: tuple[str, ...] = ()


def compile_pattern(pattern: str) -> Read | None:
    """Make a function that reads texts of this pattern; None where it has directives that are left to `strptime`."""
    try:
        parts = tuple(_parts(_spelled_out(pattern)))
    except KeyError:
        return None
    runs = [part.directives for part in parts if part.directives]
    names = [directive for run in runs for directive in run]
    if len(names) != len(set(names)) or 0 < len(_WEEKDAY & set(names)) < len(_WEEKDAY):
        return None  # strptime says what is wrong with it
    match = re.compile("".join(part.regex for part in parts), re.IGNORECASE).fullmatch

    def read(text: str) -> datetime:
        found = match(text) or match(tidy(text))
        if found is None:
            raise ValueError(f"it does not fit {pattern}")
        try:
            return _moment(_values(runs, found.groups()))
        except (ValueError, OverflowError) as error:
            raise ValueError(f"it does not fit {pattern}: {error}") from error

    return read


def _spelled_out(pattern: str) -> str:
    """Write out what stands for several directives; the blanks before AM and PM are of no account."""
    return re.sub(r"\s+%p", "%p", re.sub(r"%([%a-zA-Z])", lambda found: _LIKE.get(found[1], found[0]), pattern))


def _parts(pattern: str) -> Iterator[_Part]:
    """Cut a pattern into pieces. Raises `KeyError` for an unknown directive."""
    run: list[str] = []
    beside = ("%f" not in pattern, not any(part in pattern for part in ("%S", "%f", "%M%", "%M:")))
    for match in _TOKEN.finditer(pattern):
        fraction, second, directive, blank, text = match.groups()
        if directive in _WIDTHS:
            run.append(directive)
            continue
        yield from _run(run, *beside)
        run = []
        if fraction is not None:
            yield _Part(f"(?:[.,]({_WORDS['f']}))?", ("f",))
        elif second is not None:
            yield _Part(f"(?::([0-9]{{1,2}}){_FRACTION})?", ("S",))
        elif directive == "%":
            yield _Part("%")
        elif directive is not None:
            yield _Part(f"({_WORDS[directive]})", (directive,))
        else:
            yield _Part(r"(?:\s+|T)" if blank else r"[T\s]" if text == "T" else re.escape(text))
    yield from _run(run, *beside)


def _run(run: list[str], may_have_fraction: bool, to_the_minute: bool) -> Iterator[_Part]:
    """A single directive may lack its leading zero. In a run of them only the first may, and a year never does.

    A time of day that is a number may have lost more of them: 5 is five past midnight.
    """
    if not run:
        return
    width, first = sum(_WIDTHS[one] for one in run), _WIDTHS[run[0]]
    least = width if run[0] in "YG" else 1 if run[0] == "H" else width - first + 1
    yield _Part(f"([0-9]{{{least},{width}}})", tuple(run))
    if run[-1] == "S" and may_have_fraction:
        yield _Part(_FRACTION)
    elif run == ["M"] and to_the_minute:
        yield _Part(_NO_SECONDS)


def _values(runs: list[tuple[str, ...]], groups: tuple[str | None, ...]) -> dict[str, str]:
    values: dict[str, str] = {}
    for run, text in zip(runs, groups, strict=True):
        if text is None:
            continue
        if run[0] not in _WIDTHS:
            values[run[0]] = text.strip()
            continue
        rest = text.zfill(sum(_WIDTHS[one] for one in run))
        for one in run:
            values[one], rest = rest[: _WIDTHS[one]], rest[_WIDTHS[one] :]
    return values


def _moment(values: Mapping[str, str]) -> datetime:
    hour, days = _hour(values)
    second = int(values.get("S", "0"))
    over = timedelta(days=days, seconds=1 if second == 60 else 0)
    day = _day(values)
    micro = int(values.get("f", "0")[:6].ljust(6, "0"))
    moment = day.replace(hour=hour, minute=int(values.get("M", "0")), second=min(second, 59), microsecond=micro)
    return (moment + over if over else moment).replace(tzinfo=offset_of(values["z"]) if "z" in values else None)


def _day(values: Mapping[str, str]) -> datetime:
    if "G" in values:
        return datetime.fromisocalendar(int(values["G"]), int(values["V"]), int(values["u"]))
    year = int(values.get("Y", "1900"))
    if "y" in values:
        short = int(values["y"])
        year = short + (1900 if short >= _PIVOT else 2000)
    if "j" in values:
        first = datetime(year, 1, 1)  # noqa: DTZ001 - the zone is put on by the caller
        found = first + timedelta(days=int(values["j"]) - 1)
        if found.year != year:
            raise ValueError("the year has no such day")
        return found
    return datetime(year, _month(values), int(values.get("d", "1")))  # noqa: DTZ001


def _month(values: Mapping[str, str]) -> int:
    for directive in ("b", "B"):
        if directive in values:
            return next(i for i, month in enumerate(_MONTHS, 1) if month[:3] == values[directive].lower()[:3])
    return int(values.get("m", "1"))


def _hour(values: Mapping[str, str]) -> tuple[int, int]:
    """Give the hour, and how many days later it is: 24:00 is the end of a day."""
    if "I" in values:
        hour = int(values["I"])
        if not 1 <= hour <= 12:
            raise ValueError("a clock of twelve hours has no such hour")
        return hour % 12 + (12 if values.get("p", "a").lower().startswith("p") else 0), 0
    hour = int(values.get("H", "0"))
    if hour == 24 and not int(values.get("M", "0")) and not int(values.get("S", "0")) and not int(values.get("f", "0")):
        return 0, 1
    return hour, 0


def offset_of(text: str) -> tzinfo:
    """Read `Z`, `UTC`, `GMT`, `+01`, `+0100`, `+01:00` or `GMT+01:00`. Raises `ValueError`."""
    text = text.strip().upper().lstrip("ZUTCGM")
    if not text:
        return UTC
    digits = text[1:].replace(":", "")
    digits = digits.zfill(2) if len(digits) <= 2 else digits.zfill(4)
    hours, minutes, seconds = int(digits[:2]), int(digits[2:4] or 0), int(digits[4:6] or 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        raise ValueError("it is no offset that there is")
    span = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return timezone(-span if text[0] == "-" else span)
