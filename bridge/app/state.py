"""The state of a bridge: its database, opened as soon as it answers, and looked after from then on."""

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
    await until_done(store.open, RETRIES.waits(), "database")
    start(when_due(store.processes.beat, Bell(), "processes"), "processes")


async def take_over(store: SqlStore) -> None:
    """Take over what an earlier process of this instance had claimed, once it is known that there is none any more."""
    await until_done(store.processes.take_over, RETRIES.waits(), "processes")
