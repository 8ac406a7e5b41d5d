"""Small charts and the state machines as SVG: where lines and boxes go. The templates draw them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bridge.domain import work_order
from bridge.domain.model import Transition
from bridge.flows.ports.job_trace import JobTrace

WIDTH: Final = 240
HEIGHT: Final = 56
SLOTS: Final = 120


@dataclass(frozen=True, slots=True)
class Chart:
    """A line over the last minutes. `line` and `area` are SVG paths; both are empty where nothing is known yet."""

    title: str
    latest: str
    line: str
    area: str
    peak: str
    href: str
    is_trouble: bool = False


def line(values: Sequence[float | None]) -> str:
    """Draw values from left to right, the newest at the right; what is not known is a gap."""
    peak = max((value for value in values if value is not None), default=0.0) or 1.0
    step = WIDTH / (SLOTS - 1)
    first = SLOTS - len(values)
    drawn, is_open = [], False
    for place, value in enumerate(values, first):
        if value is None:
            is_open = False
            continue
        drawn.append(f"{'L' if is_open else 'M'}{place * step:.1f} {_height(value, peak):.1f}")
        is_open = True
    return "".join(drawn)


def area(values: Sequence[float | None]) -> str:
    """Close the line of values that are all known to an area; none for others."""
    if len(values) < 2 or None in values:
        return ""
    left = (SLOTS - len(values)) * WIDTH / (SLOTS - 1)
    return f"{line(values)}L{WIDTH} {HEIGHT}L{left:.1f} {HEIGHT}Z"


def _height(value: float, peak: float) -> float:
    return HEIGHT - 2 - (HEIGHT - 8) * value / peak


@dataclass(frozen=True, slots=True)
class Box:
    """A state in a drawing; `step` is the number of the last hop into it, None where the path did not lead."""

    name: str
    x: int
    y: int
    step: int | None
    is_here: bool


@dataclass(frozen=True, slots=True)
class Arrow:
    """A transition in a drawing; `steps` are the numbers of the hops that took it."""

    path: str
    steps: tuple[int, ...]
    label_x: float
    label_y: float


@dataclass(frozen=True, slots=True)
class Machine:
    """A state machine with the path that was walked."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    said: str


BOX_WIDTH: Final = 136
BOX_HEIGHT: Final = 34
_PLACES: Final = {
    "open": (8, 20),
    "planned": (190, 20),
    "inProgress": (372, 20),
    "completed": (554, 20),
    "cancelled": (190, 112),
    "unableToComplete": (554, 112),
}


def machine(trace: JobTrace, order: str, state: StrEnum) -> Machine:
    """Draw the WorkOrder's state machine with the path that one has walked."""
    hops = [hop for hop in _hops(trace) if hop.resource == "workOrder" and hop.id == order]
    walked: dict[tuple[str, str], list[int]] = {}
    into: dict[str, int] = {}
    for number, hop in enumerate(hops, 1):
        walked.setdefault((hop.source or "", hop.target), []).append(number)
        into[hop.target] = number
    boxes = tuple(Box(name, x, y, into.get(name), name == state) for name, (x, y) in _PLACES.items())
    arrows = tuple(_arrow(source, target, walked.get((source, target), ())) for source, target in _edges())
    return Machine(boxes, arrows, " → ".join(hop.target for hop in hops) or state.value)


def counted_machine(hops: Mapping[tuple[str, str], int]) -> Machine:
    """Draw the WorkOrder's state machine with how often each transition was gone; `hops` counts them."""
    into = Counter[str]()
    for (_, target), number in hops.items():
        into[target] += number
    boxes = tuple(Box(name, x, y, into[name] or None, False) for name, (x, y) in _PLACES.items())
    arrows = tuple(
        _arrow(source, target, (hops[source, target],) if hops.get((source, target)) else ())
        for source, target in _edges()
    )
    said = ", ".join(
        f"{source or 'new'} to {target} {number} times" for (source, target), number in sorted(hops.items())
    )
    return Machine(boxes, arrows, said or "none")


def _edges() -> list[tuple[str, str]]:
    return sorted((source.value, target.value) for source, target in work_order.HOPS)


def _hops(trace: JobTrace) -> Iterable[Transition]:
    return (hop for recorded in trace.messages for hop in recorded.entry.transitions)


def _arrow(source: str, target: str, steps: Iterable[int]) -> Arrow:
    (sx, sy), (tx, ty) = _PLACES[source], _PLACES[target]
    half = BOX_HEIGHT / 2
    if (source, target) == ("open", "inProgress"):  # over the top, past planned
        path, label = f"M{sx + 68} {sy}C{sx + 110} {sy - 22} {tx + 20} {sy - 22} {tx + 60} {ty}", (258.0, 6.0)
    elif (source, target) == ("planned", "open"):  # back, below the way there
        path, label = f"M{sx} {sy + half + 8}L{tx + BOX_WIDTH} {ty + half + 8}", (167.0, sy + half + 20)
    elif sy == ty:
        path, label = f"M{sx + BOX_WIDTH} {sy + half}L{tx} {ty + half}", ((sx + BOX_WIDTH + tx) / 2, sy + half - 5)
    else:
        path = f"M{sx + 68} {sy + BOX_HEIGHT}L{tx + (68 if sx == tx else 20)} {ty}"
        label = ((sx + tx) / 2 + 68, (sy + BOX_HEIGHT + ty) / 2 + 4)
    return Arrow(path, tuple(steps), *label)
