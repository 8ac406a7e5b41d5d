"""What is wrong with a pack, each problem at its place."""

from collections.abc import Iterable

from bridge.mapping.checks.left_out import LeftOut, Loc
from bridge.yaml_source import Finding, YamlSource, did_you_mean

__all__ = ["Loc", "Report", "known_hint"]


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
