"""Checks of `replies`: can each reply be brought together with its command?"""

from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.document import CommandSpec, PackDocument
from bridge.mapping.document.commands import TemplateValue, entries


def check_replies(document: PackDocument, report: Report) -> None:
    """Check that what replies are to bear is written by the commands, and can be read of all replies alike."""
    answered = {kind: command for kind, command in document.commands.items() if command.reply is not None}
    if document.replies is not None and not answered:
        report.add_key(("replies",), "missing-command", "this is for commands with a reply, and there is none")
    if document.replies is None or document.replies.correlation is None:
        return
    formats = [command.format for command in answered.values()]
    for kind, command in answered.items():
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
