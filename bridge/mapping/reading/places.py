"""What a message says at the places where a field may stand: a value, nothing at all, or that there is none any more.

Of several places the first that has a value counts, else the first that says that there is none: `null` or "" as the
pack declares them, or such a one on the way, below which nothing can be.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final

from bridge.mapping import document
from bridge.mapping.formats.paths import MISSING, Find, compile_steps, path_steps


class Emptied(Enum):
    """Tells what a message has emptied from what it does not speak of."""

    EMPTIED = "emptied"


EMPTIED: Final = Emptied.EMPTIED

_NO_VALUE: Final = (MISSING, None, "")


def compile_places(spec: document.FieldSpec) -> Find:
    """Make a function that finds what stands at the paths of a field: a raw value, `EMPTIED` or `MISSING`.

    A `null` or "" of which the pack does not say what it means is a raw value, at the last path.
    """
    places = [_place(path, _meanings(spec)) for path in spec.path or ()]

    def find(data: object) -> object:
        found: object = MISSING
        emptied = False
        for find_at, empties in places:
            found = find_at(data)
            if found not in _NO_VALUE:
                return found
            emptied = emptied or empties(found, data)
        return EMPTIED if emptied and not _is_own_value(found, spec) else found

    return find


def _is_own_value(raw: object, spec: document.FieldSpec) -> bool:
    return (raw is None and spec.nulls is None) or (raw == "" and spec.empty is None)


_Meanings = tuple[str | None, str | None]
"""What `null` means, and what "" does."""


def _meanings(spec: document.FieldSpec) -> _Meanings:
    return spec.nulls, spec.empty


def _place(path: str, meanings: _Meanings) -> tuple[Find, Callable[[object, object], bool]]:
    steps = path_steps(path)
    above = [compile_steps(steps[:length]) for length in range(len(steps) - 1, 0, -1)]
    return compile_steps(steps), lambda raw, data: _empties(raw, data, above, meanings)


def _empties(raw: object, data: object, above: Sequence[Find], meanings: _Meanings) -> bool:
    """Tell whether there is no value any more: it is said at the place itself, or at the nearest above it."""
    nulls, empty = meanings
    if raw is not MISSING:
        return nulls == "absent" if raw is None else empty == "absent"
    nearest = next((found for find in above if (found := find(data)) is not MISSING), MISSING)
    return (nearest is None and nulls != "keep") or (nearest == "" and empty != "keep")
