"""The same events through 1, 2 and 4 processes that share four partitions, on one PostgreSQL and one RabbitMQ.

    python -m benchmarks.scaling            # two minutes
    python -m benchmarks.scaling 3          # so many rounds, in turns; the medians count

The first row is one process without partitions. All workers are stopped (SIGSTOP) while the inbound queue fills, and go
on when the clock starts. What counts is the CPU of an event in all processes of the bridge: the rate depends on what
else the processors do, for PostgreSQL, RabbitMQ and this program share them.

What 2 and 4 processes reach is predicted from the row of one with partitions (`capacity.py`). Of their own rows only
the processors that were left for them are taken: all, but for what others used meanwhile.
"""

import asyncio
import os
import signal
import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import asyncpg  # type: ignore[import-untyped]
import uvloop
from aio_pika.abc import AbstractChannel
from aiohttp import ClientSession

from benchmarks.capacity import Demands, events_per_second
from benchmarks.lab import PACK, Lab, channel, cpu_seconds_of, lab, publish, stopwatch, table, until
from benchmarks.messages import LIFE, lives
from benchmarks.throughput import COMPLETED, HEADERS, PREFETCH, take_commands
from bridge.localenv.postgres import asyncpg_url

JOBS: Final = 300
WARM_JOBS: Final = 20
EVENTS: Final = JOBS * len(LIFE)
PARTITIONS: Final = 4
CONFIGURATIONS: Final = ((1, 1), (1, PARTITIONS), (2, PARTITIONS), (4, PARTITIONS))
"""Processes and partitions."""
SETTLE_S: Final = 6.0
"""So long the processes have to find each other in the database."""
GOAL: Final = 1.15
NEAR: Final = 0.2
DEADLINE_S: Final = 120.0


class Measured(NamedTuple):
    """Of one run: events a second, seconds of CPU an event, and the processors that were left for all of it."""

    rate: float
    bridge_s: float
    servers_s: float
    cores: float


class Used(NamedTuple):
    """Seconds of CPU so far: of the bridge's processes, of PostgreSQL's for them and RabbitMQ, of this one, of all."""

    bridge: float
    servers: float
    own: float
    all: float

    def since(self, other: "Used") -> "Used":
        """Give what was used in between."""
        return Used(*(now - then for now, then in zip(self, other, strict=True)))


async def measure(made: Lab, processes: int, partitions: int) -> Measured:
    """Let the events through once."""
    exchange = f"{made.namespace}acme.wfm.events"
    async with channel(made.broker_url) as wfm:
        await wfm.declare_exchange(exchange, "topic", durable=True)
        await take_commands(made, wfm)
        try:
            async with (
                made.bridge("--workers", str(processes), BRIDGE_WFM_PARTITIONS=str(partitions)) as supervisor,
                ClientSession(made.url, headers=HEADERS) as session,
            ):
                pids = await _workers(supervisor.pid, processes)
                await _warm_up(wfm, exchange, session)
                return await _timed(made, wfm, exchange, session, pids)
        finally:
            await _remove(made, wfm, processes, partitions)


async def _timed(
    made: Lab, wfm: AbstractChannel, exchange: str, session: ClientSession, pids: Sequence[int]
) -> Measured:
    _signal(pids, signal.SIGSTOP)
    await publish(wfm, exchange, list(lives(WARM_JOBS + JOBS)))
    await _collected(made)
    before, backends = await _used(made, pids), os.cpu_count() or 1
    with stopwatch() as elapsed:
        _signal(pids, signal.SIGCONT)
        await until(lambda: _completed(session, WARM_JOBS + JOBS), DEADLINE_S, every_s=0.2)
        seconds = elapsed()
    used = (await _used(made, pids)).since(before)
    others = used.all - used.bridge - used.servers - used.own
    return Measured(
        EVENTS / seconds,
        used.bridge / EVENTS,
        (used.servers + used.own) / EVENTS,
        backends - max(0.0, others) / seconds,
    )


async def _warm_up(wfm: AbstractChannel, exchange: str, session: ClientSession) -> None:
    """Let the processes find each other, and give each its share: who is given more than that steps back."""
    await asyncio.sleep(SETTLE_S)
    for number, message in enumerate(lives(WARM_JOBS)):
        await publish(wfm, exchange, [message])
        if number % 10 == 0:
            await asyncio.sleep(0.2)
    await until(lambda: _completed(session, WARM_JOBS), DEADLINE_S, every_s=0.2)


async def _completed(session: ClientSession, jobs: int) -> bool:
    async with session.get(COMPLETED) as response:
        return response.headers["X-Total-Count"] == str(jobs)


async def _collected(made: Lab) -> None:
    async def full() -> bool:
        async with channel(made.broker_url) as own:
            declared = await own.declare_queue(made.inbound_queue, passive=True)
            return (declared.declaration_result.message_count or 0) >= EVENTS - PREFETCH

    await until(full, 60)


async def _workers(supervisor: int, count: int) -> Sequence[int]:
    async def all_there() -> bool:
        return len(_children(supervisor)) == count

    await until(all_there, 30)
    return _children(supervisor)


def _children(supervisor: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()]


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)


async def _used(made: Lab, pids: Sequence[int]) -> Used:
    connection = await asyncpg.connect(asyncpg_url(made.database_url))
    rows = await connection.fetch("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
    await connection.close()
    servers = [row["pid"] for row in rows] + _called("beam.smp")
    return Used(_cpu(pids), _cpu(servers), _cpu([os.getpid()]), _busy())


def _busy() -> float:
    """Tell for how many seconds all processors have been at work, whoever had them."""
    ticks = [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return (sum(ticks[:8]) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")  # without idle and iowait


def _called(name: str) -> list[int]:
    found = []
    for each in Path("/proc").glob("[0-9]*/comm"):
        try:
            if each.read_text().strip() == name:
                found.append(int(each.parent.name))
        except OSError:  # it has ended
            continue
    return found


def _cpu(pids: Sequence[int]) -> float:
    total = 0.0
    for pid in pids:
        try:
            total += cpu_seconds_of(pid)
        except OSError:  # it has ended
            continue
    return total


async def _remove(made: Lab, wfm: AbstractChannel, processes: int, partitions: int) -> None:
    for number in range(1, processes + 1):
        await wfm.queue_delete(f"{made.namespace}mef-bridge.bridge-1.{number}.replies")
    for number in range(partitions if partitions > 1 else 0):
        name = f"{made.namespace}mef-bridge.{PACK}.inbound.v2.{number}-of-{partitions}"
        await wfm.queue_delete(name)
        await wfm.exchange_delete(name)


def median(runs: Sequence[Measured]) -> Measured:
    """The median of each figure."""
    return Measured(*(statistics.median(values) for values in zip(*runs, strict=True)))


async def _run(rounds: int) -> None:
    runs: dict[tuple[int, int], list[Measured]] = defaultdict(list)
    for _ in range(rounds):
        for processes, partitions in CONFIGURATIONS:
            async with lab("postgresql") as made:
                runs[processes, partitions].append(await measure(made, processes, partitions))
    _report({key: median(measured) for key, measured in runs.items()})


def _report(found: dict[tuple[int, int], Measured]) -> None:
    alone, one = found[1, 1], found[1, PARTITIONS]
    partitioner_s = max(0.0, one.bridge_s - alone.bridge_s)
    rows = []
    for (processes, partitions), each in found.items():
        ratio = each.bridge_s / alone.bridge_s
        demands = Demands(1 / one.rate, partitioner_s, one.bridge_s + one.servers_s)
        predicted = events_per_second(demands, processes, each.cores) if partitions > 1 else alone.rate
        rows.append(
            (
                processes,
                partitions,
                each.rate / alone.rate,
                ratio,
                "met" if ratio <= GOAL else "missed",
                each.cores,
                predicted / alone.rate,
                "yes" if abs(predicted / each.rate - 1) <= NEAR else "no",
            )
        )
    heads = (
        "processes",
        "partitions",
        "events/s, of one process",
        "CPU an event, of one process",
        f"goal ≤ {GOAL}",
        "processors left",
        "predicted events/s, of one process",
        f"within {NEAR:.0%}",
    )
    table(f"{EVENTS:,} events of {JOBS} jobs, PostgreSQL", heads, rows)
    print(
        f"\nOf one process without partitions: {alone.rate:,.0f} events/s, {1000 * alone.bridge_s:.2f} ms of CPU each"
    )
    print(f"PostgreSQL, RabbitMQ and the WFM beside one process: {1000 * one.servers_s:.2f} ms of CPU an event")


def main() -> None:
    """Run and print."""
    uvloop.run(_run(int(sys.argv[1]) if len(sys.argv) > 1 else 1))


if __name__ == "__main__":
    main()
