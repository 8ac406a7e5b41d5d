"""Values on their way through a pack: how one is read, turned into text, and shown to a person.

An absent value is `None`: JSON's `null` never gets this far, a field either refuses it or takes it as absent.
"""

import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

import orjson

from bridge.mapping.formats.numbers import LARGEST, decimal_number, is_ambiguous, whole_number
from bridge.mapping.formats.paths import MISSING
from bridge.mef.models import TimePeriod
from bridge.mef.moments import rfc3339

T = TypeVar("T")
Values = Mapping[str, object]
Get = Callable[[Values], object]

_SHOWN = 60  # characters of a value in a sentence
_KEPT = 200  # characters of a value in an explanation


class Misread(Exception):
    """A value is not what the pack says it is; the text is a sentence for the operator. Never leaves this package."""


class Unfit(Exception):
    """A raw value is not what was expected; the text says what that is, and whoever reads a field says the rest."""


def absent(_: Values) -> None:
    """Give nothing, for whatever values."""


def constant(value: T) -> Callable[[Values], T]:
    """Make a getter that gives the same value every time."""

    def get(_: Values) -> T:
        return value

    return get


def as_text(value: object) -> str:
    """Write a typed value as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return rfc3339(value) if isinstance(value, datetime) else str(value)


def readable_text(raw: object) -> str | None:
    """Take text, or a number as JSON would write it plainly; None for all else and for what no database keeps.

    A number that is whole is the same however it is written: 17, 17.0, 1.7e1.
    """
    if isinstance(raw, str):
        return raw if is_clean(raw) else None
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    if isinstance(raw, int):
        return str(raw)
    if not math.isfinite(raw) or abs(raw) > LARGEST:
        return None
    return str(int(raw)) if raw.is_integer() else format(Decimal(repr(raw)), "f")


def loosely(code: str) -> str:
    """Write a code so that upper and lower case, blanks around it and leading zeros make no difference."""
    folded = code.strip().casefold()
    return folded.lstrip("0") or folded[:1]


def is_clean(text: str) -> bool:
    """Tell whether text has neither NUL nor lone surrogates, which neither PostgreSQL nor UTF-8 can hold."""
    if "\x00" in text:
        return False
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def is_storable(value: object) -> bool:
    """Tell whether decoded JSON can be kept in a database as it is."""
    try:
        return b"\\u0000" not in orjson.dumps(value)
    except orjson.JSONEncodeError:
        return False


def readable_integer(raw: object) -> int | None:
    """Take a whole number, or a text that means one, within 64 bits; None for anything else."""
    return whole_number(raw)


def readable_number(raw: object) -> float | None:
    """Take a finite number, or a text that means one; None for anything else."""
    number = decimal_number(raw)
    return float(number) if number is not None and abs(number) <= LARGEST else None


def whole_number_wanted(raw: object) -> str:
    """Say what was expected where a whole number was, and why this is none where that is not plain to see."""
    expected = "a whole number of at most 64 bits"
    return f"{expected} (the separator may stand before thousands or a fraction)" if is_ambiguous(raw) else expected


def check_number(number: float) -> float:
    """Return a number of a pack that every database and WFM can hold. Raises `ValueError` with a sentence."""
    if isinstance(number, int) and abs(number) > LARGEST:
        raise ValueError("expected a whole number of at most 64 bits; put it in quotes if it is meant as text")
    if not math.isfinite(number):
        raise ValueError("expected a number that is finite")
    return number


def briefly(value: object) -> str:
    """Show any value in a sentence, shortly and on one line."""
    if isinstance(value, str):
        return _shown_text(value)
    if isinstance(value, dict):
        return f"an object of {len(value)} members"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)} items"
    return json.dumps(value) if value is None or isinstance(value, bool | int | float) else as_text(value)


def what_came(raw: object) -> str:
    """Say what came where something else was expected."""
    return "it is missing" if raw is MISSING else f"came {briefly(raw)}"


def _shown_text(text: str) -> str:
    cut = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return json.dumps(cut, ensure_ascii=not is_clean(cut))


def plain_json(value: object) -> object:
    """Give any value as small plain JSON that every database can keep."""
    if isinstance(value, str):
        return value if len(value) <= _KEPT and is_clean(value) else briefly(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else briefly(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, tuple):
        if value and isinstance(value[0], Mapping):
            return briefly(value)  # items, which are explained one by one
        return [plain_json(one) for one in value[:20]]
    return briefly(value)


def window_of(start: datetime | None, end: datetime | None) -> TimePeriod | None:
    """Make a window of its two ends, None of none. Raises `Misread` when there is half a window, or an empty one."""
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise Misread(f"window: the {'start' if start is None else 'end'} is absent while the other end is there")
    if end <= start:
        raise Misread(f"window: the end {rfc3339(end)} is not after the start {rfc3339(start)}")
    return TimePeriod(start_date_time=start, end_date_time=end)
