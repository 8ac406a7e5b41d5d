"""Checks of the WFM's replies: every code means something, and every time has a zone."""

from bridge.domain.model import CommandKind
from bridge.mapping.checks.report import Loc, Report, known_hint
from bridge.mapping.checks.tables import check_zones, looked_up, rows_of
from bridge.mapping.document import CommandSpec, PackDocument, Reply, ReplyWindow, ReplyZone, Table, Version
from bridge.mapping.document.commands import TemplateValue, entries
from bridge.mapping.formats.datetimes import has_offset
from bridge.mef.enums import Error422Code

_LONGEST_REASON = 255  # characters, Error422.reason


def check_reply(loc: Loc, reply: Reply, kind: CommandKind, document: PackDocument, report: Report) -> None:
    """Check that every reply to a command can be understood."""
    table = document.tables.get(reply.refused)
    if table is None:
        report.unknown((*loc, "refused"), "table", reply.refused, document.tables)
    else:
        _check_refusals((*loc, "refused"), reply.refused, table, report)
    if (reply.slots is None) == (kind is CommandKind.SEARCH):
        message = "the reply of search needs slots" if reply.slots is None else "only the reply of search has slots"
        report.add((*loc, "slots"), "missing-key" if reply.slots is None else "misplaced", message)
    if reply.version is not None:
        _check_version((*loc, "version"), reply.version, kind, document.inbound.version, report)
    for name, window in (("window", reply.window), ("slots", reply.slots)):
        if window is not None:
            _check_window((*loc, name), window, document, report)
    if reply.slots is not None and reply.slots.shortest is not None and reply.slots.partly == "drop":
        message = "this is for windows that are cut; write partly: clip as well"
        report.add_key((*loc, "slots", "shortest"), "misplaced", message)


_CHANGING = (CommandKind.BOOK, CommandKind.RESCHEDULE, CommandKind.CANCEL)


def _check_version(loc: Loc, version: Version, kind: CommandKind, messages: Version | None, report: Report) -> None:
    """Check that it can be compared with that of messages."""
    if kind not in _CHANGING:
        message = f"{kind} changes no job; only replies of {', '.join(_CHANGING)} have a version"
        report.add_key(loc, "misplaced", message)
    elif messages is None:
        report.add_key(loc, "misplaced", "there is nothing to compare it with; write inbound: {version: …} as well")
    elif (version.format is None) != (messages.format is None):
        here, there = ("a number" if one.format is None else "a moment" for one in (version, messages))
        report.add(loc, "wrong-type", f"it is {here}, that of messages {there}; they must be of one kind")


def _check_window(loc: Loc, window: ReplyWindow, document: PackDocument, report: Report) -> None:
    for name, moment in (("start", window.start), ("end", window.end)):
        if moment.zone is not None:
            _check_zone((*loc, name, "zone"), moment.zone, document, report)
        elif document.zone is None and not has_offset(moment.format):
            message = "a zone is needed, here or for the whole pack (zone: Europe/Warsaw)"
            report.add((*loc, name), "missing-key", message)


def _check_zone(loc: Loc, zone: ReplyZone, document: PackDocument, report: Report) -> None:
    """Check a zone that is looked up: the column is there, and has nothing but zones."""
    if zone.table is None or zone.column is None:
        return
    table = looked_up(loc, zone.table, zone.column, document, report)
    if table is not None:
        check_zones(zone.table, zone.column, table, report)


def _check_refusals(loc: Loc, name: str, table: Table, report: Report) -> None:
    if table.on_miss != "default":
        message = f"table {name} needs on_miss: default and a default row, for the codes nobody told us of"
        report.add(loc, "missing-key", message)
    for at, row in rows_of(name, table):
        _check_refusal(at, row, report)


def _check_refusal(loc: Loc, row: dict[str, str], report: Report) -> None:
    missing = [column for column in ("code", "reason") if not row.get(column)]
    if missing:
        report.add(loc, "missing-key", f"a refusal needs {' and '.join(missing)}")
    known = tuple(Error422Code)
    if row.get("code") and row["code"] not in known:
        message = f"'{row['code']}' is no error code of the standard{known_hint(row['code'], known)}"
        report.add((*loc, "code"), "unknown-code", message)
    if len(row.get("reason", "")) > _LONGEST_REASON:
        report.add((*loc, "reason"), "wrong-value", f"a reason has at most {_LONGEST_REASON} characters")
    if row.get("final", "no") not in ("yes", "no"):
        report.add((*loc, "final"), "wrong-value", "final is yes or no")
    if not row.get("path", "/").startswith("/"):
        report.add((*loc, "path"), "wrong-value", "a path is a JSON Pointer such as /validFor")


def check_replies(document: PackDocument, report: Report) -> None:
    """Check that what replies are to bear is written by the commands, and can be read of all replies alike."""
    with_reply = {kind: command for kind, command in document.commands.items() if command.reply is not None}
    if document.replies is not None and not with_reply:
        report.add_key(("replies",), "missing-command", "this is for commands with a reply, and there is none")
    if document.replies is None or document.replies.correlation is None:
        return
    formats = [command.format for command in with_reply.values()]
    for kind, command in with_reply.items():
        _check_command(("commands", kind.value), kind.value, command, formats[0], report)


def _check_command(loc: Loc, kind: str, command: CommandSpec, format_: str, report: Report) -> None:
    if not any(_bears_correlation(entry) for _, entry in entries(command.body)):
        message = (
            "replies.correlation reads from the reply what the command wrote; "
            f"write {{value: correlation}} somewhere in the body of {kind}"
        )
        report.add((*loc, "body"), "missing-correlation", message)
    if command.format != format_:
        message = f"a reply is read before its command is known; write format: {format_} as in the others"
        report.add((*loc, "format"), "mixed-formats", message)


def _bears_correlation(entry: TemplateValue) -> bool:
    return entry.value[0] == "correlation" and entry.table is None
