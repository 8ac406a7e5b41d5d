"""The database of a bridge, opened by a command."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bridge.app.credentials import database_url
from bridge.app.process import new_id
from bridge.settings import Settings
from bridge.store import SqlStore, open_existing

T = TypeVar("T")


def with_store(settings: Settings, work: Callable[[SqlStore], Awaitable[T]], *, read_only: bool) -> T:
    """Do something with the database of a bridge, which may be running."""

    async def opened() -> T:
        store = await open_existing(
            database_url(settings.database),
            new_id=new_id,
            read_only=read_only,
            named_statements=settings.database.prepared_statements,
        )
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(opened())
