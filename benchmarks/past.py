"""What an event and a claim cost on a database with a past: 1,000, 100,000 or a million WorkOrders, on PostgreSQL.

    python -m benchmarks.past                    # 1,000 and 100,000
    python -m benchmarks.past 1000 1000000       # the million has ten million rows in the journal: some minutes to fill

Each WorkOrder has ten messages in inbox and journal, and two notifications that were delivered. A bridge process takes
events of jobs that are new, as in `throughput`; a store of this process claims deliveries that are due. All sizes take
turns, and the median counts.
"""

import signal
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from subprocess import Popen
from typing import Final, NamedTuple
from uuid import uuid4

import asyncpg  # type: ignore[import-untyped]
import uvloop
from aiohttp import ClientSession

from benchmarks.aims import AT_MOST, Aim, show
from benchmarks.arrivals import HEADERS, ORDERS
from benchmarks.filled import fill
from benchmarks.lab import Lab, channel, cpu_seconds, lab, publish, until
from benchmarks.messages import LIFE, lives
from benchmarks.throughput import take_commands
from bridge.localenv.postgres import asyncpg_url
from bridge.store.store import open_existing

SIZES: Final = (1_000, 100_000)
MILLION: Final = (1_000, 1_000_000)
JOBS: Final = 300
EVENTS: Final = JOBS * len(LIFE)
ROUNDS: Final = 5
CLAIMED: Final = 100
DUE: Final = 3 * CLAIMED
DEADLINE_S: Final = 120
GOAL: Final = 1.3

# What refers to something is not checked meanwhile, which would take most of the time.
_PAST: Final = """
SET session_replication_role = replica;
INSERT INTO jobs (pack, key, work_order_id, versions, record)
    SELECT 'acme-wfm', 'J-' || n, 'wo-' || lpad(n::text, 8, '0'), '{"job": 10}', '{}' FROM generate_series(1, $n) AS n;
INSERT INTO inbox SELECT 'acme-wfm', 'M-' || n, now() FROM generate_series(1, 10 * $n) AS n;
INSERT INTO journal (pack, message_id, job_key, body, routing_key, headers, correlation_id, received_at, outcome,
        reason, rule, pack_version, transitions, flags, explanation)
    SELECT 'acme-wfm', 'M-' || n, 'J-' || n % $n, convert_to(repeat('{"STAT": "SCHD"} ', 10), 'UTF8'), 'job.schd', '{}',
        'C-' || n, now(), 'applied', '', 'planned', '1.0', '[]', '[]', '{}' FROM generate_series(1, 10 * $n) AS n;
INSERT INTO notifications SELECT 'e' || n, 'workOrderStateChangeEvent', 'w' || n, 'acme-buyer', now(), 'C-' || n, 0
    FROM generate_series(1, 2 * $n) AS n;
INSERT INTO deliveries (event_id, subscription_id, ordering_key, state, attempts)
    SELECT 'e' || n, 'past', 'past w' || n, 'delivered', 1 FROM generate_series(1, 2 * $n) AS n;
INSERT INTO attempts (delivery, at, status, elapsed) SELECT n, now(), 204, 0.1 FROM generate_series(1, 2 * $n) AS n;
INSERT INTO subscriptions (id, api, irp, buyer, callback, event_types, created_at)
    VALUES ('due', 'workOrder', 'sonata', 'nobody', 'https://listener.example', '[]', now());
INSERT INTO notifications SELECT 'due' || n, 'workOrderStateChangeEvent', 'due' || n, 'acme-buyer', now(), 'C', 0
    FROM generate_series(1, $due) AS n;
INSERT INTO deliveries (event_id, subscription_id, ordering_key, state, attempts)
    SELECT 'due' || n, 'due', 'due ' || n, 'pending', 0 FROM generate_series(1, $due) AS n;
RESET session_replication_role;
VACUUM ANALYZE;
"""
_DUE: Final = (
    "UPDATE deliveries SET next_attempt_at = $1, lease_until = NULL, claimed_by = NULL WHERE state = 'pending'"
)


class Took(NamedTuple):
    """Milliseconds."""

    event: float
    event_cpu: float
    claim: float


async def _give_past(url: str, count: int) -> None:
    await fill(url, count)
    server = await asyncpg.connect(asyncpg_url(url))
    try:
        for statement in _PAST.replace("$n", str(count)).replace("$due", str(DUE)).split(";"):
            if statement.strip():
                await server.execute(statement)
    finally:
        await server.close()


async def _ingest(made: Lab, process: "Popen[bytes]", turn: int) -> tuple[float, float]:
    """Stop the bridge while its queue fills; give the milliseconds of an event, and those of CPU."""
    first = 5_000_000 + turn * JOBS
    last = {"relatedEntityId": f"TT-{first + JOBS - 1}", "relatedEntityType": "TroubleTicket", "state": "completed"}
    async with channel(made.broker_url) as wfm, ClientSession(made.url, headers=HEADERS) as session:

        async def is_done() -> bool:
            async with session.get(f"{ORDERS}/workOrder", params=last) as response:
                return bool(await response.json())

        process.send_signal(signal.SIGSTOP)
        await publish(wfm, f"{made.namespace}acme.wfm.events", lives(JOBS, first=first))
        worked, begun = cpu_seconds(process), time.monotonic()
        process.send_signal(signal.SIGCONT)
        await until(is_done, DEADLINE_S, every_s=0.02)
        took = time.monotonic() - begun
        return 1000 * took / EVENTS, 1000 * (cpu_seconds(process) - worked) / EVENTS


async def _claim(made: Lab, process: "Popen[bytes]") -> float:
    """Make them due, and claim some while the bridge stands still; give the milliseconds of the claim."""
    process.send_signal(signal.SIGSTOP)
    server = await asyncpg.connect(asyncpg_url(made.database_url))
    store = await open_existing(made.database_url, new_id=lambda: uuid4().hex)
    try:
        now = datetime.now(UTC)
        await server.execute(_DUE, now - timedelta(seconds=1))
        begun = time.perf_counter()
        claimed = await store.deliveries.claim(now, now + timedelta(minutes=1), CLAIMED)
        took = time.perf_counter() - begun
        assert len(claimed) == CLAIMED
        await server.execute(_DUE, None)
        return 1000 * took
    finally:
        await store.close()
        await server.close()
        process.send_signal(signal.SIGCONT)


async def measure(sizes: Sequence[int] = SIZES) -> list[Aim]:
    """Measure, and compare the largest with the smallest."""
    found: list[list[Took]] = [[] for _ in sizes]
    async with AsyncExitStack() as stack:
        running = []
        for size in sizes:
            made = await stack.enter_async_context(lab("postgresql"))
            await _give_past(made.database_url, size)
            wfm = await stack.enter_async_context(channel(made.broker_url))
            await wfm.declare_exchange(f"{made.namespace}acme.wfm.events", "topic", durable=True)
            await take_commands(made, wfm)
            running.append((made, await stack.enter_async_context(made.bridge())))
        for turn in range(ROUNDS + 1):
            for (made, process), took in zip(running, found, strict=True):
                event = await _ingest(made, process, turn)
                took += [Took(*event, await _claim(made, process))] if turn else []  # the first turn warms up
    return [aim for name in Took._fields for aim in (_aim(name, sizes, found),)]


def _aim(name: str, sizes: Sequence[int], found: Sequence[Sequence[Took]]) -> Aim:
    small, large = (statistics.median(getattr(took, name) for took in found[place]) for place in (0, -1))
    work = {"event": "an event", "event_cpu": "CPU of an event", "claim": f"claim of {CLAIMED}"}[name]
    where, against = f"on {sizes[-1]:,} WorkOrders", f"on {sizes[0]:,}"
    return Aim(work, f"postgresql, {where}", against, "ms", small, large, AT_MOST, GOAL)


def main(sizes: Sequence[int] = SIZES) -> list[Aim]:
    """Run and print."""
    aims = uvloop.run(measure(sizes))
    show("On a database with a past", aims)
    return aims


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or SIZES)
