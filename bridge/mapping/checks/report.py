"""What is wrong with a pack, each problem at its place in the file.

The document that is checked may lack what is broken in its file: what is only missing because it was left out is no
problem of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bridge.yaml_source import Finding, YamlSource, did_you_mean

Loc = tuple[str | int, ...]

_SECTIONS: Final[Mapping[str, str]] = {"field": "fields", "field of items": "fields", "table": "tables"}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The places in the file of what the document does not have, because it is broken there.

    `kept` are the indexes in the file of what is left of lists.
    """

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


_COMMANDS: Loc = ("commands",)  # which of them are needed is said by the others


class Report:
    """Collects the findings of one check; local to it. `left_out` is what of the file the document does not have."""

    def __init__(self, source: YamlSource, left_out: LeftOut | None = None) -> None:
        self._source = source
        self._left_out = left_out or LeftOut()
        self.findings: list[Finding] = []
        self.sections: set[str] = set()

    def add(self, loc: Loc, kind: str, message: str) -> None:
        """Report a problem of the value at `loc`."""
        if (place := self._place(loc, kind)) is not None:
            self.findings.append(self._source.finding(place, kind, message))

    def add_key(self, loc: Loc, kind: str, message: str) -> None:
        """Report a problem of the key at the end of `loc`."""
        if (place := self._place(loc, kind)) is not None:
            self.findings.append(self._source.key_finding(place, kind, message))

    def unknown(self, loc: Loc, what: str, name: str, known: Iterable[str], *, key: bool = False) -> None:
        """Report a name that refers to nothing, with the nearest known one, or all of them."""
        if self._left_out.explains_missing(what, name):
            return
        add = self.add_key if key else self.add
        add(loc, f"unknown-{what.replace(' ', '-')}", f"there is no {what} '{name}'{known_hint(name, known)}")

    def lacks(self, loc: Loc) -> bool:
        """Tell whether the file has something here that the document does not have."""
        return self._left_out.explains(self._left_out.in_file(loc))

    def _place(self, loc: Loc, kind: str) -> Loc | None:
        """Give the place in the file, or nothing where the problem is none but that something was left out."""
        place = self._left_out.in_file(loc)
        if self._left_out.explains(place) or (kind == "missing-command" and self._left_out.explains(_COMMANDS)):
            return None
        if kind != "unreachable":  # a rule too many: the table means something nevertheless
            self.sections.add(str(place[0]))
        return place


def known_hint(name: str, known: Iterable[str]) -> str:
    """Give the nearest known name, or all of them: `; did you mean 'x'?` or `; there is x, y`."""
    names = list(known)
    return did_you_mean(name, names) or f"; there is {', '.join(names) or 'none'}"
