"""The database: that it answers and will do, its tables and our rights, and its clock."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from bridge.app.credentials import database_url
from bridge.app.doctor.diagnosis import Diagnosis, Unseen, look, unseen
from bridge.app.pack_activations import activated
from bridge.app.packs import places_of
from bridge.app.process import new_id, now
from bridge.domain.model import BuyerId
from bridge.errors import PermanentError
from bridge.flows.operator import Activation, Standing
from bridge.mapping.pack import Pack
from bridge.settings import Settings
from bridge.store import SqlStore, open_existing
from bridge.store.examination import Examination, examination_of

APART: Final = timedelta(seconds=2)
"""By so much the clocks may differ. Processes go by the database's where it is more, but tokens do not."""


@dataclass(slots=True)
class Database:
    """The database of a set-up. `callbacks` are those of the listeners in it, once it was looked at."""

    settings: Settings
    callbacks: list[tuple[BuyerId, str]] = field(default_factory=list)


async def examine_database(database: Database, deployed: Mapping[str, Pack]) -> AsyncIterator[Diagnosis]:
    """Look at it, as far as one gets. `deployed` are the packs as their files say."""
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
        async with _opened(settings) as store:
            reports = await store.listeners.reports()
            activations = await store.activations.current()
        database.callbacks += [(each.subscription.buyer, each.subscription.callback) for each in reports]
        if activations:
            yield await look("packs.activated", _activated(settings, activations, deployed))


async def _clock(examined: Examination) -> str:
    theirs = await examined.time()
    if theirs is None:
        raise Unseen("SQLite has no clock but this machine's")
    apart = abs(theirs - now())
    if apart > APART:
        raise PermanentError(
            f"this machine's clock and the database's are {apart.total_seconds():.0f} s apart: let both be set by NTP "
            "(timedatectl); tokens go by this machine's, deadlines and leases by the database's"
        )
    return f"less than {APART.total_seconds():.0f} s from the database's"


async def _activated(settings: Settings, activations: Sequence[Activation], deployed: Mapping[str, Pack]) -> str:
    """Say which activated drafts run over the files here; raises `PermanentError` for one that cannot."""
    if not deployed:
        raise Unseen("the packs here cannot be loaded, so that nobody knows what runs in their place")
    await asyncio.to_thread(activated, deployed, places_of(settings, deployed), activations)
    return (
        "\n".join(_said(one, deployed[one.pack].version) for one in activations if one.pack in deployed) or "none here"
    )


def _said(one: Activation, deployed: str) -> str:
    about = f"{one.version}, a draft that {one.who} activated on {one.at:%Y-%m-%dT%H:%MZ} ({one.note})"
    match one.standing(deployed):
        case Standing.RUNS:
            return f"{one.pack} runs as {about}, not as its files say ({deployed}): put it into your version control"
        case Standing.OVERTAKEN:
            return f"{one.pack} runs as its files say ({deployed}), not as {about}: these were deployed later"
        case Standing.REDUNDANT:
            return f"{one.pack} runs as its files say, which is {about}"


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[SqlStore]:
    store = await open_existing(database_url(settings.database), new_id=new_id, read_only=True)
    try:
        yield store
    finally:
        await store.close()
