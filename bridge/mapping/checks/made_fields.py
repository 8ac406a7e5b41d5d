"""Checks of fields that are made of other fields: what they are made of exists, and stands before them."""

from bridge.mapping.attribution import PARTIES
from bridge.mapping.cells import reason_text
from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.document import FieldSpec, PackDocument


def check_made(loc: Loc, spec: FieldSpec, document: PackDocument, report: Report) -> None:
    """Check one field; nothing is said of one that is read from the message."""
    name = str(loc[-1])
    if spec.value is not None:
        _check_before((*loc, "value"), spec.value.partition(".")[0], name, document, report)
        _check_column((*loc, "value"), spec.value, document, report)
    if spec.previous is not None:
        _check_remembered((*loc, "previous"), spec.previous, document, report)
    for one in spec.changed or ():
        _check_before((*loc, "changed"), one, name, document, report)
        _check_remembered((*loc, "changed"), one, document, report)
    if spec.attribution is not None:
        _check_attribution(loc, document, report)
    if not document.inbound.deltas:
        for option in ("empty", "nulls"):
            if getattr(spec, option) == "keep":
                report.add((*loc, option), "misplaced", f"{option}: keep needs inbound: {{deltas: true}}")


def _check_before(at: Loc, used: str, by: str, document: PackDocument, report: Report) -> None:
    names = list(document.fields)
    if used not in document.fields:
        report.unknown(at, "field", used, names)
    elif names.index(used) >= names.index(by):
        report.add(at, "wrong-order", f"field {used} is read after {by}; write it above")


def _check_remembered(at: Loc, used: str, document: PackDocument, report: Report) -> None:
    spec = document.fields.get(used)
    if spec is None:
        report.unknown(at, "field", used, document.fields)
    elif spec.path is None or not spec.remember:
        report.add(at, "wrong-source", f"only a field with a path is remembered; {used} is not")


def _check_column(at: Loc, reference: str, document: PackDocument, report: Report) -> None:
    name, _, column = reference.partition(".")
    spec = document.fields.get(name)
    if spec is None or not column:
        return
    table = document.tables.get(spec.table or "")
    if spec.table is None:
        report.add(at, "unknown-column", f"field {name} has no table, so there is no {reference}")
    elif table is not None and column not in {key for row in (*table.rows, table.default or {}) for key in row}:
        report.unknown(at, "column", column, {key: None for row in table.rows for key in row})


def _check_attribution(loc: Loc, document: PackDocument, report: Report) -> None:
    section = document.attribution
    if section is None:
        report.add(loc, "missing-key", "the pack has no section attribution")
        return
    for reference in section.reason:
        at: Loc = ("attribution", "reason")
        name = reference.partition(".")[0]
        _check_before(at, name, "fault", document, report)
        _check_column(at, reference, document, report)
    seen: dict[str, str] = {}
    for party in PARTIES:
        for index, one in enumerate(getattr(section, party)):
            if one.code is None:
                continue
            code = reason_text(one.code)
            if code in seen:
                message = f"'{one.code}' is attributed to the {seen[code]} already"
                report.add(("attribution", party, index), "duplicate-code", message)
            seen.setdefault(code, party)
