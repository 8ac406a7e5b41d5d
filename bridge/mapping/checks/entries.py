"""Checks of entries of a list: what they are built of, when, and what is sure where they are built."""

from collections.abc import Iterable
from dataclasses import dataclass

from bridge.mapping.checks.references import References, Wanted
from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.checks.rules import check_cell
from bridge.mapping.document import Entry, Item, PackDocument, Value
from bridge.mapping.reading.cells import cell_test


@dataclass(frozen=True, slots=True)
class Seen:
    """What an entry may refer to. `present` are the fields and columns that are there wherever the entry is built."""

    references: References
    present: frozenset[str]

    def check_value(self, loc: Loc, value: Value | None, wanted: Wanted) -> None:
        """Report what is wrong with a value of the entry."""
        self.references.check_value(loc, value, wanted, self.present)


def check_entry(loc: Loc, entry: Entry, document: PackDocument, references: References, report: Report) -> Seen | None:
    """Check when an entry is built; None where nobody can tell what it refers to."""
    each = entry.each if isinstance(entry, Item) else None
    if report.lacks((*loc, "each")):
        return None
    if each is not None:
        if not _check_each((*loc, "each"), each, references, report):
            return None
        document = document.of_item(each)
        references = References(document, report)
    if entry.if_present is not None:
        references.check_name((*loc, "if_present"), entry.if_present)
    for column, cell in entry.when.items():
        check_cell((*loc, "when", column), column, cell, document, references, report)
    return Seen(references, frozenset(_present(entry)))


def _check_each(loc: Loc, each: str, references: References, report: Report) -> bool:
    if not references.check_name(loc, each):
        return False
    found = references.type_of(each)
    if found != "items":
        report.add(loc, "wrong-type", f"expected a field of type items; {each} is {found}")
    return found == "items"


def _present(entry: Entry) -> Iterable[str]:
    if entry.if_present is not None:
        yield entry.if_present
    for column, cell in entry.when.items():
        if not cell_test(cell)(None):
            yield column
            yield column.partition(".")[0]


def is_sure(entry: Item) -> bool:
    """Tell whether an entry is built of every message."""
    return entry.if_present is None and not entry.when and entry.each is None
