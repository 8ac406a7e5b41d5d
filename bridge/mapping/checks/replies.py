"""Checks of the WFM's replies: every code means something, and every time has a zone."""

from bridge.domain.model import CommandKind
from bridge.mapping.checks.clocks import check_letters
from bridge.mapping.checks.job_fields import check_job_field, check_zone_reference
from bridge.mapping.checks.report import Loc, Report, known_hint
from bridge.mapping.checks.tables import check_zones, looked_up, rows_of
from bridge.mapping.commands.verdicts import code_text
from bridge.mapping.document import (
    CommandSpec,
    No,
    PackDocument,
    Reply,
    ReplyMoment,
    ReplyWindow,
    ReplyZone,
    Table,
    Version,
    Yes,
)
from bridge.mapping.document.commands import TemplateValue, entries, repetitions
from bridge.mapping.document.replies import LONGEST_REASON
from bridge.mapping.formats.datetimes import has_offset
from bridge.mapping.formats.paths import MISSING
from bridge.mapping.reading.cells import raw_test
from bridge.mef.enums import Error422Code


def check_reply(loc: Loc, reply: Reply, kind: CommandKind, document: PackDocument, report: Report) -> None:
    """Check that every reply to a command can be understood."""
    _check_verdict(loc, reply, report)
    _check_refused(loc, reply, document, report)
    if (reply.slots is None) == (kind is CommandKind.SEARCH):
        message = "the reply of search needs slots" if reply.slots is None else "only the reply of search has slots"
        report.add((*loc, "slots"), "missing-key" if reply.slots is None else "misplaced", message)
    if reply.version is not None:
        _check_version((*loc, "version"), reply.version, kind, document.inbound.version, report)
        if reply.version.zone is None:
            check_letters((*loc, "version", "format"), reply.version.format, document.zone or "UTC", report)
    for name, window in (("window", reply.window), ("slots", reply.slots)):
        if window is not None:
            _check_window((*loc, name), window, kind, document, report)
    if reply.slots is not None and reply.slots.shortest is not None and reply.slots.partly == "drop":
        message = "this is for windows that are cut; write partly: clip as well"
        report.add_key((*loc, "slots", "shortest"), "misplaced", message)


def _check_verdict(loc: Loc, reply: Reply, report: Report) -> None:
    """Check that a yes is known from a no, and neither of them from what says nothing."""
    yes, no = reply.accepted, reply.refused
    asks_status = (("accepted", yes.codes), ("refused", no.codes))
    if reply.status is None:
        for name, codes in asks_status:
            if codes is not None:
                message = "these are codes at the status; write status: <path>, or cells under when"
                report.add((*loc, name), "missing-key", message)
    elif yes.codes is None and no.codes is None and no.code is not None:
        report.add_key(
            (*loc, "status"), "unused", "no codes are asked for there; write codes under accepted or refused"
        )
    for name, declared in (("accepted", yes), ("refused", no)):
        if declared.codes is None and declared.when and all(raw_test(cell)(MISSING) for cell in declared.when.values()):
            what = "a yes" if name == "accepted" else "a no"
            message = f"an empty reply would be {what}; ask for something that must be there, such as {{present: true}}"
            report.add((*loc, name, "when"), "empty-reply", message)
    if reply.status is None and no.codes is None and not no.when and no.code is None:
        message = "nothing says which reply is a no; write status: <path>, or when: {<path>: <cell>} here"
        report.add((*loc, "refused"), "missing-key", message)
    _check_codes(loc, yes, no, report)


def _check_codes(loc: Loc, yes: Yes, no: No, report: Report) -> None:
    accepted = set(map(code_text, yes.codes or ()))
    for code in map(code_text, no.codes or ()):
        if code in accepted and not (yes.when or no.when):
            message = f"'{code}' is an accepted code, too; a reply cannot be a yes and a no"
            report.add((*loc, "refused", "codes"), "duplicate-code", message)


def _check_refused(loc: Loc, reply: Reply, document: PackDocument, report: Report) -> None:
    name, place = reply.refused.table, (*loc, "refused", "table")
    table = document.tables.get(name)
    if table is None:
        report.unknown(place, "table", name, document.tables)
    else:
        _check_refusals(place, name, table, report, reply)


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


def _check_window(loc: Loc, window: ReplyWindow, kind: CommandKind, document: PackDocument, report: Report) -> None:
    for name, moments in (("start", window.start), ("end", window.end)):
        for index, moment in enumerate(moments):
            _check_moment((*loc, name, index), moment, kind, document, report)


def _check_moment(loc: Loc, moment: ReplyMoment, kind: CommandKind, document: PackDocument, report: Report) -> None:
    if moment.zone is not None:
        _check_zone((*loc, "zone"), moment.zone, kind, document, report)
    elif document.zone is None and not has_offset(moment.format):
        report.add(loc, "missing-key", "a zone is needed, here or for the whole pack (zone: Europe/Warsaw)")
    else:
        check_letters((*loc, "format"), moment.format, document.zone, report)


def _check_zone(loc: Loc, zone: ReplyZone, kind: CommandKind, document: PackDocument, report: Report) -> None:
    """Check a zone that is looked up: the column is there, and has nothing but zones."""
    if zone.field is not None:
        reference = check_job_field(loc, zone.field, document, report)
        if reference is not None:
            check_zone_reference(loc, zone.field, reference, kind, document, report)
    if zone.table is None or zone.column is None:
        return
    table = looked_up(loc, zone.table, zone.column, document, report)
    if table is not None:
        check_zones(zone.table, zone.column, table, report)


def _check_refusals(loc: Loc, name: str, table: Table, report: Report, reply: Reply) -> None:
    if table.key == "code":
        message = "code is what the Buyer is told here; give the column of the WFM's own codes another name"
        report.add(("tables", name, "key"), "duplicate-key", message)
        return
    if table.on_miss != "default" and not ("on_miss" in table.model_fields_set and _is_only_status(reply)):
        only = (
            ", or write on_miss: park: a reply with another code is unreadable then" if _is_only_status(reply) else ""
        )
        message = f"table {name} needs on_miss: default and a default row, for the codes nobody told us of{only}"
        report.add(loc, "missing-key", message)
    for at, row in rows_of(name, table):
        _check_refusal(at, row, report, has_text=reply.refused.reason is not None)


def _is_only_status(reply: Reply) -> bool:
    """Tell whether it is the code in the table that makes a reply a no."""
    no = reply.refused
    return reply.status is not None and no.code is None and no.codes is None and not no.when


def _check_refusal(loc: Loc, row: dict[str, str], report: Report, *, has_text: bool) -> None:
    missing = [column for column in (("code",) if has_text else ("code", "reason")) if not row.get(column)]
    if missing:
        or_text = ", or the reply says where the WFM's own text stands (refused: {reason: …})" if not has_text else ""
        report.add(
            loc, "missing-key", f"a refusal needs {' and '.join(missing)}{or_text if 'reason' in missing else ''}"
        )
    known = tuple(Error422Code)
    if row.get("code") and row["code"] not in known:
        message = f"'{row['code']}' is no error code of the standard{known_hint(row['code'], known)}"
        report.add((*loc, "code"), "unknown-code", message)
    if len(row.get("reason", "")) > LONGEST_REASON:
        report.add((*loc, "reason"), "wrong-value", f"a reason has at most {LONGEST_REASON} characters")
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
    repeated = list(repetitions(command.body))
    sure = (entry for path, entry in entries(command.body) if not any(path[: len(at)] == at for at in repeated))
    if not any(map(_bears_correlation, sure)):
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
