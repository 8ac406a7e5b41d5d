"""What a message says at the places where a field may stand: a value, nothing at all, or that there is none any more.

Of several places the first that has a value counts, else the first that says that there is none: `null` or "" as the
pack declares them, or such a one on the way, below which nothing can be. A code of no news is no value.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final

from bridge.mapping import document
from bridge.mapping.formats.paths import MISSING, Find, compile_steps, path_steps
from bridge.mapping.formats.tidy import tidy
from bridge.mapping.formats.values import loosely, readable_text


class Said(Enum):
    """What a message may say of a field besides a value: that there is none any more, or that nothing is new."""

    EMPTIED = "emptied"
    NO_NEWS = "no news"


EMPTIED: Final = Said.EMPTIED
NO_NEWS: Final = Said.NO_NEWS

_NO_VALUE: Final = (MISSING, None, "")


def compile_places(spec: document.FieldSpec) -> Find:
    """Make a function that finds what stands at the paths of a field: a raw value, `EMPTIED`, `NO_NEWS` or `MISSING`.

    A `null` or "" of which the pack does not say what it means is a raw value, at the last path.
    """
    places, says_nothing = [_place(path, _meanings(spec)) for path in spec.path or ()], no_news_test(spec)

    def find(data: object) -> object:
        found: object = MISSING
        emptied = no_news = False
        for find_at, empties in places:
            found = find_at(data)
            if says_nothing is not None and says_nothing(found):
                found, no_news = MISSING, True
            elif found not in _NO_VALUE:
                return found
            emptied = emptied or empties(found, data)
        if emptied and not _is_own_value(found, spec):
            return EMPTIED
        return NO_NEWS if no_news and found is MISSING else found

    return find


def no_news_test(spec: document.FieldSpec) -> Callable[[object], bool] | None:
    """Make a test of raw codes that say nothing; None where there are none."""
    if spec.keep is None:
        return None
    spell: Callable[[str], str] = loosely if spec.loose else tidy
    synonyms = {spell(written): spell(code) for written, code in spec.synonyms.items()}
    of_no_news = frozenset(map(spell, spec.keep))

    def says_nothing(raw: object) -> bool:
        text = readable_text(raw)
        return text is not None and synonyms.get(spell(text), spell(text)) in of_no_news

    return says_nothing


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
