"""The fields of a pack to begin with: one for each path of the samples, and moments joined of a date and a time.

Their names are as short as a person would make them, and no two are alike.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bridge.mapping.formats.paths import path_steps
from bridge.mapping.reading.references import STATE_COLUMNS
from bridge.packtools.starter.guesses import TEXT, Guess, guess
from bridge.packtools.starter.samples import leaves

_TAKEN: Final = (*STATE_COLUMNS, "fault")
"""Names that mean something else in rules."""

_BARE: Final = re.compile(
    "id|no|nr|number|key|ref|reference|name|type|kind|value|text|code|label|date|day|time|at|from|to|start|end|begin"
)
"""What says little without the name of what it is of."""


def field_names(paths: Sequence[str]) -> list[str]:
    """Name what stands at each path by the end of it: more of it where that says little, or is that of another too."""
    steps = [[_words(step) for step in path_steps(path) if isinstance(step, str)] for path in paths]
    lengths = [_telling(one) for one in steps]
    for _ in range(max(map(len, steps), default=0)):
        ends = [_end(one, length) for one, length in zip(steps, lengths, strict=True)]
        times = Counter(ends)
        lengths = [length + (times[end] > 1) for length, end in zip(lengths, ends, strict=True)]
    names: list[str] = []
    for one, length in zip(steps, lengths, strict=True):
        name = _end(one, length) or "value"
        names.append(free_name(name if name[0].isalpha() else f"f_{name}", names))
    return names


def rule_names(codes: Sequence[str]) -> list[str]:
    """Name the rule of each code of a status after it."""
    names: list[str] = []
    for number, code in enumerate(codes, 1):
        words = re.sub(r"[^a-z0-9]+", "-", code.lower()).strip("-")
        name = f"status-{words or number}"
        names.append(name if name not in names else f"{name}-no-{number}")
    return names


def free_name(name: str, taken: Collection[str]) -> str:
    """Give the name, or the same with a number where it is taken."""
    names = (name, *(f"{name}_{number}" for number in range(2, len(taken) + len(_TAKEN) + 3)))
    return next(one for one in names if one not in taken and one not in _TAKEN)


def _telling(steps: Sequence[str]) -> int:
    """Count the steps from the end up to one that says something."""
    bare = next((count for count, step in enumerate(reversed(steps)) if not _BARE.fullmatch(step)), len(steps))
    return bare + 1


def _end(steps: Sequence[str], length: int) -> str:
    return "_".join(filter(None, steps[-length:]))


def _words(step: str) -> str:
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", step)
    return re.sub(r"[^a-z0-9]+", "_", split.lower()).strip("_")


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


def inputs_of(messages: Sequence[object]) -> list[Input]:
    """Make the fields of all that comes in the messages, in its order, and then what can be joined of them."""
    came: dict[str, list[object]] = {}
    for message in messages:
        for path, value in leaves(message):
            came.setdefault(path, []).append(value)
    paths = [path for path in came if not _has_more_below(path, came)]
    names = field_names(paths)
    found = [_input(name, path, came[path], len(messages)) for path, name in zip(paths, names, strict=True)]
    return [*found, *_joined(found)]


def _has_more_below(path: str, paths: Collection[str]) -> bool:
    """Tell what is empty in one sample and an object or a list of objects in another."""
    return any(other.startswith((f"{path}.", f"{path}[")) for other in paths)


def _input(name: str, path: str, came: Sequence[object], samples: int) -> Input:
    present = sum(value not in (None, "") for value in came)
    absent = tuple(key for key, value in (("empty", ""), ("nulls", None)) if value in came)
    return Input(name, path, guess(name, came), present == samples, absent)


def _joined(inputs: Sequence[Input]) -> Iterator[Input]:
    """Join each time of day with the date whose name has most in common with its own."""
    dates, times = (
        [one for one in inputs if one.guess is not None and one.guess.type == kind] for kind in ("date", "time")
    )
    taken = {one.name for one in inputs}
    for time in times if dates else ():
        _, date = max(((_common(one, time), one) for one in dates), key=lambda pair: pair[0])
        format_ = f"{date.format} {time.format}"
        name = free_name(f"{time.name}_at", taken)
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
