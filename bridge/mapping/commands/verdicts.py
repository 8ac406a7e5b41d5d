"""What a reply says: yes, no, or neither. It says yes only where the pack has declared that this is a yes.

A WFM that is silent has agreed to nothing: an empty reply is no yes, and one that says yes and no at once is neither. A
booking that is taken for done is one that nobody takes back.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bridge.mapping import document
from bridge.mapping.formats.paths import MISSING, Find, compile_path, path_steps
from bridge.mapping.formats.values import Misread, as_text, briefly, plain_json, readable_text, what_came
from bridge.mapping.reading.cells import Test, cell_text, raw_test


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a reply: at the first of these paths that says something."""

    finds: tuple[tuple[str, Find], ...]

    @property
    def where(self) -> str:
        """Name the paths, for people."""
        return " or ".join(path for path, _ in self.finds)

    def find(self, data: object) -> tuple[str, object]:
        """Give the path that says something, with what stands there; else all paths, with what stands at the last."""
        raw: object = MISSING
        for path, find in self.finds:
            raw = find(data)
            if not is_blank(raw):
                return path, raw
        return self.where, raw


def compile_place(paths: Sequence[str]) -> Place:
    """Compile the paths of something."""
    return Place(tuple((path, compile_path(path)) for path in paths))


def is_blank(raw: object) -> bool:
    """Tell whether what stands in a reply says nothing."""
    return raw is MISSING or raw is None or (isinstance(raw, str) and not raw.strip())


def code_of(raw: object) -> str | None:
    """Take what stands in a reply as a code, without blanks around it; None where it is none, or blank."""
    text = as_text(raw) if isinstance(raw, bool) else readable_text(raw)
    return (text or "").strip() or None


@dataclass(frozen=True, slots=True)
class CodeFound:
    """What stands at the place of a code, and the code that it is."""

    path: str
    raw: object
    code: str | None

    @property
    def explained(self) -> dict[str, object]:
        """Tell it as plain JSON."""
        return {"path": self.path, "raw": None if self.raw is MISSING else plain_json(self.raw)}

    def __str__(self) -> str:
        """Tell it to people."""
        return f"{self.path} is {_came(self.raw)}"


_NOTHING = CodeFound("", MISSING, None)


def code_at(place: Place | None, data: object) -> CodeFound:
    """Read the code at a place."""
    if place is None:
        return _NOTHING
    path, raw = place.find(data)
    return CodeFound(path, raw, code_of(raw))


@dataclass(frozen=True, slots=True)
class _Cell:
    path: str
    find: Find
    fits: Test
    expected: str


@dataclass(frozen=True, slots=True)
class Declared:
    """What the pack has declared to be a yes, or a no: codes at the status, cells, or both."""

    codes: frozenset[str] | None
    cells: tuple[_Cell, ...]

    def fits(self, status: CodeFound, data: object) -> bool:
        """Tell whether a reply is one."""
        fits_code = self.codes is None or status.code in self.codes
        return fits_code and all(cell.fits(cell.find(data)) for cell in self.cells)

    def misses(self, status: CodeFound, data: object) -> str:
        """Say the first reason why a reply is none."""
        if self.codes is not None and status.code not in self.codes:
            return f"{status}, expected {' or '.join(map(briefly, sorted(self.codes)))}"
        cell = next(cell for cell in self.cells if not cell.fits(cell.find(data)))
        return f"{cell.path} is {_came(cell.find(data))}, expected {cell.expected}"

    def grounds(self, status: CodeFound, data: object) -> str:
        """Say what makes a reply one."""
        by_code = [str(status)] if self.codes is not None else []
        return " and ".join([*by_code, *(f"{cell.path} is {_came(cell.find(data))}" for cell in self.cells)])


def _came(raw: object) -> str:
    return "absent" if raw is MISSING else briefly(raw)


def declared(codes: Sequence[object] | None, when: dict[str, document.Cell], *, in_xml: bool) -> Declared:
    """Compile a yes or a no. What is blank is absent, but for XML's root, whose name says something."""
    cells = (_Cell(path, _finder(path, in_xml=in_xml), raw_test(cell), cell_text(cell)) for path, cell in when.items())
    return Declared(frozenset(map(code_text, codes)) if codes is not None else None, tuple(cells))


def _finder(path: str, *, in_xml: bool) -> Find:
    find = compile_path(path)
    if in_xml and len(path_steps(path)) == 1:
        return find

    def find_said(data: object) -> object:
        raw = find(data)
        return MISSING if is_blank(raw) else raw

    return find_said


def code_text(code: object) -> str:
    """Write a declared code as it is compared."""
    return as_text(code).strip()


_HasRow = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Says of a reply whether it is a yes or a no.

    `no` is None where the pack leaves it to the codes: a no is then every status that is not accepted, and every `code`
    in another place that has a row of its own.
    """

    status: Place | None
    yes: Declared
    no: Declared | None
    code: Place | None
    has_row: _HasRow

    def is_yes(self, data: object, explained: dict[str, object]) -> bool:
        """Tell whether a reply says yes, or no. Raises `Misread` where it says neither, or both."""
        status, code = code_at(self.status, data), code_at(self.code, data)
        explained |= {name: one.explained for name, one in (("status", status), ("code", code)) if one is not _NOTHING}
        yes, is_known = self.yes.fits(status, data), code.code is not None and self.has_row(code.code)
        if self.no is not None:
            no = self.no.fits(status, data)
        else:
            no = is_known or (status.code is not None and status.code not in (self.yes.codes or ()))
        if yes and no:
            against = self.no.grounds(status, data) if self.no is not None else str(code if is_known else status)
            raise Misread(f"it says yes ({self.yes.grounds(status, data)}) and no ({against}) at once")
        if not yes and not no:
            raise Misread(self._neither(status, data))
        return yes

    def _neither(self, status: CodeFound, data: object) -> str:
        if self.no is None and self.yes.codes is not None and self.status is not None and status.code is None:
            return f"status ({self.status.where}): expected a code; {what_came(status.raw)}"
        no = f"; no refusal: {self.no.misses(status, data)}" if self.no is not None else ""
        return f"it says neither yes nor no; no yes: {self.yes.misses(status, data)}{no}"
