"""The state of a bridge: its database, opened as soon as it answers, and looked after from then on."""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from bridge.app.process import Start, new_id
from bridge.backoff import Backoff
from bridge.loops import Bell, until_done, when_due
from bridge.settings import Settings
from bridge.store import SqlStore, new_store

log = structlog.get_logger(__name__)

RETRIES: Final = Backoff(first=0.5, longest=15.0)


def build_store(settings: Settings) -> SqlStore:
    """Make the store, not opened yet."""
    return new_store(
        settings.database.url.get_secret_value(),
        new_id=new_id,
        named_statements=settings.database.prepared_statements,
        instance=settings.instance,
    )


async def open_state(store: SqlStore, settings: Settings, start: Start) -> None:
    """Open the store; waits until the database answers. Raises `PermanentError` for what somebody has to mend."""
    log.info("database.opening", url=settings.database.safe_url)
    await patiently(store.open)
    start(when_due(store.processes.beat, Bell(), "processes"), "processes")


async def patiently(step: Callable[[], Awaitable[None]]) -> None:
    """Do something with the database at the start, as soon as it lets us."""
    await until_done(step, RETRIES.waits(), "database")
