"""Checks of `fields` and `tables`: does everything that is read exist, has it a name of its own, can it be read?"""

from collections.abc import Sequence

from bridge.mapping.checks.clocks import check_letters
from bridge.mapping.checks.item_fields import INSIDE, check_items
from bridge.mapping.checks.kept_fields import check_forgets, check_kept
from bridge.mapping.checks.made_fields import check_made, takes_as_it_is
from bridge.mapping.checks.reference_types import References, type_of_scalar
from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.checks.tables import check_table
from bridge.mapping.document import SOURCES, FieldSpec, PackDocument
from bridge.mapping.formats.datetimes import has_offset
from bridge.mapping.reading.references import STATE_COLUMNS, known_codes

_OPTIONS = {"values": "code", "table": "code", "keep": "code", "yes": "boolean", "no": "boolean", "split": "list"}
_OPTIONS |= {"ignore_others": "code", "zone": "datetime", "dst": "datetime", "not_before": "datetime"}


def check_fields(document: PackDocument, references: References, report: Report) -> None:
    """Check the fields, the tables that they look up, and the one that says when it happened."""
    _check_names(document, report)
    for name, table in document.tables.items():
        check_table(("tables", name), table, report)
    for name, spec in document.fields.items():
        _check_field(("fields", name), spec, document, report)
        for inner, one in spec.fields.items():
            _check_field(("fields", name, "fields", inner), one, document.of_item(name), report, INSIDE)
    check_forgets(document, report)
    occurred_at = document.inbound.occurred_at
    if occurred_at is not None and references.check_name(("inbound", "occurred_at"), occurred_at):
        found = references.type_of(occurred_at)
        if found != "datetime":
            message = f"expected a field of type datetime; {occurred_at} is {found}"
            report.add(("inbound", "occurred_at"), "wrong-type", message)


def _check_field(
    loc: Loc, spec: FieldSpec, document: PackDocument, report: Report, allowed: Sequence[str] = SOURCES
) -> None:
    sources = [name for name in SOURCES if getattr(spec, name) is not None]
    if len(sources) != 1 or sources[0] not in allowed:
        *some, last = (name for name in allowed if name != "attribution")  # which nobody writes
        report.add(loc, "wrong-source", f"write exactly one of {', '.join(some)} or {last}")
    check_made(loc, spec, document, report)
    check_kept(loc, spec, document, report)
    check_items(loc, spec, document, report)
    for option, type_ in _OPTIONS.items():
        if getattr(spec, option) is not None and spec.type != type_:
            message = f"{option} belongs to type {type_}; this field is of type {spec.type}"
            report.add_key((*loc, option), "misplaced", message)
    if spec.table is not None and spec.table not in document.tables:
        report.unknown((*loc, "table"), "table", spec.table, document.tables)
    _check_type(loc, spec, document, report)
    if spec.default is not None:
        _check_default((*loc, "default"), spec, document, report)


def _check_type(loc: Loc, spec: FieldSpec, document: PackDocument, report: Report) -> None:
    if spec.type == "code" and spec.values is None and spec.table is None:
        report.add(loc, "missing-key", "a code needs values or a table; use type: text for a free text")
    if spec.ignore_others is not None and spec.type == "code":
        _check_others((*loc, "ignore_others"), spec, document, report)
    if spec.yes is not None and spec.no is not None and set(spec.yes) & set(spec.no):
        report.add((*loc, "no"), "duplicate-code", "the same spelling cannot mean both yes and no")
    if spec.type == "datetime" and not takes_as_it_is(spec, document):
        _check_moment(loc, spec.format, spec.zone is not None or document.zone is not None, report)
        if spec.zone is None and document.zone is not None:
            check_letters((*loc, "format"), spec.format, document.zone, report)


def _check_others(loc: Loc, spec: FieldSpec, document: PackDocument, report: Report) -> None:
    table = document.tables.get(spec.table or "")
    if table is not None and table.on_miss != "park":
        message = f"table {spec.table} takes any code, so there are no others; take one of on_miss and this out"
        report.add_key(loc, "misplaced", message)
    elif not spec.is_read or "fields" in loc[2:]:
        report.add_key(loc, "misplaced", "whose job it is must stand in the message: write path, header or routing_key")


def _check_moment(loc: Loc, pattern: str | None, has_zone: bool, report: Report) -> None:
    if pattern is None:
        report.add(loc, "missing-key", "a datetime needs a format such as '%Y-%m-%d %H:%M'")
    elif not has_offset(pattern) and not has_zone:
        report.add(loc, "missing-key", "a datetime needs a zone, here or for the whole pack (zone: Europe/Warsaw)")


def _check_default(loc: Loc, spec: FieldSpec, document: PackDocument, report: Report) -> None:
    if spec.required:
        report.add_key(loc, "misplaced", "a required field cannot have a default")
    elif spec.type in ("datetime", "duration", "list", "items"):
        report.add_key(loc, "misplaced", f"a field of type {spec.type} cannot have a default")
    elif spec.default is not None and not _fits(spec.default, spec, document):
        report.add(loc, "unknown-code", f"{spec.default!r} is no value of this field")


def _fits(default: str | int | bool, spec: FieldSpec, document: PackDocument) -> bool:
    if spec.type == "code":
        return default in field_codes(spec, document)
    return type_of_scalar(default) == spec.type


def field_codes(spec: FieldSpec, document: PackDocument) -> tuple[str, ...]:
    """List the codes that a field of type code may have."""
    table = document.tables.get(spec.table) if spec.table is not None else None
    return known_codes(spec, table)


def _check_names(document: PackDocument, report: Report) -> None:
    """Check that each name means one thing."""
    for name, spec in document.fields.items():
        for loc, one in (
            (("fields", name), name),
            *((("fields", name, "fields", inner), inner) for inner in spec.fields),
        ):
            if one in STATE_COLUMNS:
                message = f"{one} is what the Buyer sees now; give this field another name"
                report.add_key(loc, "duplicate-name", message)
    fault = document.fields.get("fault")
    if document.attribution is not None and fault is not None and fault.attribution is None:
        message = "attribution makes the field fault; give this one another name"
        report.add_key(("fields", "fault"), "duplicate-name", message)
