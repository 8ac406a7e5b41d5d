"""The state of a bridge: its database, opened as soon as it answers, and looked after from then on."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

import structlog

from bridge.app.credentials import database_url
from bridge.app.process import Start, new_id, now
from bridge.backoff import Backoff
from bridge.errors import StoreUnavailable
from bridge.loops import Bell, until_done, when_due
from bridge.settings import Settings
from bridge.store import SqlStore, new_store
from bridge.store.processes import BEAT_S, TROUBLE_S, Process

log = structlog.get_logger(__name__)

RETRIES: Final = Backoff(first=0.5, longest=15.0)


def build_store(settings: Settings) -> SqlStore:
    """Make the store, not opened yet."""
    return new_store(
        database_url(settings.database),
        new_id=new_id,
        clock=now,
        named_statements=settings.database.prepared_statements,
        instance=settings.instance,
    )


async def open_state(store: SqlStore, settings: Settings, start: Start) -> None:
    """Open the store; waits until the database answers. Raises `PermanentError` for what somebody has to mend."""
    log.info("database.opening", url=settings.database.safe_url)
    await patiently(store.open)
    await patiently(partial(_compare_clocks, store))
    start(when_due(Lookout(store).look, Bell(), "processes"), "processes")
    start(when_due(store.wakes.hear, Bell(), "wakes"), "wakes")


class Lookout:
    """Looks after the database, and what other processes leave behind; says once what is wrong, and that it is not."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._has_said = False

    async def look(self) -> float:
        """Look once; return in how many seconds to do so again."""
        due_in = BEAT_S
        try:
            await _compare_clocks(self._store)
            _say_taken_over(await self._store.processes.beat())
        except StoreUnavailable:
            due_in = TROUBLE_S
        self._say(self._store.problem)
        return due_in

    def _say(self, problem: str | None) -> None:
        if problem is not None and not self._has_said:
            log.error("database.trouble", problem=problem)
        elif problem is None and self._has_said:
            log.info("database.well")
        self._has_said = problem is not None


async def _compare_clocks(store: SqlStore) -> None:
    behind = await now.compare(store.time)
    if behind is not None:
        log.warning(
            "clock.compared", behind_database_by_seconds=round(behind.total_seconds(), 1), goes_by="the database's"
        )


async def take_over(store: SqlStore) -> None:
    """Take over from earlier processes of this instance, once it is known that there is none any more."""
    _say_taken_over(await store.processes.take_over())


def _say_taken_over(dead: Sequence[Process]) -> None:
    for process in dead:
        log.info("process.taken_over", instance=process.instance, process=process.id)


async def patiently(step: Callable[[], Awaitable[None]]) -> None:
    """Do something with the database at the start, as soon as it lets us."""
    await until_done(step, RETRIES.waits(), "database")
