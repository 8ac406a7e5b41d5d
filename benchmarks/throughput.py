"""20,000 events of 2,000 jobs through the bridge, against bare FastStream that only takes and acks the same bytes.

The bridge process is stopped (SIGSTOP) while its queue fills and goes on when the clock starts, so that only its own
work is measured: from RabbitMQ to the last commit. Meanwhile it also sends the WFM three ticket states a job.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from typing import Final

import uvloop
from aio_pika.abc import AbstractChannel, AbstractQueue
from aiohttp import ClientSession
from faststream import AckPolicy
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitMessage, RabbitQueue

from benchmarks.aims import AT_LEAST, AT_MOST, ROUNDS, Aim, Took, rate_of, show
from benchmarks.lab import DATABASES, Lab, channel, cpu_seconds, lab, publish, stopwatch, until
from benchmarks.messages import LIFE, lives

JOBS = 2_000
EVENTS = JOBS * len(LIFE)
PREFETCH = 500  # as the bridge's
DEADLINE_S = 180
LEAST_RATE: Final = 0.45
MOST_CPU: Final = 2.5
HEADERS = {"Authorization": "Bearer acme-buyer-key"}
COMPLETED = "/mefApi/sonata/workOrderManagement/v2/workOrder?state=completed&limit=1"


async def through_the_bridge(made: Lab) -> Took:
    """From the first message taken to the last job completed."""
    exchange = f"{made.namespace}acme.wfm.events"
    async with channel(made.broker_url) as wfm:
        await wfm.declare_exchange(exchange, "topic", durable=True)
        await take_commands(made, wfm)
        async with made.bridge() as process, ClientSession(made.url, headers=HEADERS) as session:

            async def all_completed() -> bool:
                async with session.get(COMPLETED) as response:
                    return response.headers["X-Total-Count"] == str(JOBS)

            process.send_signal(signal.SIGSTOP)
            await publish(wfm, exchange, lives(JOBS))
            await _collected(made, made.inbound_queue)
            worked = cpu_seconds(process)
            with stopwatch() as elapsed:
                process.send_signal(signal.SIGCONT)
                await until(all_completed, DEADLINE_S, every_s=0.1)
                return Took(elapsed(), cpu_seconds(process) - worked)


async def take_commands(made: Lab, wfm: AbstractChannel) -> AbstractQueue:
    """A queue for the ticket states that the jobs cause: without one the bridge would try them again and again."""
    commands = await wfm.declare_exchange(f"{made.namespace}acme.wfm.commands", "topic", durable=True)
    queue = await wfm.declare_queue(f"{made.namespace}acme.wfm.commands", durable=True)
    await queue.bind(commands, "cmd.#")
    return queue


async def _collected(made: Lab, queue: str) -> None:
    """Wait until the queue has all that was published, except what a stopped consumer was already given."""

    async def full() -> bool:
        async with channel(made.broker_url) as own:
            declared = await own.declare_queue(queue, passive=True)
            return (declared.declaration_result.message_count or 0) >= EVENTS - PREFETCH

    await until(full, 60)


async def bare(made: Lab) -> Took:
    """What FastStream takes to consume and ack the same bytes from the same kind of queue."""
    name = f"{made.namespace}bare"
    broker = RabbitBroker(made.broker_url, logger=None, apply_types=False)
    queue = RabbitQueue(name, QueueType.QUORUM, durable=True)
    async with broker:
        await broker.declare_queue(queue)
        async with channel(made.broker_url) as wfm:
            await publish(wfm, "", ((name, body) for _, body in lives(JOBS)))
        await _collected(made, name)
        left, done = EVENTS, asyncio.Event()

        async def take(_body: object) -> None:
            nonlocal left
            left -= 1
            if not left:
                done.set()

        subscriber = broker.subscriber(
            queue,
            channel=Channel(prefetch_count=PREFETCH),
            ack_policy=AckPolicy.ACK,
            no_reply=True,
            decoder=_undecoded,
        )
        subscriber(take)
        worked = time.process_time()
        with stopwatch() as elapsed:
            await subscriber.start()
            await asyncio.wait_for(done.wait(), DEADLINE_S)
            took = Took(elapsed(), time.process_time() - worked)
        await subscriber.stop()
        return took


async def _undecoded(message: RabbitMessage) -> RabbitMessage:
    return message


async def measure(rounds: int = ROUNDS) -> list[Aim]:
    """Let bridge and baseline take turns; the median of the rounds counts."""
    goals: list[Aim] = []
    for database in DATABASES:
        ours, theirs = [], []
        for _ in range(rounds):
            async with lab(database) as made:
                ours.append(await through_the_bridge(made))
                theirs.append(await bare(made))
        goals += goals_of(database, ours, theirs)
    return goals


def goals_of(database: str, ours: Sequence[Took], theirs: Sequence[Took]) -> list[Aim]:
    """Compare rates and CPU."""
    (rate, cpu), (base, least) = (rate_of(EVENTS, found) for found in (ours, theirs))
    return [
        Aim("ingest", database, "bare FastStream", "events/s", base, rate, AT_LEAST, LEAST_RATE, least, cpu),
        Aim("ingest: CPU", database, "bare FastStream", "ms an event", least, cpu, AT_MOST, MOST_CPU, least, cpu),
    ]


def main() -> list[Aim]:
    """Run and print."""
    goals = uvloop.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))
    show(f"{EVENTS:,} events of {JOBS:,} jobs", goals)
    return goals


if __name__ == "__main__":
    main()
