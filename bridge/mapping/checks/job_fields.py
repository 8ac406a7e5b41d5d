"""Checks of what commands and replies ask of a job between its messages: `field.<name>` and `field.<name>.<column>`."""

from bridge.domain.model import CommandKind
from bridge.mapping.checks.reference_types import References
from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.checks.tables import check_zones
from bridge.mapping.commands.context import Reference, Type
from bridge.mapping.document import FieldSpec, PackDocument
from bridge.mapping.document.base import field_column, field_name
from bridge.mapping.reading.references import always_has

_WRITABLE = ("text", "code", "integer", "boolean", "datetime")


def check_job_field(loc: Loc, reference: str, document: PackDocument, report: Report) -> Reference | None:
    """Check that a field is remembered, and can be typed without its message; give what it is."""
    name, column = field_name(reference) or "", field_column(reference)
    spec = document.fields.get(name)
    if spec is None:
        report.unknown(loc, "field", name, document.fields)
        return None
    problem = _unwritable(name, spec)
    if problem is not None:
        report.add(loc, "not-remembered", problem)
        return None
    is_certain = spec.default is not None
    if column is not None:
        if not References(document, report).check_name(loc, f"{name}.{column}"):
            return None
        table = document.tables.get(spec.table or "")
        is_certain = is_certain and table is not None and always_has(table, column)
    type_ = Type.MOMENT if spec.type == "datetime" and column is None else Type.TEXT
    certain_for: frozenset[CommandKind] = frozenset(CommandKind) if is_certain else frozenset()
    return Reference(lambda _: None, type_, certain_for)


def _unwritable(name: str, spec: FieldSpec) -> str | None:
    if spec.path is None:
        return f"only what is read by a path is remembered, and {name} is not; name the fields it is made of"
    if not spec.remember:
        return f"{name} is not remembered; take its remember: false away"
    if spec.type not in _WRITABLE:
        return f"a command can write {', '.join(_WRITABLE)}; {name} is {spec.type}"
    if spec.not_before is not None or (spec.zone is not None and spec.zone.name is None):
        return f"{name} cannot be read without its message: its zone or day comes of another field"
    return None


def check_zone_reference(
    loc: Loc, name: str, reference: Reference, kind: CommandKind, document: PackDocument, report: Report
) -> None:
    """Check what says a zone: the pack's own stands in for it, and a column has nothing but zones."""
    if reference.type is Type.MOMENT:
        report.add(loc, "wrong-type", f"expected the name of a time zone; {name} is a date and time")
    elif document.zone is None and kind not in reference.certain_for:
        message = f"{name} may be absent in {kind}; write the pack's zone, which stands in for it (zone: Europe/Warsaw)"
        report.add(loc, "may-be-absent", message)
    column, spec = field_column(name), document.fields.get(field_name(name) or "")
    if column is not None and spec is not None and spec.table in document.tables:
        check_zones(spec.table, column, document.tables[spec.table], report)
