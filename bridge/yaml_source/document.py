"""A YAML document as plain values, with the place of everything in it, and what can be wrong with it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bridge.errors import PermanentError
from bridge.yaml_source.problems import Loc, Problem

UNREADABLE = "unreadable"
"""The kind of a finding that says that a file itself cannot be read."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One problem of one file, at a 1-based line and column. `kind` is a short word, `message` is for a person."""

    file: str
    line: int
    column: int
    kind: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.kind}: {self.message}"


class InvalidDocument(PermanentError):
    """The document is wrong."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings: tuple[Finding, ...] = tuple(sorted(set(findings)))
        super().__init__("\n".join(map(str, self.findings)))

    def unreadable_by(self, path: Path, who: str) -> "InvalidDocument":
        """Say of a file that cannot be read who named it: whoever reads that must know what to mend."""
        return InvalidDocument(
            replace(one, message=f"{one.message} (named by {who})")
            if (one.kind, one.file) == (UNREADABLE, str(path))
            else one
            for one in self.findings
        )


@dataclass(slots=True)
class Node:
    """A value with its place. `size` counts the nodes below it, itself included, with aliases unfolded.

    `after_text` are its keys that stand in one line behind words without quotes.

    `file` is given where it is not that of the whole document.
    """

    data: Any
    line: int
    column: int
    items: dict[str | int, "Node"] = field(default_factory=dict)
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    size: int = 1
    file: str = ""
    after_text: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class YamlSource:
    """A document as plain Python values, its file as given, and the place of everything in it."""

    data: dict[str, Any]
    file: str
    _root: Node = field(repr=False)

    @property
    def root(self) -> Node:
        """The whole document."""
        return self._root

    def position(self, loc: Loc = ()) -> tuple[int, int]:
        """Give the 1-based line and column of the value at `loc`, or of the nearest parent that exists."""
        node = self._nearest(loc)
        return node.line, node.column

    def key_position(self, loc: Loc) -> tuple[int, int]:
        """Give the place of the key at the end of `loc`; that of the value where it is no key."""
        parent = self._nearest(loc[:-1])
        return parent.keys.get(str(loc[-1])) or self.position(loc) if loc else self.position()

    def file_of(self, loc: Loc) -> str:
        """Give the file that the value at `loc`, or the nearest parent that exists, was written in."""
        return self._nearest(loc).file or self.file

    def finding(self, loc: Loc, kind: str, message: str) -> Finding:
        """Make a finding about the value at `loc`."""
        return Finding(self.file_of(loc), *self.position(loc), kind, message)

    def key_finding(self, loc: Loc, kind: str, message: str) -> Finding:
        """Make a finding about the key at the end of `loc`."""
        return Finding(self.file_of(loc), *self.key_position(loc), kind, message)

    def place(self, problem: Problem) -> Finding:
        """Give a problem its place in this file."""
        make = self.key_finding if problem.at_key else self.finding
        message = problem.message
        if problem.kind == "unknown-key" and str(problem.path[-1]) in self._nearest(problem.path[:-1]).after_text:
            message += "; if it follows a comma in a text, put the whole text in quotes"
        return make(problem.path, problem.kind, message)

    def _nearest(self, loc: Loc) -> Node:
        node = self._root
        for part in loc:
            if part in node.items:
                node = node.items[part]
            elif part != 0 or isinstance(node.data, list):  # else it is one value that stands for a list of one
                break
        return node
