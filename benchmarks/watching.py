"""What it costs that the bridge is watched: by metrics, the console's pulse, and a page that moves.

`python -m benchmarks.watching` applies 5,000 messages of 500 jobs on SQLite, in one process, by turns watched and not,
and compares CPU time, which other work on the machine changes less than time. Watched means: each message is counted;
every five seconds everything is looked at, and the numbers of the page *Now* are made for a browser; at the end
Prometheus asks.
"""

import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path
from typing import Final

import aiohttp_jinja2
from aiohttp import web

from benchmarks.lab import ROOT
from benchmarks.messages import lives
from bridge.admin.metrics import Metrics, Observed
from bridge.admin.silence import Silence
from bridge.admin.watchers import Watchers
from bridge.console.pages.now import charts
from bridge.console.pulse import EVERY_S, Pulse
from bridge.console.render import set_up
from bridge.flows.job_updates import JobUpdates
from bridge.flows.ports.journal_entry import WfmMessage
from bridge.flows.work import Workshop
from bridge.loops import every
from bridge.mapping.loader import load_pack
from bridge.store import SqlStore, open_store

JOBS: Final = 500
AT_ONCE: Final = 200
ROUNDS: Final = 7


def _now() -> datetime:
    return datetime.now(UTC)


class Watching:
    """All who watch a bridge."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self.pulse = Pulse()
        self.metrics = Metrics("0", "bench")
        self.watchers = Watchers(self.metrics, Silence(), self.pulse)
        app = web.Application()
        set_up(app)
        self._page = aiohttp_jinja2.get_env(app).get_template("now_numbers.html")

    async def look(self) -> None:
        """Look at everything, and make the numbers of the page."""
        await self.pulse.look(self.observe)
        seen = self.pulse.now
        facts: dict[str, object] = {
            "seen": seen,
            "figures": seen and seen.figures,
            "wrong": [],
            "warnings": [],
            "parked": [],
        }
        self._page.render(charts=charts(self.pulse.samples), parked_for=str, text=str, **facts)

    async def observe(self) -> Observed:
        """See what is in the database."""
        return Observed(
            now=_now(),
            checks={"database": True},
            figures=await self._store.counts.read(),
            outbox_age=0.0,
            oldest_uncommitted=0.0,
            depths={},
            dead_letters=0,
            stands_by=0,
            given_up=0,
            loop_lag=0.0,
        )


async def cpu_of(*, watched: bool) -> float:
    """Apply all messages on a new database; give the CPU seconds of one of them."""
    ids = count(1)
    with tempfile.TemporaryDirectory(prefix="mef-bridge-bench-") as place:
        store = await open_store(f"sqlite:///{Path(place) / 'bench.sqlite3'}", new_id=lambda: f"id-{next(ids):09d}")
        watching = Watching(store)
        pack = load_pack(ROOT / "mappings" / "acme-wfm")
        watcher = watching.watchers if watched else None
        workshop = Workshop(store, {pack.name: pack}, _now, lambda: f"id-{next(ids):09d}", watcher=watcher)
        messages = _messages(pack.name)
        gc.collect()
        begun = time.process_time()
        looking = asyncio.create_task(every(EVERY_S, watching.look, "bench")) if watched else None
        await _apply(JobUpdates(store, workshop), messages)
        if looking is not None:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
            watching.metrics.render(await watching.observe())
        spent = time.process_time() - begun
        await store.close()
    return spent / (JOBS * 10)


def _messages(pack: str) -> Iterator[WfmMessage]:
    for number, (key, body) in enumerate(lives(JOBS)):
        yield WfmMessage(pack=pack, body=body, routing_key=key, correlation_id=f"c-{number}", received_at=_now())


async def _apply(updates: JobUpdates, messages: Iterator[WfmMessage]) -> None:
    while batch := list(islice(messages, AT_ONCE)):
        await asyncio.gather(*map(updates.handle, batch))


async def main() -> None:
    """Measure, and print the ratio."""
    plain, watched = [], []
    for _ in range(ROUNDS):
        plain.append(await cpu_of(watched=False))
        watched.append(await cpu_of(watched=True))
    ratios = sorted(with_ / without for with_, without in zip(watched, plain, strict=True))
    print(f"CPU of a message, watched over unwatched: {statistics.median(ratios):.3f} (goal: <= 1.03)")
    print(
        f"of the least of each: {min(watched) / min(plain):.3f}; all: {', '.join(f'{ratio:.3f}' for ratio in ratios)}"
    )


if __name__ == "__main__":
    asyncio.run(main())
