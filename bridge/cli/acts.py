"""What operators do by the command line: each act with a note, and in the audit log as those of the console are."""

import getpass
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Final

import typer

from bridge.app.process import now
from bridge.errors import PermanentError
from bridge.flows import audit
from bridge.flows.audit import Result
from bridge.flows.ports.audit_entry import AuditEntry
from bridge.store import SqlStore

NoteOption = Annotated[str, typer.Option("--note", help="Why, for whoever looks at it later.")]
WhyOption = Annotated[str, typer.Option("--note", help="Why; this cannot be undone.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]

ROLE: Final = "command line"


def writing(store: SqlStore, act: str, thing: str, note: str) -> AbstractAsyncContextManager[Result]:
    """Write down an act that is done in the block: before it, and what came of it after."""
    entry = AuditEntry(at=now(), who=_who(), role=ROLE, act=act, thing=thing, note=note.strip())
    return audit.writing(store.audit, entry)


def said_why(note: str) -> str:
    """Give a note that must say something; raises `PermanentError` for one that does not."""
    if not note.strip():
        raise PermanentError("--note: say why, whoever reads it later has nothing else")
    return note.strip()


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in a container
        return "nobody knows"
