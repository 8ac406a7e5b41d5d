"""Several processes at one pack's messages: one is given them, in order; and the way on from one queue for all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage, AbstractQueue
from structlog.testing import capture_logs

from bridge.flows.ports.journal_entry import WfmMessage
from bridge.wfm import consumer as inbound
from bridge.wfm.consumer import InboundConsumer
from bridge.wfm.link import RabbitLink
from bridge.wfm.topology import Topology
from tests.integration.wfm.conftest import MakeLink, Wire
from tests.integration.wfm.test_consumer import EVENTS, Gate, events, say
from tests.support import PATIENCE_S, eventually

__all__ = ["events"]

pytestmark = pytest.mark.integration

Handle = Callable[[WfmMessage], Awaitable[None]]
Process = Callable[[RabbitLink, Handle], Awaitable[InboundConsumer]]


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbound, "LOOK_EVERY_S", 0.05)


@pytest.fixture
async def process(topology: Topology, events: AbstractExchange) -> AsyncIterator[Process]:
    """Starts the pack's side of a process, bound to the WFM's exchange."""
    started: list[InboundConsumer] = []

    async def start(link: RabbitLink, handle: Handle) -> InboundConsumer:
        consumer = InboundConsumer(
            link,
            topology,
            "acme",
            handle,
            exchange=EVENTS,
            bindings=("job.*",),
            clock=lambda: datetime.now(UTC),
            new_id=lambda: uuid4().hex,
            prefetch=50,
        )
        await consumer.start()
        started.append(consumer)
        await asyncio.wait_for(consumer.wait_bound(), PATIENCE_S)
        return consumer

    yield start
    for consumer in started:
        await consumer.stop(deadline_s=0.1)


def numbers(first: int, last: int) -> list[bytes]:
    return [str(number).encode() for number in range(first, last)]


async def in_order(events: AbstractExchange, bodies: Sequence[bytes]) -> None:
    for body in bodies:
        await events.publish(aio_pika.Message(body), "job.new")


# several processes


async def test_a_second_process_stands_by_and_takes_over_in_order_when_the_first_one_dies(
    make_link: MakeLink, process: Process, events: AbstractExchange, wire: Wire
) -> None:
    """The first one dies with messages in hand: they come again before all others."""
    first, second = Gate(), Gate()
    second.open.set()
    one = await process(await make_link(wire.url), first)
    await say(events, *numbers(0, 1))
    await eventually(lambda: first.seen)
    with capture_logs() as logs:
        other = await process(await make_link(), second)
        assert other.stands_by
        await in_order(events, numbers(1, 300))
        await eventually(lambda: len(first.seen) == 50)
        assert (one.stands_by, second.seen) == (False, [])
        wire.cut()
        await eventually(lambda: len(second.seen) == 300)
        assert second.bodies == numbers(0, 300)
        assert not other.stands_by
    assert [log["event"] for log in logs if "given these messages" in log["event"]] == [
        "another process is given these messages; this one stands by",
        "this process is given these messages now",
    ]


async def test_the_one_that_stood_by_is_given_what_comes_after_the_other_has_stopped(
    make_link: MakeLink, process: Process, events: AbstractExchange
) -> None:
    first, second = Gate(), Gate()
    second.open.set()
    one = await process(await make_link(), first)
    other = await process(await make_link(), second)
    assert (one.stands_by, other.stands_by) == (False, True)
    await one.stop()
    await say(events, b"next")
    await eventually(lambda: second.seen)
    assert not other.stands_by


# the queue of an earlier version


@pytest.fixture
async def earlier(channel: AbstractChannel, topology: Topology, events: AbstractExchange) -> AbstractQueue:
    """The queue as an earlier version has left it, bound to the WFM's exchange."""
    arguments = {"x-queue-type": "quorum", "x-delivery-limit": 3, "x-dead-letter-exchange": topology.dead_letter}
    queue = await channel.declare_queue(topology.earlier_inbound_queue("acme"), durable=True, arguments=arguments)
    await queue.bind(events, "job.*")
    return queue


async def test_what_an_earlier_version_left_is_taken_first_and_then_its_queue_collects_nothing_more(
    make_link: MakeLink, process: Process, events: AbstractExchange, earlier: AbstractQueue
) -> None:
    gate = Gate()
    gate.open.set()
    await in_order(events, numbers(0, 120))
    with capture_logs() as logs:
        consumer = await process(await make_link(), gate)
        await eventually(lambda: not consumer.stands_by)
    assert gate.bodies == numbers(0, 120)
    await in_order(events, numbers(120, 130))
    await eventually(lambda: len(gate.seen) == 130)
    assert gate.bodies == numbers(0, 130)
    assert (await earlier.declare()).message_count == 0
    told = [log for log in logs if "earlier version" in log["event"]]
    assert [(log["log_level"], log["queue"]) for log in told] == [("info", earlier.name)]


async def test_while_an_earlier_version_runs_the_new_one_stands_by_and_then_goes_on_where_that_stopped(
    make_link: MakeLink, process: Process, events: AbstractExchange, earlier: AbstractQueue
) -> None:
    """As in a rolling restart. What both queues got comes twice, in order, and is recognised by its id."""
    gate, taken = Gate(), list[bytes]()
    gate.open.set()

    async def take(message: AbstractIncomingMessage) -> None:
        taken.append(message.body)
        await message.ack()

    tag = await earlier.consume(take)
    with capture_logs() as logs:
        consumer = await process(await make_link(), gate)
        await eventually(lambda: [log for log in logs if "problem" in log])
    assert "an earlier version of the bridge is at it" in str(logs)
    await in_order(events, numbers(0, 30))
    await eventually(lambda: len(taken) == 30)
    assert (consumer.stands_by, gate.seen) == (True, [])
    await earlier.cancel(tag)
    await in_order(events, numbers(30, 40))
    await eventually(lambda: not consumer.stands_by)
    await in_order(events, numbers(40, 50))
    await eventually(lambda: gate.bodies and gate.bodies[-1] == b"49")
    assert sorted(set(gate.bodies), key=int) == numbers(0, 50)
    first = [body for place, body in enumerate(gate.bodies) if body not in gate.bodies[:place]]
    assert [body for body in first if int(body) >= 30] == numbers(30, 50)


async def test_of_two_processes_one_empties_the_earlier_queue(
    make_link: MakeLink, process: Process, events: AbstractExchange, earlier: AbstractQueue
) -> None:
    await in_order(events, numbers(0, 200))
    seen: list[bytes] = []

    async def take(message: WfmMessage) -> None:
        seen.append(message.body)

    both = await asyncio.gather(process(await make_link(), take), process(await make_link(), take))
    await eventually(lambda: len(seen) == 200)
    await in_order(events, numbers(200, 220))
    await eventually(lambda: len(seen) == 220)
    assert seen == numbers(0, 220)
    assert sorted(one.stands_by for one in both) == [False, True]


async def test_what_still_comes_into_the_earlier_queue_is_taken_and_its_deletion_disturbs_nobody(
    make_link: MakeLink, process: Process, events: AbstractExchange, earlier: AbstractQueue, channel: AbstractChannel
) -> None:
    """An operator may have bound it to something else; nothing is lost."""
    gate = Gate()
    gate.open.set()
    consumer = await process(await make_link(), gate)
    await eventually(lambda: not consumer.stands_by)
    await channel.default_exchange.publish(aio_pika.Message(b"by the side door"), earlier.name)
    await eventually(lambda: gate.bodies == [b"by the side door"])
    with capture_logs() as logs:
        await channel.queue_delete(earlier.name)
        await say(events, b"on we go")
        await eventually(lambda: gate.bodies[-1] == b"on we go")
    assert logs == []
