"""What the document that is checked does not have of its file, because it is broken there.

The rest is checked without it; what is only missing because it was left out is no problem of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

Loc = tuple[str | int, ...]

_SECTIONS: Final[Mapping[str, str]] = {"field": "fields", "field of items": "fields", "table": "tables"}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The places in the file of what was left out. `kept` are the indexes in the file of what is left of lists."""

    places: frozenset[Loc] = frozenset()
    kept: Mapping[Loc, Sequence[int]] = field(default_factory=dict)

    def in_file(self, loc: Loc) -> Loc:
        """Turn a place in the checked document into that in the file."""
        found: Loc = ()
        for depth, part in enumerate(loc):
            indexes = self.kept.get(loc[:depth])
            found += (part if indexes is None else indexes[int(part)],)
        return found

    def explains(self, loc: Loc) -> bool:
        """Tell whether something was left out at this place in the file, above it, or below it."""
        return any(loc[: len(place)] == place[: len(loc)] for place in self.places)

    def explains_missing(self, what: str, name: str) -> bool:
        """Tell whether there is no such field, table or slot token because it was left out."""
        if what == "token":
            return self.explains(("commands", "search"))
        made = what == "field" and name == "fault" and self.explains(("attribution",))
        return made or (what in _SECTIONS and self.explains((_SECTIONS[what], name.partition(".")[0])))
