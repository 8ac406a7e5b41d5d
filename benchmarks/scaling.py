"""The same events through 1, 2 and 4 processes that share four partitions, on one PostgreSQL and one RabbitMQ.

    python -m benchmarks.scaling            # two minutes
    python -m benchmarks.scaling 3          # so many rounds, in turns; the medians count

The first row is one process without partitions; of the others the partitioner divides the messages, or RabbitMQ's
exchange by a header. For that a RabbitMQ with the plugin is started, which all rows use. All workers are stopped
(SIGSTOP) while the queues fill, and go on when the clock starts. What counts is the CPU of an event in all processes of
the bridge: the rate depends on what else the processors do, for PostgreSQL, RabbitMQ and this program share them.

What 2 and 4 processes reach is predicted from the row of one with partitions (`capacity.py`). Of their own rows only
the processors that were left for them are taken: all, but for what others used meanwhile.
"""

import asyncio
import os
import shutil
import signal
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import aio_pika
import asyncpg  # type: ignore[import-untyped]
import orjson
import uvloop
from aio_pika.abc import AbstractChannel
from aiohttp import ClientSession

from benchmarks.capacity import Demands, events_per_second
from benchmarks.lab import PACK, ROOT, Lab, channel, cpu_seconds_of, lab, stopwatch, table, until
from benchmarks.messages import LIFE, lives
from benchmarks.throughput import COMPLETED, HEADERS, PREFETCH, take_commands
from bridge.flows.partitioning import UNDIVIDED, Partitioning
from bridge.localenv.broker import answers
from bridge.localenv.postgres import asyncpg_url
from bridge.localenv.rabbitmq import start_rabbitmq
from bridge.wfm.topology import Topology

JOBS: Final = 300
WARM_JOBS: Final = 20
EVENTS: Final = JOBS * len(LIFE)
PARTITIONS: Final = 4
HEADER: Final = "x-job"
BY_HEADER: Final = Partitioning(PARTITIONS, f"header {HEADER}")
CONFIGURATIONS: Final = (
    (1, UNDIVIDED),
    (1, Partitioning(PARTITIONS)),
    (2, Partitioning(PARTITIONS)),
    (4, Partitioning(PARTITIONS)),
    (1, BY_HEADER),
    (2, BY_HEADER),
    (4, BY_HEADER),
)
"""Processes, and how the messages are divided."""
PLUGIN: Final = "rabbitmq_consistent_hash_exchange"
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


async def measure(made: Lab, processes: int, divided: Partitioning) -> Measured:
    """Let the events through once."""
    exchange = f"{made.namespace}acme.wfm.events"
    async with channel(made.broker_url) as wfm:
        await wfm.declare_exchange(exchange, "topic", durable=True)
        await take_commands(made, wfm)
        try:
            async with (
                made.bridge("--workers", str(processes), **_settings(made, divided)) as supervisor,
                ClientSession(made.url, headers=HEADERS) as session,
            ):
                pids = await _workers(supervisor.pid, processes)
                await _warm_up(wfm, exchange, session)
                return await _timed(made, wfm, exchange, session, pids, divided)
        finally:
            await _remove(made, wfm, processes, divided)


def _settings(made: Lab, divided: Partitioning) -> dict[str, str]:
    settings = {"BRIDGE_WFM_PARTITIONS": str(divided.count)}
    if not divided.is_hashed:
        return settings
    pack = shutil.copytree(ROOT / "mappings" / PACK, made.directory / PACK)
    text = (pack / "pack.yaml").read_text()
    (pack / "pack.yaml").write_text(text.replace("\ninbound:\n", f"\ninbound:\n  partition_by: {{header: {HEADER}}}\n"))
    return settings | {"BRIDGE_PACKS": str(pack)}


async def _publish(wfm: AbstractChannel, exchange: str, messages: Iterable[tuple[str, bytes]]) -> None:
    """Publish messages whose header names their job."""
    target = await wfm.get_exchange(exchange, ensure=False)
    for routing_key, body in messages:
        headers = {HEADER: orjson.loads(body)["JOB_NO"]}
        message = aio_pika.Message(body, headers=headers, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await target.publish(message, routing_key=routing_key, mandatory=False)


async def _timed(
    made: Lab,
    wfm: AbstractChannel,
    exchange: str,
    session: ClientSession,
    pids: Sequence[int],
    divided: Partitioning,
) -> Measured:
    _signal(pids, signal.SIGSTOP)
    await _publish(wfm, exchange, list(lives(WARM_JOBS + JOBS)))
    await _collected(made, divided)
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
        await _publish(wfm, exchange, [message])
        if number % 10 == 0:
            await asyncio.sleep(0.2)
    await until(lambda: _completed(session, WARM_JOBS), DEADLINE_S, every_s=0.2)


async def _completed(session: ClientSession, jobs: int) -> bool:
    async with session.get(COMPLETED) as response:
        return response.headers["X-Total-Count"] == str(jobs)


async def _collected(made: Lab, divided: Partitioning) -> None:
    """Wait until the queues have all that was published, except what stopped consumers were already given."""
    topology = Topology(namespace=made.namespace)
    collect = topology.partitions(PACK, divided) if divided.is_hashed else [topology.inbound_queue(PACK)]

    async def full() -> bool:
        waiting = 0
        async with channel(made.broker_url) as own:
            for queue in collect:
                declared = await own.declare_queue(queue.name, passive=True)
                waiting += declared.declaration_result.message_count or 0
        return waiting >= EVENTS - PREFETCH * len(collect)

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


async def _remove(made: Lab, wfm: AbstractChannel, processes: int, divided: Partitioning) -> None:
    topology = Topology(namespace=made.namespace)
    for number in range(1, processes + 1):
        await wfm.queue_delete(f"{made.namespace}mef-bridge.bridge-1.{number}.replies")
    for queue in topology.partitions(PACK, divided):
        await wfm.queue_delete(queue.name)
        await wfm.exchange_delete(queue.name)
    if divided.is_hashed:
        await wfm.exchange_delete(topology.hash_exchange(PACK, divided))
        await wfm.queue_delete(topology.rest(PACK, divided).name)


def median(runs: Sequence[Measured]) -> Measured:
    """The median of each figure."""
    return Measured(*(statistics.median(values) for values in zip(*runs, strict=True)))


async def _run(rounds: int) -> None:
    runs: dict[tuple[int, Partitioning], list[Measured]] = defaultdict(list)
    with ExitStack() as stack:
        os.environ["BRIDGE_BROKER_URL"] = start_rabbitmq(stack, answers, plugins=(PLUGIN,)).url
        for _ in range(rounds):
            for processes, divided in CONFIGURATIONS:
                async with lab("postgresql") as made:
                    runs[processes, divided].append(await measure(made, processes, divided))
    _report({key: median(measured) for key, measured in runs.items()})


def _report(found: dict[tuple[int, Partitioning], Measured]) -> None:
    alone = found[1, UNDIVIDED]
    rows = []
    for (processes, divided), each in found.items():
        one = found[1, divided]
        ratio = each.bridge_s / alone.bridge_s
        partitioner_s = 0.0 if divided.is_hashed else max(0.0, one.bridge_s - alone.bridge_s)
        demands = Demands(1 / one.rate, partitioner_s, one.bridge_s + one.servers_s)
        predicted = events_per_second(demands, processes, each.cores) if divided.count > 1 else alone.rate
        rows.append(
            (
                processes,
                divided.count,
                "" if divided.count == 1 else "the exchange" if divided.is_hashed else "the partitioner",
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
        "divided by",
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
    beside = found[1, Partitioning(PARTITIONS)].servers_s, found[1, BY_HEADER].servers_s
    print(
        f"PostgreSQL, RabbitMQ and the WFM beside one process: {1000 * beside[0]:.2f} ms of CPU an event with the "
        f"partitioner, {1000 * beside[1]:.2f} with the exchange"
    )


def main() -> None:
    """Run and print."""
    uvloop.run(_run(int(sys.argv[1]) if len(sys.argv) > 1 else 1))


if __name__ == "__main__":
    main()
