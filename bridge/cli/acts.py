"""What operators do by the command line: each act with a note, and in the audit log as those of the console are."""

import getpass
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Annotated, Final

import typer

from bridge.app.process import now
from bridge.errors import BridgeError, PermanentError
from bridge.flows.ports import AuditEntry
from bridge.store import SqlStore

NoteOption = Annotated[str, typer.Option("--note", help="Why, for whoever looks at it later.")]
WhyOption = Annotated[str, typer.Option("--note", help="Why; this cannot be undone.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]

ROLE: Final = "command line"
MOST_NAMED: Final = 20  # numbers that are named one by one


class Result:
    """What came of an act, in a line, for the audit log."""

    def __init__(self) -> None:
        self.text = "done"


@asynccontextmanager
async def writing(store: SqlStore, act: str, thing: str, note: str) -> AsyncIterator[Result]:
    """Write down an act that is done in the block: before it, and what came of it after."""
    entry = AuditEntry(at=now(), who=_who(), role=ROLE, act=act, thing=thing, note=note.strip())
    number = await store.audit.begin(entry)
    result = Result()
    try:
        yield result
    except BridgeError as refused:
        await store.audit.end(number, f"refused: {refused}")
        raise
    await store.audit.end(number, result.text)


def named(what: str, numbers: Collection[int]) -> str:
    """Name things by their numbers; many by how many they are."""
    some = sorted(numbers)
    if not some:
        return f"no {what}"
    if len(some) > MOST_NAMED:
        return f"{len(some)} {what}, {some[0]} to {some[-1]}"
    return f"{what} {', '.join(map(str, some))}"


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
