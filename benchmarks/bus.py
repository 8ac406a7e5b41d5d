"""Bookings over the bus, one alone and 32 in flight, against a bare AMQP request and reply.

A Buyer's POST becomes a command on RabbitMQ; the simulated WFM answers at once, and the Buyer has his 201. The baseline
is aio-pika, with a reply queue of its own and confirms, and a process that answers each request with its own bytes.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from itertools import count
from typing import Final, NamedTuple

import aio_pika
import uvloop
from aio_pika.abc import AbstractIncomingMessage
from aiohttp import ClientSession, TCPConnector

from benchmarks.aims import AT_LEAST, AT_MOST, ROUNDS, Aim, show
from benchmarks.bookings import HEADERS, book, ready_to_book
from benchmarks.lab import DATABASES, ROOT, Lab, channel, cpu_seconds, is_consumed, lab, stopwatch

ALONE: Final = 60
IN_FLIGHT: Final = 32
MANY: Final = 320
MOST_ALONE: Final = 3.0
LEAST_RATE: Final = 0.35
BODY: Final = b"x" * 1024

Ask = Callable[[], Awaitable[float]]


class Found(NamedTuple):
    """The median seconds of one alone, how many a second with 32 in flight, and what a core worked for each."""

    alone: float
    rate: float
    cpu: float


async def _timed(asks: Iterable[Ask], in_flight: int) -> tuple[list[float], float]:
    """Give the seconds that each took, and all of them."""
    left = iter(list(asks))
    took: list[float] = []

    async def worker() -> None:
        for ask in left:
            took.append(await ask())  # noqa: PERF401 - as many at a time as there are workers

    with stopwatch() as elapsed:
        await asyncio.gather(*(worker() for _ in range(in_flight)))
        return took, elapsed()


async def _found(asks: list[Ask], cpu: Callable[[], float]) -> Found:
    alone, _ = await _timed(asks[:ALONE], 1)
    worked = cpu()
    _, wall = await _timed(asks[ALONE:], IN_FLIGHT)
    return Found(statistics.median(alone), MANY / wall, (cpu() - worked) / MANY)


async def through_the_bridge(made: Lab) -> Found:
    """Book, each WorkOrder once."""
    async with (
        made.wfm(0.0),
        made.bridge() as process,
        ClientSession(made.url, headers=HEADERS, connector=TCPConnector(limit=0)) as session,
    ):
        wanted = await ready_to_book(made, session, ALONE + MANY)
        asks: list[Ask] = [lambda one=one: book(session, *one) for one in wanted]  # type: ignore[misc]
        return await _found(asks, lambda: cpu_seconds(process))


async def answer(broker_url: str, queue: str) -> None:
    """The baseline's other end: answers every request."""
    async with channel(broker_url) as own:
        await own.set_qos(prefetch_count=500)

        async def reply(message: AbstractIncomingMessage) -> None:
            said = aio_pika.Message(message.body, correlation_id=message.correlation_id)
            await own.default_exchange.publish(said, routing_key=message.reply_to or "")

        await (await own.declare_queue(queue, auto_delete=True)).consume(reply, no_ack=True)
        await asyncio.Event().wait()


@asynccontextmanager
async def answering(made: Lab) -> AsyncIterator[str]:
    """Run it as a process of its own."""
    queue = f"{made.namespace}echo"
    command = [sys.executable, "-m", "benchmarks.bus", made.broker_url, queue]
    with subprocess.Popen(command, cwd=ROOT) as process:  # noqa: ASYNC220, S603 - our own program, at the start
        try:
            yield queue
        finally:
            process.terminate()


async def bare(made: Lab) -> Found:
    """Ask over AMQP alone."""
    ids = count()
    waiting: dict[str, asyncio.Future[None]] = {}

    async def take(message: AbstractIncomingMessage) -> None:
        waiting.pop(message.correlation_id or "").set_result(None)

    async with answering(made) as queue, await aio_pika.connect(made.broker_url) as connection:
        own = await connection.channel()
        replies = await own.declare_queue(exclusive=True)
        await replies.consume(take, no_ack=True)

        await is_consumed(made.broker_url, queue)

        async def ask() -> float:
            key = str(next(ids))
            waiting[key] = done = asyncio.get_running_loop().create_future()
            message = aio_pika.Message(BODY, correlation_id=key, reply_to=replies.name)
            with stopwatch() as elapsed:
                await own.default_exchange.publish(message, queue)
                await done
                return elapsed()

        return await _found([ask] * (ALONE + MANY), time.process_time)


async def measure(rounds: int = ROUNDS) -> list[Aim]:
    """Let them take turns; the median of the rounds counts."""
    aims: list[Aim] = []
    for database in DATABASES:
        ours, theirs = [], []
        for _ in range(rounds):
            async with lab(database) as made:
                ours.append(await through_the_bridge(made))
                theirs.append(await bare(made))
        us, them = _median(ours), _median(theirs)
        cpu = 1000 * them.cpu, 1000 * us.cpu
        against = "AMQP request/reply"
        alone = (1000 * them.alone, 1000 * us.alone)
        aims.append(Aim("booking alone, p50", database, against, "ms", *alone, AT_MOST, MOST_ALONE, *cpu))
        work = f"bookings, {IN_FLIGHT} in flight"
        aims.append(Aim(work, database, against, "a second", them.rate, us.rate, AT_LEAST, LEAST_RATE, *cpu))
    return aims


def _median(found: list[Found]) -> Found:
    return Found(*(statistics.median(values) for values in zip(*found, strict=True)))


def main() -> list[Aim]:
    """Run and print; with arguments, be the baseline's other end."""
    if len(sys.argv) > 2:
        uvloop.run(answer(*sys.argv[1:3]))
        return []
    aims = uvloop.run(measure())
    show("Bookings over the bus", aims)
    return aims


if __name__ == "__main__":
    main()
