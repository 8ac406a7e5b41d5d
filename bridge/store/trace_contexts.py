"""Where traces of OpenTelemetry go on: by the correlation id that leads from a message or request onwards."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import bindparam, select

from bridge.store.session import Database, upsert
from bridge.store.tables import trace_contexts

_SAVE = upsert(trace_contexts)
_FIND = select(trace_contexts.c.context).where(trace_contexts.c.correlation_id == bindparam("wanted"))


class TraceContexts:
    """The contexts, as W3C's headers have them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, contexts: Mapping[str, Mapping[str, str]], at: datetime) -> None:
        """Keep contexts by their correlation ids; one that has one already gets the new one."""
        rows: Sequence[dict[str, object]] = [
            {"correlation_id": id_, "context": dict(contexts[id_]), "at": at} for id_ in sorted(contexts)
        ]
        async with self._database.write() as session:
            await session.run(_SAVE, rows)

    async def find(self, correlation_id: str) -> Mapping[str, str] | None:
        """Read the context of a correlation id; None if it has none."""
        async with self._database.read() as session:
            row = await session.row(_FIND, {"wanted": correlation_id})
        return None if row is None else row["context"]
