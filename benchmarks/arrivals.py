"""From a full queue to the last webhook that is accepted, two listeners: against what one writes in an afternoon.

The afternoon's Python is a FastStream subscriber: for each message one transaction (the job's row is locked and
written, a notification added), then the POST to each listener, then the ack. It knows no order, no retry, no
duplicate and no state machine. Node-RED (`benchmarks/node_red`), which keeps nothing, is measured where
`BENCH_NODE_RED` names a folder that has it. Each of them is stopped (SIGSTOP) while its queue fills.
"""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import orjson
import uvloop
from aio_pika.abc import AbstractChannel
from aiohttp import ClientSession, web
from faststream import AckPolicy
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitQueue
from sqlalchemy import Column, MetaData, String, Table, Text, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks import node_red
from benchmarks.aims import AT_LEAST, ROUNDS, Aim, Took, rate_of, show
from benchmarks.lab import DATABASES, ROOT, Lab, answers, channel, cpu_seconds, lab, publish, until
from benchmarks.messages import LIFE, lives
from bridge.localenv.process import free_port

JOBS: Final = 300
EVENTS: Final = JOBS * len(LIFE)
LISTENERS: Final = 2
DEADLINE_S: Final = 120
SILENT_S: Final = 1.0
"""So long nothing arrives after the last webhook."""
WORK: Final = "queue → webhook accepted, two listeners"
NODE_RED, AFTERNOON = "Node-RED", "an afternoon's Python"
LEAST: Final = {NODE_RED: 1.0, AFTERNOON: 6.0}
HEADERS: Final = {"Authorization": "Bearer acme-buyer-key"}
ORDERS: Final = "/mefApi/sonata/workOrderManagement/v2"

_TABLES: Final = MetaData()
_JOB: Final = Table("job", _TABLES, Column("number", String, primary_key=True), Column("document", Text))
_NOTE: Final = Table("notification", _TABLES, Column("event", String, primary_key=True), Column("body", Text))


# The listeners


def _listen(port: int) -> None:
    """Answer 204 to everything, and tell how many came, and when the last one did."""
    seen = [0, 0.0]

    async def take(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response(seen)
        await request.read()
        seen[:] = [seen[0] + 1, time.time()]
        return web.Response(status=204)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


@asynccontextmanager
async def _running(*arguments: str) -> AsyncIterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "benchmarks.arrivals", *arguments]
    with subprocess.Popen(command, cwd=ROOT) as process:  # noqa: ASYNC220, S603 - our own program, at the start
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()


@asynccontextmanager
async def listeners() -> AsyncIterator[str]:
    """Run the listeners' process and give its address."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    async with _running("listen", str(port)) as process:
        await answers(url, process)
        yield url


async def _last_arrival(url: str, least: int) -> float:
    """Wait until so many have come and then nothing more; give the moment of the last one."""
    async with ClientSession() as session:

        async def is_over() -> bool:
            async with session.get(url) as response:
                seen[:] = await response.json()
            return bool(seen[0] >= least and time.time() - seen[1] > SILENT_S)

        seen: list[float] = [0, 0.0]
        await until(is_over, DEADLINE_S)
        return seen[1]


# The bridge


async def through_the_bridge(made: Lab, url: str) -> Took:
    """Stop it while its queue fills, and let it go."""
    exchange = f"{made.namespace}acme.wfm.events"
    async with channel(made.broker_url) as wfm:
        await wfm.declare_exchange(exchange, "topic", durable=True)
        commands = await wfm.declare_exchange(f"{made.namespace}acme.wfm.commands", "topic", durable=True)
        await (await wfm.declare_queue(f"{made.namespace}acme.wfm.commands", durable=True)).bind(commands, "cmd.#")
        async with made.bridge(BRIDGE_DELIVERY_ALLOW_PRIVATE_CALLBACKS="true") as process:
            async with ClientSession(made.url, headers=HEADERS) as session:
                for number in range(LISTENERS):
                    async with session.post(f"{ORDERS}/hub", json={"callback": f"{url}/{number}"}) as response:
                        assert response.status == 201, await response.text()
            process.send_signal(signal.SIGSTOP)
            await publish(wfm, exchange, lives(JOBS))
            worked, begun = cpu_seconds(process), time.time()
            process.send_signal(signal.SIGCONT)
            await all_completed(made, JOBS, DEADLINE_S)
            last = await _last_arrival(url, JOBS * LISTENERS)
            return Took(last - begun, cpu_seconds(process) - worked)


async def all_completed(made: Lab, jobs: int, deadline_s: float) -> None:
    """Wait until so many WorkOrders are completed."""
    params = {"state": "completed", "limit": "1"}
    async with ClientSession(made.url, headers=HEADERS) as session:

        async def are_there() -> bool:
            async with session.get(f"{ORDERS}/workOrder", params=params) as response:
                return response.headers["X-Total-Count"] == str(jobs)

        await until(are_there, deadline_s, every_s=0.1)


# What one writes in an afternoon


async def afternoon(made: Lab, url: str) -> Took:
    """Let it take all of a queue."""
    async with _queue(made) as (wfm, name):
        database = made.database_url.replace("postgresql://", "postgresql+asyncpg://")
        async with _running("afternoon", made.broker_url, database, name, url) as process:
            return await _from_a_full_queue(wfm, name, process, url)


async def red(made: Lab, url: str, folder: Path) -> Took:
    """Let Node-RED take all of a queue."""
    async with _queue(made) as (wfm, name):
        posts = [f"{url}/{number}" for number in range(LISTENERS)]
        async with node_red.running(folder, made.broker_url, name, posts) as process:
            return await _from_a_full_queue(wfm, name, process, url)


@asynccontextmanager
async def _queue(made: Lab) -> AsyncIterator[tuple[AbstractChannel, str]]:
    name = f"{made.namespace}bare"
    async with channel(made.broker_url) as wfm:
        await wfm.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})
        try:
            yield wfm, name
        finally:
            await wfm.queue_delete(name)


async def _from_a_full_queue(wfm: AbstractChannel, name: str, process: "subprocess.Popen[bytes]", url: str) -> Took:
    async def is_consumed() -> bool:
        return bool((await wfm.declare_queue(name, passive=True)).declaration_result.consumer_count)

    await until(is_consumed, DEADLINE_S)
    process.send_signal(signal.SIGSTOP)
    await publish(wfm, "", ((name, body) for _, body in lives(JOBS)))
    worked, begun = cpu_seconds(process), time.time()
    process.send_signal(signal.SIGCONT)
    last = await _last_arrival(url, EVENTS * LISTENERS)
    return Took(last - begun, cpu_seconds(process) - worked)


async def _be_afternoon(broker_url: str, database: str, name: str, url: str) -> None:
    engine = create_async_engine(database, pool_size=20)
    async with engine.begin() as connection:
        await connection.run_sync(_TABLES.create_all)
    broker = RabbitBroker(broker_url, logger=None)
    async with ClientSession() as session, broker:
        queue = RabbitQueue(name, QueueType.QUORUM, durable=True)

        @broker.subscriber(queue, channel=Channel(prefetch_count=100), ack_policy=AckPolicy.REJECT_ON_ERROR)
        async def take(said: dict[str, Any]) -> None:
            text = orjson.dumps({"event": {"id": said["JOB_NO"], "state": said["STAT"]}}).decode()
            async with engine.begin() as connection:
                await connection.execute(select(_JOB).where(_JOB.c.number == said["JOB_NO"]).with_for_update())
                row = insert(_JOB).values(number=said["JOB_NO"], document=orjson.dumps(said).decode())
                changed = {"document": row.excluded.document}
                await connection.execute(row.on_conflict_do_update(index_elements=["number"], set_=changed))
                await connection.execute(_NOTE.insert().values(event=said["MSG_ID"], body=text))
            for number in range(LISTENERS):
                async with session.post(f"{url}/{number}", data=text) as response:
                    assert response.status == 204

        await broker.start()
        await asyncio.Event().wait()


async def measure(rounds: int = ROUNDS) -> list[Aim]:
    """Let them take turns; the median of the rounds counts."""
    peers: dict[str, list[Took]] = {}
    ours: dict[str, list[Took]] = {database: [] for database in DATABASES}
    folder = node_red.find()
    for _ in range(rounds):
        if folder is not None:
            async with lab("postgresql") as made, listeners() as url:
                peers.setdefault(NODE_RED, []).append(await red(made, url, folder))
        async with lab("postgresql") as made, listeners() as url:
            peers.setdefault(AFTERNOON, []).append(await afternoon(made, url))
        for database in DATABASES:
            async with lab(database) as made, listeners() as url:
                ours[database].append(await through_the_bridge(made, url))
    return [_aim(database, found, peer, theirs) for peer, theirs in peers.items() for database, found in ours.items()]


def _aim(database: str, ours: Sequence[Took], peer: str, theirs: Sequence[Took]) -> Aim:
    (rate, cpu), (base, least) = (rate_of(EVENTS, found) for found in (ours, theirs))
    return Aim(WORK, database, peer, "events/s", base, rate, AT_LEAST, LEAST[peer], least, cpu)


def absent() -> list[str]:
    """Say which peers cannot be measured here."""
    return [] if node_red.find() else [f"{WORK}: {NODE_RED} (>= 1): {node_red.VARIABLE} names no folder that has it"]


def main() -> list[Aim]:
    """Run and print; with arguments, be the listeners or the afternoon's Python."""
    match sys.argv[1:]:
        case ["listen", port]:
            _listen(int(port))
        case ["afternoon", *arguments]:
            uvloop.run(_be_afternoon(*arguments))
        case _:
            aims = uvloop.run(measure())
            show(f"{EVENTS:,} events to {LISTENERS} listeners", aims)
            return aims
    return []


if __name__ == "__main__":
    main()
