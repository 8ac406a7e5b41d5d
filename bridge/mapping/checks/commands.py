"""Checks of `commands`: templates that can always be written, replies that can be read, and a set that is complete."""

from bridge.domain.model import CommandKind, TicketStatus
from bridge.mapping.checks.replies import check_reply
from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.context import NAMES, Reference, Type, contact_role, find_reference, slot_name
from bridge.mapping.datetimes import has_offset
from bridge.mapping.document import PackDocument, Table
from bridge.mapping.tables import always_has, codes, columns
from bridge.mapping.template_document import TemplateValue, entries
from bridge.mef.enums import ContactRole

_ANSWERED = (CommandKind.SEARCH, CommandKind.BOOK, CommandKind.RESCHEDULE, CommandKind.CANCEL)


def check_commands(document: PackDocument, report: Report) -> None:
    """Check every command, and that those which need each other are all there."""
    _check_complete(document, report)
    for kind, command in document.commands.items():
        loc: Loc = ("commands", kind.value)
        for path, entry in entries(command.body):
            _check_entry((*loc, "body", *path), entry, kind, document, report)
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


def _check_entry(loc: Loc, entry: TemplateValue, kind: CommandKind, document: PackDocument, report: Report) -> None:
    found = [_check_name((*loc, "value"), name, document, report) for name in entry.value]
    references = [reference for reference in found if reference is not None]
    if len(references) < len(found):
        return
    if entry.default is None and not entry.omit and not any(kind in reference.certain_for for reference in references):
        message = f"{' and '.join(entry.value)} may be absent in {kind}; give a default"
        report.add(loc, "may-be-absent", message)
    _check_format(loc, entry, references, document, report)
    _check_table(loc, entry, document, report)


def _check_name(loc: Loc, name: str, document: PackDocument, report: Report) -> Reference | None:
    reference = find_reference(name)
    if reference is None:
        report.unknown(loc, "value", name, NAMES)
        return None
    role, token = contact_role(name), slot_name(name)
    if role is not None and role not in tuple(ContactRole):
        report.unknown(loc, "role", role, tuple(ContactRole))
    if token is not None and token not in _tokens(document):
        report.unknown(loc, "token", token, _tokens(document))
    return reference


def _tokens(document: PackDocument) -> tuple[str, ...]:
    search = document.commands.get(CommandKind.SEARCH)
    slots = search.reply.slots if search is not None and search.reply is not None else None
    return tuple(slots.token) if slots is not None else ()


def _check_format(
    loc: Loc, entry: TemplateValue, references: list[Reference], document: PackDocument, report: Report
) -> None:
    are_moments = all(reference.type is Type.MOMENT for reference in references)
    if entry.format is not None and not are_moments:
        report.add_key((*loc, "format"), "misplaced", f"only a date and time has a format; {entry.value[0]} is none")
    elif entry.format is not None and entry.zone is None and document.zone is None and not has_offset(entry.format):
        report.add(loc, "missing-key", "a zone is needed, here or for the whole pack (zone: Europe/Warsaw)")
    if entry.zone is not None and entry.format is None:
        report.add_key((*loc, "zone"), "misplaced", "a zone needs a format")


def _check_table(loc: Loc, entry: TemplateValue, document: PackDocument, report: Report) -> None:
    if (entry.table is None) != (entry.column is None):
        report.add(loc, "missing-key", "table and column go together")
    if entry.table is None or entry.column is None:
        return
    table = document.tables.get(entry.table)
    if table is None:
        report.unknown((*loc, "table"), "table", entry.table, document.tables)
    elif entry.column not in columns(table):
        report.unknown((*loc, "column"), "column", entry.column, columns(table))
    elif not always_has(table, entry.column):
        report.add((*loc, "column"), "may-be-absent", f"not every row of table {entry.table} has {entry.column}")
    elif entry.value == ("ticket_status",):
        _check_statuses(loc, entry.table, table, report)


def _check_statuses(loc: Loc, name: str, table: Table, report: Report) -> None:
    missing = [status.value for status in TicketStatus if status not in codes(table)]
    if missing and table.on_miss == "park":
        report.add((*loc, "table"), "missing-code", f"table {name} has no row for {', '.join(missing)}")
