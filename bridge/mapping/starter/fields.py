"""The fields of a pack to begin with: one for each path of the samples, and moments joined of a date and a time."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from bridge.mapping.columns import STATE_COLUMNS
from bridge.mapping.starter.guesses import TEXT, Guess, guess
from bridge.mapping.starter.leaves import leaves

_TAKEN: Final = (*STATE_COLUMNS, "fault")
"""Names that mean something else in rules."""


@dataclass(frozen=True, slots=True)
class Input:
    """A field. `path` is where its value stands, or that of its time of day; `joined` are a date and a time above.

    `guess` is None where no field can read what came. `is_sure`: every sample has it.
    """

    name: str
    path: str
    guess: Guess | None
    is_sure: bool
    absent: tuple[str, ...] = ()
    joined: tuple["Input", "Input"] | None = None
    not_before: str | None = None

    @property
    def type(self) -> str:
        """The type of the field; halves of a moment are texts."""
        if self.guess is None:
            return ""
        return "text" if self.is_half else self.guess.type

    @property
    def is_half(self) -> bool:
        """Is it a date without a time of day, or the other way round?"""
        return self.guess is not None and self.guess.type in ("date", "time")

    @property
    def format(self) -> str:
        """How a moment is written."""
        return str(self.guess.options["format"]) if self.guess is not None else ""


@dataclass(slots=True)
class _Came:
    """What came at a path."""

    name: str
    values: list[object] = field(default_factory=list)


def inputs_of(messages: Sequence[object]) -> list[Input]:
    """Make the fields of all that comes in the messages, in its order, and then what can be joined of them."""
    came: dict[str, _Came] = {}
    for message in messages:
        for path, value in leaves(message):
            known = came.setdefault(path, _Came(_name(path, {one.name for one in came.values()})))
            known.values.append(value)
    found = [_input(path, one, len(messages)) for path, one in came.items() if not _has_more_below(path, came)]
    return [*found, *_joined(found)]


def _has_more_below(path: str, paths: Collection[str]) -> bool:
    """Tell what is empty in one sample and an object or a list of objects in another."""
    return any(other.startswith((f"{path}.", f"{path}[")) for other in paths)


def _name(path: str, taken: Collection[str]) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", path.removeprefix("$"))
    name = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_") or "value"
    return _free(name if name[0].isalpha() else f"f_{name}", taken)


def _free(name: str, taken: Collection[str]) -> str:
    names = (name, *(f"{name}_{number}" for number in range(2, len(taken) + len(_TAKEN) + 3)))
    return next(one for one in names if one not in taken and one not in _TAKEN)


def _input(path: str, came: _Came, samples: int) -> Input:
    present = sum(value not in (None, "") for value in came.values)
    absent = tuple(key for key, value in (("empty", ""), ("nulls", None)) if value in came.values)
    return Input(came.name, path, guess(came.name, came.values), present == samples, absent)


def _joined(inputs: Sequence[Input]) -> Iterator[Input]:
    """Join each time of day with the date whose name has most in common with its own."""
    dates, times = (
        [one for one in inputs if one.guess is not None and one.guess.type == kind] for kind in ("date", "time")
    )
    taken = {one.name for one in inputs}
    for time in times if dates else ():
        _, date = max(((_common(one, time), one) for one in dates), key=lambda pair: pair[0])
        format_ = f"{date.format} {time.format}"
        name = _free(f"{time.name}_at", taken)
        taken.add(name)
        yield Input(name, time.path, Guess("datetime", {"format": format_}), False, joined=(date, time))


def _common(one: Input, other: Input) -> int:
    return len({*one.name.split("_")} & {*other.name.split("_")})


def as_text(one: Input) -> Input:
    """Let a key be a text, though those in the samples look like codes."""
    return replace(one, guess=TEXT) if one.type == "code" else one


def after(end: Input, start: Input) -> Input:
    """Let a time of day that has the date of another be one of the next day where it is before that."""
    if end.joined is None or start.joined is None or end.joined[0] != start.joined[0] or end.name == start.name:
        return end
    return replace(end, not_before=start.name)
