"""Checks of `commands`: templates that can always be written, replies that can be read, and a set that is complete."""

from collections.abc import Sequence

from bridge.domain.model import CommandKind, TicketStatus
from bridge.mapping.checks.clocks import check_letters
from bridge.mapping.checks.job_fields import check_job_field, check_zone_reference
from bridge.mapping.checks.replies import check_reply
from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.checks.tables import looked_up
from bridge.mapping.commands.context import (
    CONTACT_ATTRIBUTES,
    CONTACT_ROLES,
    EACH,
    NAMES,
    Reference,
    Type,
    contact_parts,
    find_reference,
    slot_name,
)
from bridge.mapping.document import PackDocument, Table
from bridge.mapping.document.base import field_column, field_name
from bridge.mapping.document.commands import TemplateValue, entries, repetitions
from bridge.mapping.formats.datetimes import has_offset
from bridge.mapping.reading.references import codes, known_codes, takes_any

_ANSWERED = (CommandKind.SEARCH, CommandKind.BOOK, CommandKind.RESCHEDULE, CommandKind.CANCEL)


def check_commands(document: PackDocument, report: Report) -> None:
    """Check every command, and that those which need each other are all there."""
    _check_complete(document, report)
    for kind, command in document.commands.items():
        loc: Loc = ("commands", kind.value)
        repeated = repetitions(command.body)
        for path, one in repeated.items():
            if kind not in EACH[one.each].kinds:
                message = f"{one.each} are there in {' and '.join(sorted(EACH[one.each].kinds))} only"
                report.add((*loc, "body", *path, "each"), "misplaced", message)
        for path, entry in entries(command.body):
            around = next((one.each for at, one in repeated.items() if path[: len(at)] == at), None)
            _check_entry((*loc, "body", *path), entry, around, kind, document, report)
        if command.reply is not None:
            check_reply((*loc, "reply"), command.reply, kind, document, report)
        elif kind in _ANSWERED:
            report.add(loc, "missing-key", f"{kind} needs a reply, or nobody could know what became of it")


def _check_complete(document: PackDocument, report: Report) -> None:
    commands = document.commands
    if CommandKind.BOOK in commands and CommandKind.CANCEL not in commands:
        message = "book needs cancel: a booking that is accepted too late is taken back with it"
        report.add_key(("commands", "book"), "missing-command", message)
    searches = document.policies.unoffered_window == "search"
    if CommandKind.BOOK in commands and searches and CommandKind.SEARCH not in commands:
        message = "book needs search, or policies: {unoffered_window: pass} or {unoffered_window: refuse}"
        report.add_key(("commands", "book"), "missing-command", message)


def _check_entry(
    loc: Loc, entry: TemplateValue, around: str | None, kind: CommandKind, document: PackDocument, report: Report
) -> None:
    """Check one value entry; `around` is what it is written for each of, if it is."""
    wrong = [name for name in entry.names if name.startswith(_EACH) and name not in _of_each(around)]
    for name in wrong:
        _report_each((*loc, "value"), name, around, report)
    if wrong:
        return
    found = [_check_name((*loc, "value"), name, document, report) for name in entry.value]
    references = [reference for reference in found if reference is not None]
    if len(references) < len(found):
        return
    if entry.default is None and not entry.omit and not any(kind in reference.certain_for for reference in references):
        message = f"{' and '.join(entry.value)} may be absent in {kind}; give a default"
        report.add(loc, "may-be-absent", message)
    _check_format(loc, entry, references, kind, document, report)
    _check_table(loc, entry, document, report)


_EACH = "each."


def _of_each(around: str | None) -> list[str]:
    return [f"{_EACH}{name}" for name in EACH[around].attributes] if around is not None else []


def _report_each(loc: Loc, name: str, around: str | None, report: Report) -> None:
    if around is not None:
        report.unknown(loc, "attribute", name, _of_each(around))
    else:
        report.add(loc, "misplaced", f"{name} is there only in the item of something with each: {', '.join(EACH)}")


def _check_name(loc: Loc, name: str, document: PackDocument, report: Report) -> Reference | None:
    reference = find_reference(name)
    if reference is None:
        report.unknown(loc, "value", name, NAMES)
        return None
    contact, token = contact_parts(name), slot_name(name)
    if contact is not None:
        _check_contact(loc, *contact, report)
    if token is not None and token not in _tokens(document):
        report.unknown(loc, "token", token, _tokens(document))
    return reference if field_name(name) is None else check_job_field(loc, name, document, report)


def _check_contact(loc: Loc, role: str, attribute: str, report: Report) -> None:
    if role not in CONTACT_ROLES:
        report.unknown(loc, "role", role, CONTACT_ROLES)
    if attribute not in CONTACT_ATTRIBUTES:
        report.unknown(loc, "attribute", attribute, CONTACT_ATTRIBUTES)


def _tokens(document: PackDocument) -> tuple[str, ...]:
    search = document.commands.get(CommandKind.SEARCH)
    slots = search.reply.slots if search is not None and search.reply is not None else None
    return tuple(slots.token) if slots is not None else ()


def _check_format(
    loc: Loc,
    entry: TemplateValue,
    references: list[Reference],
    kind: CommandKind,
    document: PackDocument,
    report: Report,
) -> None:
    are_moments = all(reference.type is Type.MOMENT for reference in references)
    if entry.format is not None and not are_moments:
        report.add_key((*loc, "format"), "misplaced", f"only a date and time has a format; {entry.value[0]} is none")
    elif entry.format is not None and entry.zone is None and document.zone is None and not has_offset(entry.format):
        report.add(loc, "missing-key", "a zone is needed, here or for the whole pack (zone: Europe/Warsaw)")
    elif entry.format is not None and entry.zone is None:
        check_letters((*loc, "format"), entry.format, document.zone, report, written=True)
    if entry.zone is not None and entry.format is None:
        report.add_key((*loc, "zone"), "misplaced", "a zone needs a format")
    elif entry.zone_reference is not None:
        _check_zone((*loc, "zone"), entry.zone_reference, kind, document, report)


def _check_zone(loc: Loc, name: str, kind: CommandKind, document: PackDocument, report: Report) -> None:
    """Check what says a zone; the pack's own stands in for it."""
    reference = _check_name(loc, name, document, report)
    if reference is not None:
        check_zone_reference(loc, name, reference, kind, document, report)


def _check_table(loc: Loc, entry: TemplateValue, document: PackDocument, report: Report) -> None:
    if (entry.table is None) != (entry.column is None):
        report.add(loc, "missing-key", "table and column go together")
    if entry.table is None or entry.column is None:
        return
    table = looked_up(loc, entry.table, entry.column, document, report)
    if table is not None and table.on_miss != "default" and table.default is None:  # an unused one is reported there
        _check_rows((*loc, "table"), entry.table, table, entry.value, document, report)


def _check_rows(
    loc: Loc, name: str, table: Table, values: Sequence[str], document: PackDocument, report: Report
) -> None:
    """Check that there is a row for whatever the values may be."""
    found = {value: _codes_of(value, document) for value in values}
    rows = frozenset(codes(table))
    missing = [code for known in found.values() for code in known or () if code not in rows]
    if None in found.values():
        anything = " and ".join(value for value, known in found.items() if known is None)
        message = (
            f"{anything} may be anything, so there may be no row for it; "
            f"write on_miss: default and a default row at table {name}"
        )
        report.add(loc, "missing-code", message)
    elif missing:
        report.add(loc, "missing-code", f"table {name} has no row for {', '.join(dict.fromkeys(missing))}")


def _codes_of(name: str, document: PackDocument) -> tuple[str, ...] | None:
    """List what a value can be, None where that is not known."""
    if name == "ticket_status":
        return tuple(status.value for status in TicketStatus)
    spec = document.fields.get(field_name(name) or "")
    if spec is None or spec.type != "code" or field_column(name) is not None:
        return None
    table = document.tables.get(spec.table or "")
    return None if takes_any(spec, table) else known_codes(spec, table)
