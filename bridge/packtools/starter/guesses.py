"""What kind of value a path holds, guessed from the values that came there and a little from its name."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bridge.mapping.formats.datetimes import moment_reader
from bridge.mapping.formats.durations import duration_reader

_DIGITS: Final = "%Y%m%d%H%M%S"
_DIGITS_LENGTH: Final = 14
_MOMENTS: Final = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%dT%H:%M:%S.%f%z",
    "%Y-%m-%dT%H:%M%z",
    "%Y-%m-%dT%H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %I:%M %p",
    _DIGITS,
    "json_date",
    "iso",
)
_DATES: Final = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y%m%d")
_TIMES: Final = ("%H:%M:%S", "%H:%M", "%I:%M %p")

_TIME_WORD = re.compile(
    "time|date|at|on|ts|stamp|timestamp|start|end|from|to|begin|finish|epoch|ms|when|since|until|due"
    "|created|updated|modified|changed|occurred"
)
_DURATION_WORD = re.compile("duration|dur|estimated?|est|length|effort|travel")
_UNIT_WORDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("sec", "secs", "seconds"), "seconds"),
    **dict.fromkeys(("min", "mins", "minutes"), "minutes"),
    **dict.fromkeys(("hour", "hours", "hrs"), "hours"),
    **dict.fromkeys(("day", "days"), "days"),
}
_EPOCHS: Final = tuple(
    (name, 1_000_000_000 * unit, 4_102_444_800 * unit)
    for name, unit in (("epoch_ns", 10**9), ("epoch_us", 10**6), ("epoch_ms", 10**3), ("epoch", 1))
)
"""With the range of numbers that are moments from 2001 to 2099."""

_CODE = re.compile(r"[A-Z][A-Z0-9_-]{0,15}|[a-z][a-z0-9_]{0,15}")
_NAME_OF_CODE = re.compile("status|stat|state|type|category|code|event|kind")
_WORDS_OF_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_ -]{0,31}")  # what such a field may say, and another had as a text
_STATES: Final = ("status", "stat", "state", "st", "reason")
_NUMBER_OF_STATE = re.compile("-?[0-9]{1,6}")
_KEY = re.compile(
    "(?:.*(?:id|no|nr|num|number|key|ref|reference|zip|code|plz|phone|tel|mobile|fax))|post|postal|house|ticket|account"
    "|customer|client|kunde|order|job|auftrag|cust|acct|acc|subscriber|tt|tkt|incident|wo|site|loc|location|crew|tech|asset"
)
"""The last word of what identifies something: a text, though it may be written in digits."""
_COUNTS = re.compile("version|ver|rev|revision|seq|sequence|lfd|count|counter|index")
_MOST_CODES = 30
_LONGEST_NUMBER = 19  # digits
_MOST_DIGITS = 2  # keys look like codes, but hold running numbers
_NO_TIME = "1970-01-01"  # a date that stands for a time span begins like this


@dataclass(frozen=True, slots=True)
class Guess:
    """A type of field with the options that belong to it; `date` and `time` are halves of a datetime, kept as texts.

    `hint` is what a person should look at.
    """

    type: str
    options: Mapping[str, object] = field(default_factory=dict)
    hint: str = ""


TEXT: Final = Guess("text")
_PERHAPS_CODE: Final = Guess("text", hint="TODO: a code? one sample does not tell; type: code, values: […]")


def guess(name: str, values: Iterable[object]) -> Guess | None:
    """Guess from the values that are there, of which there may be none; None for what no field can read."""
    present = [value for value in values if value not in (None, "")]
    if not present:
        return TEXT
    kinds = {type(value) for value in present}
    words = frozenset(name.split("_"))
    if (codes := _state(name, present)) is not None:
        return codes
    if kinds == {bool}:
        return Guess("boolean")
    if kinds == {list}:
        return Guess("list") if all(_is_plain(item) for one in present for item in _items(one)) else None
    if kinds <= {int, float}:
        return TEXT if kinds == {int} and is_key(name) and _epoch(words, present) is None else _number(words, present)
    if kinds == {str}:
        return _text(words, [str(value) for value in present], is_key=is_key(name))
    return TEXT if kinds == {str, int} else None


def is_key(name: str) -> bool:
    """Tell by its name what identifies something, and is no number though it looks like one."""
    words = name.removesuffix("_value").split("_")
    return _KEY.fullmatch(words[-1]) is not None and not any(map(_COUNTS.fullmatch, words))


def names_code(name: str) -> bool:
    """Tell by its name what holds codes, whatever came in the samples."""
    return _is_any(frozenset(name.split("_")), _NAME_OF_CODE)


def _state(name: str, values: Sequence[object]) -> Guess | None:
    """What a field that says a state holds is a code, be it written in digits."""
    codes = list(dict.fromkeys(map(str, values)))
    is_state = name.removesuffix("_value").rpartition("_")[2] in _STATES and len(codes) <= _MOST_CODES
    are_numbers = all(map(_is_plain, values)) and all(map(_NUMBER_OF_STATE.fullmatch, codes))
    return _code(codes, len(values)) if is_state and are_numbers else None


def _code(codes: Sequence[str], samples: int) -> Guess:
    """A list of codes that is made of one sample would refuse every other message."""
    return Guess("code", {"values": list(codes)}) if samples > 1 else _PERHAPS_CODE


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _is_plain(item: object) -> bool:
    return isinstance(item, str | int) and not isinstance(item, bool)


def _number(words: frozenset[str], numbers: Sequence[object]) -> Guess | None:
    found: Guess | None = None
    are_whole = all(isinstance(number, int) for number in numbers)
    if are_whole and (found := _epoch(words, numbers)) is not None:
        return found
    unit = next((_UNIT_WORDS[word] for word in words if word in _UNIT_WORDS), None)
    if unit is not None and (unit != "minutes" or not are_whole):
        found = _duration(unit, numbers)
    return found or (Guess("integer") if are_whole else None)


def _epoch(words: frozenset[str], numbers: Sequence[object]) -> Guess | None:
    for format_, first, last in _EPOCHS:
        if _is_any(words, _TIME_WORD) and all(first <= int(str(number)) <= last for number in numbers):
            return Guess("datetime", {"format": format_})
    return None


def _is_any(words: Iterable[str], pattern: re.Pattern[str]) -> bool:
    return any(pattern.fullmatch(word) for word in words)


def _text(words: frozenset[str], texts: Sequence[str], *, is_key: bool) -> Guess:
    found = _moment(texts) or _span(words, texts) or _half(words, texts)
    return found or (None if is_key else _digits(words, texts)) or _words(words, texts, is_key=is_key)


def _moment(texts: Sequence[str]) -> Guess | None:
    if all(text.startswith(_NO_TIME) for text in texts):
        return _duration("date", texts)
    found = next((format_ for format_ in _MOMENTS if _are_moments(format_, texts)), None)
    is_date_only = found == "iso" and all(":" not in text for text in texts)
    return None if found is None or is_date_only else Guess("datetime", {"format": found})


_FRACTION = re.compile(r":[0-9]{2}[.,][0-9]")
_SECONDS = re.compile(r":[0-9]{2}:[0-9]{2}")


def _are_moments(format_: str, texts: Sequence[str]) -> bool:
    if format_ == _DIGITS and any(len(text) != _DIGITS_LENGTH for text in texts):
        return False  # a number may lack its first digits
    if format_ != "iso" and {bool(_FRACTION.search(text)) for text in texts} != {"%f" in format_}:
        return False  # some would be read without their fraction, or with one that nobody writes
    if ":%S" in format_ and not any(map(_SECONDS.search, texts)):
        return False
    read = moment_reader(format_, "UTC")
    return _fits(lambda text: read(text, []), texts)


def _span(words: frozenset[str], texts: Sequence[str]) -> Guess | None:
    return _duration("iso", texts) or (_duration("clock", texts) if _is_any(words, _DURATION_WORD) else None)


def _duration(unit: str, values: Sequence[object]) -> Guess | None:
    return Guess("duration", {"format": unit}) if _fits(duration_reader(unit), values) else None


_DATE_WORDS = {"date", "day", "datum", "tag"}


def _half(words: frozenset[str], texts: Sequence[str]) -> Guess | None:
    """A date without a time of day, or the other way round."""
    dates = [format_ for format_ in _DATES if format_ != "%Y%m%d" or words & _DATE_WORDS]  # digits may be anything
    for format_ in dates:
        if _are_moments(f"{format_} %H:%M", [f"{text} 00:00" for text in texts]):
            return Guess("date", {"format": format_})
    for format_ in _TIMES:
        if _are_moments(f"%Y-%m-%d {format_}", [f"2026-01-01 {text}" for text in texts]):
            return Guess("time", {"format": format_})
    return None


def _digits(words: frozenset[str], texts: Sequence[str]) -> Guess | None:
    are_numbers = all(len(text) < _LONGEST_NUMBER and text.isascii() and text.isdigit() for text in texts)
    if are_numbers and all(str(int(text)) == text for text in texts):
        return _number(words, [int(text) for text in texts])
    unit = next((_UNIT_WORDS[word] for word in words if word in _UNIT_WORDS), None)
    return _duration(unit, texts) if unit is not None else None


def _words(words: frozenset[str], texts: Sequence[str], *, is_key: bool) -> Guess:
    """Codes are few and come again; of what is named so, two may be different."""
    different = dict.fromkeys(texts)
    is_named = _is_any(words, _NAME_OF_CODE)
    pattern = _WORDS_OF_CODE if is_named else _CODE
    are_codes = all(pattern.fullmatch(text) and sum(map(str.isdigit, text)) <= _MOST_DIGITS for text in different)
    if not are_codes or len(different) > _MOST_CODES or (is_key and not is_named):
        return TEXT
    return _code(list(different), len(texts))


def _fits(read: Callable[[object], object], values: Sequence[object]) -> bool:
    try:
        for value in values:
            read(value)
    except ValueError:
        return False
    return True
