"""The fields of a pack to begin with: one for each path of the samples, and moments joined of a date and a time."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from bridge.packtools.starter.guesses import TEXT, Guess, guess
from bridge.packtools.starter.leaves import leaves
from bridge.packtools.starter.names import field_names, free_name


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
