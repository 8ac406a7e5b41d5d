"""The fields of a pack to begin with: one for what stands at a path of the samples, or at several in several kinds.

Moments are joined of a date and a time. Names are as short as a person would make them, and no two are alike.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from bridge.mapping.formats.paths import MISSING, Step, path_steps
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

    `others` are its paths in messages of other kinds. `guess` is None where no field can read what came. `is_sure`:
    every sample has it. `told` is what each sample has there, `MISSING` where it has nothing.
    """

    name: str
    path: str
    guess: Guess | None
    is_sure: bool
    absent: tuple[str, ...] = ()
    joined: tuple["Input", "Input"] | None = None
    not_before: str | None = None
    others: tuple[str, ...] = ()
    told: tuple[object, ...] = ()

    @property
    def paths(self) -> str | list[str]:
        """Where its value stands: a path, or several."""
        return [self.path, *self.others] if self.others else self.path

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


@lru_cache(maxsize=4_096)  # paths of samples; each is looked at again and again
def _steps(path: str) -> tuple[Step, ...]:
    return path_steps(path)


def inputs_of(messages: Sequence[object]) -> list[Input]:
    """Make the fields of all that comes in the messages, in its order, and then what can be joined of them."""
    found = [dict(leaves(message)) for message in messages]
    every = list(dict.fromkeys(path for one in found for path in one))
    paths = [path for path in every if not _has_more_below(path, every)]
    told = {path: tuple(one.get(path, MISSING) for one in found) for path in paths}
    groups = _one_in_each_kind(told, has_roots=all(isinstance(one, dict) and len(one) == 1 for one in messages))
    names = field_names([group[0] for group in groups])
    inputs = [_input(name, [told[path] for path in group], group) for group, name in zip(groups, names, strict=True)]
    return [*inputs, *_joined(inputs)]


def _one_in_each_kind(told: Mapping[str, Sequence[object]], *, has_roots: bool) -> list[list[str]]:
    """Put paths together that end alike and never come in one message; where messages `has_roots`, below those."""
    groups: list[list[str]] = []
    for path in told:
        ending = _ending(path, has_roots=has_roots)
        alike = [group for group in groups if ending is not None and _ending(group[0], has_roots=has_roots) == ending]
        if len(alike) == 1 and all(_are_apart(path, other, told) for other in alike[0]):
            alike[0].append(path)
        else:
            groups.append([path])
    return groups


def _ending(path: str, *, has_roots: bool) -> object:
    """Give what tells a value wherever it stands, None where nothing does: its name, if that says something."""
    steps = _steps(path)
    if has_roots:
        return steps[1:] or None
    name = steps[-1] if steps else None
    return name if isinstance(name, str) and 0 not in steps and not _BARE.fullmatch(_words(name)) else None


def _are_apart(one: str, other: str, told: Mapping[str, Sequence[object]]) -> bool:
    """Tell whether no message has both; nor the objects that they are in, unless one of these is in the other."""
    if not _never_both(told[one], told[other]):
        return False
    parents = [_steps(path)[:-1] for path in (one, other)]
    if any(parents[at] == parents[1 - at][: len(parents[at])] for at in (0, 1)):
        return True
    below = [[path for path in told if _steps(path)[: len(parent)] == parent] for parent in parents]
    return all(_never_both(told[first], told[second]) for first in below[0] for second in below[1])


def _never_both(one: Sequence[object], other: Sequence[object]) -> bool:
    return all(MISSING in pair for pair in zip(one, other, strict=True))


def _has_more_below(path: str, paths: Collection[str]) -> bool:
    """Tell what is empty in one sample and an object or a list of objects in another."""
    return any(other.startswith((f"{path}.", f"{path}[")) for other in paths)


def _input(name: str, told: Sequence[Sequence[object]], paths: Sequence[str]) -> Input:
    values = tuple(next((one for one in each if one is not MISSING), MISSING) for each in zip(*told, strict=True))
    came = [value for value in values if value is not MISSING]
    is_sure = all(value not in (None, "", MISSING) for value in values)
    absent = tuple(key for key, value in (("empty", ""), ("nulls", None)) if value in came)
    return Input(name, paths[0], guess(name, came), is_sure, absent, others=tuple(paths[1:]), told=values)


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
