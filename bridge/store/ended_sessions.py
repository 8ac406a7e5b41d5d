"""Sessions of the console that somebody ended before their time: no copy of their cookie opens anything any more.

Kept until they would have ended by themselves; then `retention.py` deletes them.
"""

from datetime import datetime

from sqlalchemy import bindparam, select

from bridge.store.direct import Direct
from bridge.store.session import Database, insert_new
from bridge.store.tables import ended_sessions

_ADD = insert_new(ended_sessions)
_FIND = select(ended_sessions.c.id).where(ended_sessions.c.id == bindparam("wanted"))


class EndedSessions:
    """What was ended."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._find: Direct | None = None

    async def add(self, session: str, ends_at: datetime) -> None:
        """Say that a session is over; `ends_at` is when it would have been by itself. Said twice, it is said once."""
        async with self._database.write() as db:
            await db.run(_ADD, {"id": session, "ends_at": ends_at})

    async def has(self, session: str) -> bool:
        """Tell whether a session was ended. Each page of the console asks so once."""
        find = self._find = self._find or Direct(_FIND, self._database.dialect)
        return bool(await self._database.fetch(find.bind({"wanted": session})))
