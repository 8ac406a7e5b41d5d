"""The audit log: what people did by the console and the admin API. Nothing is ever deleted from it by the bridge."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select, update

from bridge.flows.ports.audit_entry import AuditEntry, RecordedAct
from bridge.store.columns import Row
from bridge.store.session import Database
from bridge.store.tables import audit

_BEGIN = audit.insert().returning(audit.c.number)
_END = (
    update(audit)
    .where(audit.c.number == bindparam("ended"))
    .values(outcome=bindparam("came", type_=audit.c.outcome.type))
)
_LATEST = select(audit).where(audit.c.number < bindparam("below")).order_by(audit.c.number.desc())
_ABOVE_ALL = 1 << 62


class Audit:
    """The audit log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, entry: AuditEntry) -> int:
        """Write down an act before it is done; return its number."""
        row = {name: getattr(entry, name) for name in ("at", "who", "role", "act", "thing", "note", "outcome")}
        async with self._database.write() as session:
            (written,) = await session.rows(_BEGIN, row)
        number: int = written["number"]
        return number

    async def end(self, number: int, outcome: str) -> None:
        """Write down what came of it."""
        async with self._database.write() as session:
            await session.run(_END, {"ended": number, "came": outcome})

    async def latest(self, limit: int = 100, before: int | None = None) -> Sequence[RecordedAct]:
        """Read the newest acts, newest first; `before` gives only those with a smaller number."""
        query = _LATEST.limit(limit)
        async with self._database.read() as session:
            rows = await session.rows(query, {"below": _ABOVE_ALL if before is None else before})
        return [RecordedAct(row["number"], _entry(row)) for row in rows]


def _entry(row: Row) -> AuditEntry:
    return AuditEntry(
        at=row["at"],
        who=row["who"],
        role=row["role"],
        act=row["act"],
        thing=row["thing"],
        note=row["note"],
        outcome=row["outcome"],
    )
