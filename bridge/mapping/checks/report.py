"""What is wrong with a pack, each problem at its place."""

from collections.abc import Iterable, Sequence

from bridge.yaml_source import Finding, YamlSource, did_you_mean

Loc = tuple[str | int, ...]

_IN_RULE = 2  # parts of the location of a whole rule


class Report:
    """Collects the findings of one check; local to it.

    `rules` are the indexes in the file of the document's rules, where some of the file were left out.
    """

    def __init__(self, source: YamlSource, rules: Sequence[int] | None = None) -> None:
        self._source = source
        self._rules = rules
        self.findings: list[Finding] = []

    def add(self, loc: Loc, kind: str, message: str) -> None:
        """Report a problem of the value at `loc`."""
        self.findings.append(self._source.finding(self._in_file(loc), kind, message))

    def add_key(self, loc: Loc, kind: str, message: str) -> None:
        """Report a problem of the key at the end of `loc`."""
        self.findings.append(self._source.key_finding(self._in_file(loc), kind, message))

    def unknown(self, loc: Loc, what: str, name: str, known: Iterable[str], *, key: bool = False) -> None:
        """Report a name that refers to nothing, with the nearest known one, or all of them."""
        names = list(known)
        hint = did_you_mean(name, names) or (f"; there is {', '.join(names)}" if names else "; there is none")
        add = self.add_key if key else self.add
        add(loc, f"unknown-{what.replace(' ', '-')}", f"there is no {what} '{name}'{hint}")

    def _in_file(self, loc: Loc) -> Loc:
        if self._rules is None or len(loc) < _IN_RULE or loc[0] != "rules":
            return loc
        return (loc[0], self._rules[int(loc[1])], *loc[2:])
