"""What people may do. Each act is in the audit log before it is done, and what came of it afterwards."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from bridge.console.users import User
from bridge.errors import BridgeError, PermanentError
from bridge.flows.ports import AuditEntry, Clock


class AuditLog(Protocol):
    """Where acts are written down."""

    async def begin(self, entry: AuditEntry) -> int: ...
    async def end(self, number: int, outcome: str) -> None: ...


class Result:
    """What came of an act, in a line, for the audit log."""

    def __init__(self) -> None:
        self.text = "done"


class Acts:
    """Writes down what people do."""

    def __init__(self, audit: AuditLog, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock

    @asynccontextmanager
    async def writing(self, user: User, act: str, thing: str, note: str) -> AsyncIterator[Result]:
        """Write down an act that is done in the block; `text` of what it gets says what came of it."""
        entry = AuditEntry(at=self._clock(), who=user.name, role=user.role.value, act=act, thing=thing, note=note)
        number = await self._audit.begin(entry)
        result = Result()
        try:
            yield result
        except BridgeError as refused:
            await self._audit.end(number, f"refused: {refused}")
            raise
        await self._audit.end(number, result.text)

    async def written(self, user: User, act: str, thing: str, note: str) -> None:
        """Write down an act that is done with that."""
        async with self.writing(user, act, thing, note):
            pass


def said_why(note: str) -> str:
    """Give a note that must say something; raises `PermanentError` for one that does not."""
    if not note.strip():
        raise PermanentError("Say why, in the note: whoever reads it later has nothing else.")
    return note.strip()[:1000]
