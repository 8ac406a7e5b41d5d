"""The database of a bridge, opened by a command."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bridge.app.credentials import database_url
from bridge.app.process import new_id, now
from bridge.errors import PermanentError
from bridge.settings import FILE_VARIABLE, Settings
from bridge.store import NoDatabase, SqlStore, open_existing

T = TypeVar("T")


def with_store(settings: Settings, work: Callable[[SqlStore], Awaitable[T]], *, read_only: bool) -> T:
    """Do something with the database of a bridge, which may be running."""

    async def opened() -> T:
        store = await _open(settings, read_only=read_only)
        try:
            await now.compare(store.time)
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(opened())


async def _open(settings: Settings, *, read_only: bool) -> SqlStore:
    try:
        return await open_existing(
            database_url(settings.database),
            new_id=new_id,
            clock=now,
            read_only=read_only,
            named_statements=settings.database.prepared_statements,
        )
    except NoDatabase as nowhere:
        origin = settings.named_by("database", "url")
        others = f"If a bridge runs with another settings file, name that: -c FILE, or {FILE_VARIABLE}"
        raise PermanentError(f"{nowhere}; the path is from {origin}. {others}") from None
