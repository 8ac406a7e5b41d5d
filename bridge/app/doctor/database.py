"""The database: that it answers and will do, its tables and our rights, and its clock."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from bridge.app.credentials import database_url
from bridge.app.doctor.diagnosis import Diagnosis, Unseen, look, unseen
from bridge.app.process import new_id, now
from bridge.domain.model import BuyerId
from bridge.errors import PermanentError
from bridge.settings import Settings
from bridge.store import open_existing
from bridge.store.examination import Examination, examination_of

APART: Final = timedelta(seconds=2)
"""By so much the clocks may differ: leases and waits are of some seconds, and what is due is compared with both."""


@dataclass(slots=True)
class Database:
    """The database of a set-up. `callbacks` are those of the listeners in it, once it was looked at."""

    settings: Settings
    callbacks: list[tuple[BuyerId, str]] = field(default_factory=list)


async def examine_database(database: Database) -> AsyncIterator[Diagnosis]:
    """Look at it, as far as one gets."""
    settings = database.settings
    seen: list[Examination] = []

    async def reach() -> str:
        seen.append(await examination_of(database_url(settings.database)))
        return seen[0].place

    reached = await look("database", reach())
    yield reached
    if reached.is_wrong:
        for each in unseen("the database cannot be used", "database.tables", "database.rights", "clock"):
            yield each
        return
    yield await look("database.tables", seen[0].tables())
    yield await look("database.rights", seen[0].rights())
    yield await look("clock", _clock(seen[0]))
    if await seen[0].is_current():
        database.callbacks += await _callbacks(settings)


async def _clock(examined: Examination) -> str:
    theirs = await examined.time()
    if theirs is None:
        raise Unseen("SQLite has no clock but this machine's")
    apart = abs(theirs - now())
    if apart > APART:
        raise PermanentError(
            f"this machine's clock and the database's are {apart.total_seconds():.0f} s apart: let both be set by NTP "
            "(timedatectl); tokens, leases and retries go by them"
        )
    return f"less than {APART.total_seconds():.0f} s from the database's"


async def _callbacks(settings: Settings) -> list[tuple[BuyerId, str]]:
    store = await open_existing(database_url(settings.database), new_id=new_id, read_only=True)
    try:
        reports = await store.listeners.reports()
    finally:
        await store.close()
    return [(each.subscription.buyer, each.subscription.callback) for each in reports]
