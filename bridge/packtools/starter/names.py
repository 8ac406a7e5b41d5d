"""Names for the fields of a pack to begin with: as short as a person would make them, and no two alike."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

from bridge.mapping.formats.paths import path_steps
from bridge.mapping.reading.references import STATE_COLUMNS

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
