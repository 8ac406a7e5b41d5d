"""What people may do. Each act is in the audit log before it is done, and what came of it afterwards."""

from contextlib import AbstractAsyncContextManager

from bridge.console.users import User
from bridge.errors import PermanentError
from bridge.flows import audit
from bridge.flows.audit import AuditLog, Result
from bridge.flows.ports.audit_entry import AuditEntry
from bridge.flows.ports.clock import Clock


class Acts:
    """Writes down what people do."""

    def __init__(self, audit: AuditLog, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock

    def writing(self, user: User, act: str, thing: str, note: str) -> AbstractAsyncContextManager[Result]:
        """Write down an act that is done in the block; `text` of what it gets says what came of it."""
        entry = AuditEntry(at=self._clock(), who=user.name, role=user.role.value, act=act, thing=thing, note=note)
        return audit.writing(self._audit, entry)

    async def written(self, user: User, act: str, thing: str, note: str) -> None:
        """Write down an act that is done with that."""
        async with self.writing(user, act, thing, note):
            pass


def said_why(note: str) -> str:
    """Give a note that must say something; raises `PermanentError` for one that does not."""
    if not note.strip():
        raise PermanentError("Say why, in the note: whoever reads it later has nothing else.")
    return note.strip()[:1000]
