"""Consuming from a real RabbitMQ: order, settlement, waiting for the WFM's exchange, getting over a lost connection."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from uuid import uuid4

import aio_pika
import pytest
from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage
from faststream.rabbit import QueueType
from structlog.testing import capture_logs

from bridge.errors import NotKept, PermanentError
from bridge.flows.ports.journal_entry import WfmMessage
from bridge.wfm import upkeep
from bridge.wfm.consumer import InboundConsumer, ReplyConsumer
from bridge.wfm.dead_letters import DeadLetters
from bridge.wfm.frames import UNREADABLE
from bridge.wfm.gateway import RabbitCommandBus
from bridge.wfm.link import RabbitLink
from bridge.wfm.topology import Topology, declare
from tests.integration.wfm.conftest import MakeLink, Wire
from tests.support import PATIENCE_S, eventually

pytestmark = pytest.mark.integration

EVENTS = "acme.wfm.events"
Handle = Callable[[WfmMessage], Awaitable[None]]
MakeConsumer = Callable[..., Awaitable[InboundConsumer]]


def new_consumer(link: RabbitLink, topology: Topology, handle: Handle, **options: object) -> InboundConsumer:
    ids = count(1)
    return InboundConsumer(
        link,
        topology,
        "acme",
        handle,
        exchange=EVENTS,
        bindings=("job.*",),
        clock=lambda: datetime.now(UTC),
        new_id=lambda: f"new-{next(ids)}",
        **{"prefetch": 500, **options},  # type: ignore[arg-type]
    )


@pytest.fixture
async def consume(topology: Topology) -> AsyncIterator[MakeConsumer]:
    """Starts consumers, bound, and stops them at the end."""
    consumers: list[InboundConsumer] = []

    async def start(link: RabbitLink, handle: Handle, **options: object) -> InboundConsumer:
        consumer = new_consumer(link, topology, handle, **options)
        await consumer.start()
        await asyncio.wait_for(consumer.wait_bound(), PATIENCE_S)
        consumers.append(consumer)
        return consumer

    yield start
    for consumer in consumers:
        await consumer.stop(deadline_s=0.1)


@pytest.fixture
async def events(channel: AbstractChannel, topology: Topology) -> AbstractExchange:
    """The WFM's exchange."""
    return await channel.declare_exchange(topology.exchange_name(EVENTS), "topic", durable=True)


async def say(events: AbstractExchange, *bodies: bytes, **properties: object) -> None:
    """Publish in order, many at once."""
    messages = [aio_pika.Message(body, **properties) for body in bodies]  # type: ignore[arg-type]
    await asyncio.gather(*(events.publish(message, "job.new") for message in messages))


async def ready(channel: AbstractChannel, topology: Topology) -> int:
    """Messages that wait in the inbound queue, unacked ones not counted."""
    queue = await channel.get_queue(topology.inbound_queue("acme").name)
    return (await queue.declare()).message_count or 0


class Gate:
    """A handler that returns only when told to, as if it waited for a commit."""

    def __init__(self) -> None:
        self.seen: list[WfmMessage] = []
        self.open = asyncio.Event()

    async def __call__(self, message: WfmMessage) -> None:
        self.seen.append(message)
        await self.open.wait()

    @property
    def bodies(self) -> list[bytes]:
        return [message.body for message in self.seen]


async def test_messages_reach_the_handler_in_the_order_of_the_queue(
    link: RabbitLink, consume: MakeConsumer, events: AbstractExchange
) -> None:
    """5,000 messages begin in the queue's order while up to 500 calls are open, some of which end late."""
    bodies = [str(number).encode() for number in range(5000)]
    begun = [asyncio.Event() for _ in bodies]
    began: list[bytes] = []
    ended: list[bytes] = []
    most_open = 0

    async def handle(message: WfmMessage) -> None:
        nonlocal most_open
        began.append(message.body)
        most_open = max(most_open, len(began) - len(ended))
        number = int(message.body)
        begun[number].set()
        await begun[min(number + (30 if number % 7 else 120), len(begun) - 1)].wait()
        ended.append(message.body)

    await consume(link, handle)
    await say(events, *bodies)
    await eventually(lambda: len(ended) == len(bodies))
    assert began == bodies
    assert ended != bodies
    assert most_open > 20


async def test_a_message_is_acked_only_after_the_handler_returned(
    make_link: MakeLink, consume: MakeConsumer, events: AbstractExchange, wire: Wire
) -> None:
    """A connection that breaks before gives the message again; one acked is not seen any more."""
    gate = Gate()
    await consume(await make_link(wire.url), gate)
    await say(events, b"first")
    await eventually(lambda: gate.bodies == [b"first"])
    wire.cut()
    wire.mend()
    await eventually(lambda: gate.bodies == [b"first", b"first"])
    gate.open.set()
    await say(events, b"second")
    await eventually(lambda: gate.bodies == [b"first", b"first", b"second"])


async def test_what_is_acked_never_comes_again(
    make_link: MakeLink, consume: MakeConsumer, events: AbstractExchange, channel: AbstractChannel, topology: Topology
) -> None:
    """After all handlers returned, a new consumer on a new connection finds an empty queue."""
    gate = Gate()
    gate.open.set()
    first_link = await make_link()
    first = await consume(first_link, gate)
    await say(events, *[b"x"] * 100)
    await eventually(lambda: len(gate.seen) == 100)
    await first.stop()
    await first_link.stop()
    assert not first_link.connected
    assert await ready(channel, topology) == 0


async def test_a_handler_that_raises_loses_nothing(
    link: RabbitLink, consume: MakeConsumer, events: AbstractExchange
) -> None:
    """The message goes back to the queue and comes again."""
    seen: list[bytes] = []

    async def handle(message: WfmMessage) -> None:
        seen.append(message.body)
        if len(seen) == 1:
            raise ValueError("a defect")

    await consume(link, handle, requeue_pause_s=0.01)
    await say(events, b"precious")
    await eventually(lambda: seen == [b"precious", b"precious"])


async def test_a_message_that_always_fails_ends_in_the_dead_letter_queue(
    link: RabbitLink,
    consume: MakeConsumer,
    events: AbstractExchange,
    channel: AbstractChannel,
    topology: Topology,
) -> None:
    """RabbitMQ counts deliveries; after the limit the message is kept apart with its routing key, and others go on."""
    seen: list[bytes] = []

    async def handle(message: WfmMessage) -> None:
        seen.append(message.body)
        if message.body == b"poison":
            raise ValueError("a defect")

    await consume(link, handle, requeue_pause_s=0.01)
    await say(events, b"poison", b"good")
    dead = await channel.get_queue(topology.dead_letter)
    letter = await eventually(lambda: dead.get(fail=False))
    await letter.ack()
    assert (letter.body, letter.routing_key) == (b"poison", "job.new")
    assert seen.count(b"poison") == topology.delivery_limit + 1
    assert seen.count(b"good") == 1


async def test_a_message_that_is_given_up_is_a_dead_letter_with_its_reason_and_the_next_one_is_taken(
    link: RabbitLink,
    consume: MakeConsumer,
    events: AbstractExchange,
    channel: AbstractChannel,
    topology: Topology,
    bus: RabbitCommandBus,
) -> None:
    taken: list[bytes] = []

    async def handle(message: WfmMessage) -> None:
        if message.body == b"poison":
            raise NotKept("the database refused it; it cannot be parked: again")
        taken.append(message.body)

    with capture_logs() as logs:
        await consume(link, handle, give_up=bus.give_up)
        crowded = {"kind": "x", "n": 7, "much": ["x" * 1000] * 125}
        for headers in ({"kind": "x", "n": 7}, crowded):
            await say(
                events,
                b"poison",
                message_id="m-1",
                correlation_id="c-1",
                headers=headers,
                content_encoding="gzip",
                expiration=3600,
            )
        await say(events, b"good")
        await eventually(lambda: taken == [b"good"])
        dead = await channel.get_queue(topology.dead_letter)
        letter = await eventually(lambda: dead.get(fail=False))
        full = await eventually(lambda: dead.get(fail=False))
        await eventually(lambda: len([line for line in logs if "dead-letter" in line["event"]]) == 2)
    assert (letter.content_encoding, letter.expiration) == ("gzip", None)
    assert (letter.body, letter.message_id, letter.correlation_id) == (b"poison", "m-1", "c-1")
    assert letter.headers.items() >= {
        ("kind", "x"),
        ("n", 7),
        ("x-bridge-reason", "the database refused it; it cannot be parked: again"),
        ("x-bridge-queue", topology.inbound_queue("acme").name),
    }
    assert full.headers.keys() - {"x-delivery-count"} == {"x-bridge-reason", "x-bridge-queue", UNREADABLE}
    assert (full.body, full.content_encoding) == (b"poison", "gzip")
    await letter.ack()
    await full.ack()
    assert await ready(channel, topology) == 0
    assert {line["log_level"] for line in logs if "dead-letter" in line["event"]} == {"error"}


async def test_what_lies_in_the_dead_letter_queue_is_counted_and_warned_of(
    link: RabbitLink, channel: AbstractChannel, topology: Topology
) -> None:
    await declare(link, topology, topology.reply_queue)
    letters = DeadLetters(link, topology, look_every_s=0.05)
    with capture_logs() as logs:
        watching = asyncio.create_task(letters.watch())
        exchange = await channel.get_exchange(topology.dead_letter)
        await exchange.publish(Message(b"one"), "job.new")
        await eventually(lambda: letters.depth == 1)
        await (await channel.get_queue(topology.dead_letter)).purge()
        await eventually(lambda: letters.depth == 0)
    watching.cancel()
    assert [(log["log_level"], log["depth"]) for log in logs] == [("warning", 1)]


async def test_the_wfm_exchange_is_waited_for(link: RabbitLink, topology: Topology, channel: AbstractChannel) -> None:
    """Our queue is consumed although the exchange is not there yet, and is bound once the WFM has made it."""
    gate = Gate()
    gate.open.set()
    consumer = new_consumer(link, topology, gate)
    await consumer.start()
    try:
        await asyncio.sleep(0)
        assert consumer.problem
        events = await channel.declare_exchange(topology.exchange_name(EVENTS), "topic", durable=True)
        await asyncio.wait_for(consumer.wait_bound(), PATIENCE_S)
        await say(events, b"hello")
        await eventually(lambda: gate.bodies == [b"hello"])
    finally:
        await consumer.stop()


async def test_our_binding_never_makes_the_wfm_exchange(
    link: RabbitLink, topology: Topology, channel: AbstractChannel
) -> None:
    """The exchange is the WFM's: it is not there after we looked for it, unless a lab asks for it."""
    consumer = new_consumer(link, topology, Gate())
    with capture_logs() as logs:
        await consumer.start()
        await eventually(lambda: "bind the inbound queue: not yet; trying again" in [log["event"] for log in logs])
    await consumer.stop()
    with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
        await channel.get_exchange(topology.exchange_name(EVENTS))
    lab = new_consumer(link, replace(topology, declare_exchanges=True), Gate())
    await lab.start()
    await asyncio.wait_for(lab.wait_bound(), PATIENCE_S)
    await lab.stop()
    assert await channel.get_exchange(topology.exchange_name(EVENTS))


async def test_the_consumer_gets_over_a_lost_connection(
    make_link: MakeLink, consume: MakeConsumer, events: AbstractExchange, wire: Wire
) -> None:
    """What the WFM says meanwhile waits in the queue, and the link says that it is down."""
    gate = Gate()
    gate.open.set()
    link = await make_link(wire.url)
    await consume(link, gate)
    assert link.connected
    wire.cut()
    await eventually(lambda: not link.connected)
    await say(events, b"meanwhile")
    wire.mend()
    await eventually(lambda: gate.bodies == [b"meanwhile"])
    assert link.connected


async def test_bindings_come_back_with_the_connection(
    make_link: MakeLink,
    consume: MakeConsumer,
    events: AbstractExchange,
    wire: Wire,
    channel: AbstractChannel,
    topology: Topology,
) -> None:
    """A binding that somebody removed is there again after a reconnect."""
    gate = Gate()
    gate.open.set()
    await consume(await make_link(wire.url), gate)
    await (await channel.get_queue(topology.inbound_queue("acme").name)).unbind(events, "job.*")
    wire.cut()
    wire.mend()

    async def heard() -> bool:
        await say(events, b"hello")
        return bool(gate.seen)

    await eventually(heard)


async def test_stopping_lets_calls_in_flight_end_and_returns_the_rest(
    make_link: MakeLink, consume: MakeConsumer, events: AbstractExchange, channel: AbstractChannel, topology: Topology
) -> None:
    """Two calls are open: one ends before the deadline and is acked, the other does not and is in the queue again.

    What comes meanwhile is not begun, and goes back with it: until the end nobody else may be given it.
    """
    stuck = asyncio.Event()
    slow = asyncio.Event()
    seen: list[bytes] = []

    async def handle(message: WfmMessage) -> None:
        seen.append(message.body)
        await (slow if message.body == b"slow" else stuck).wait()

    link = await make_link()
    consumer = await consume(link, handle, prefetch=2)
    await say(events, b"slow", b"stuck", b"later")
    await eventually(lambda: seen == [b"slow", b"stuck"])
    asyncio.get_running_loop().call_later(0.1, slow.set)
    await consumer.stop(deadline_s=0.5)
    await link.stop()
    assert seen == [b"slow", b"stuck"]
    queue = await channel.get_queue(topology.inbound_queue("acme").name)
    await eventually(lambda: _left(channel, topology, 2))
    left: list[tuple[bytes, bool | None]] = []

    async def take(message: AbstractIncomingMessage) -> None:
        left.append((message.body, message.redelivered))

    tag = await queue.consume(take, no_ack=True)
    await eventually(lambda: len(left) == 2)
    await queue.cancel(tag)
    assert sorted(left) == [(b"later", True), (b"stuck", True)]


async def _left(channel: AbstractChannel, topology: Topology, number: int) -> bool:
    return await ready(channel, topology) == number


async def test_a_message_arrives_as_it_was_sent(
    link: RabbitLink, consume: MakeConsumer, events: AbstractExchange
) -> None:
    """Bytes are not decoded, headers become text, and the correlation id is AMQP's, the message id, or a new one."""
    gate = Gate()
    gate.open.set()
    await consume(link, gate)
    await say(
        events, b"\xff{", content_type="application/json", headers={"n": 7, "b": bytearray(b"x")}, message_id="M-1"
    )
    await say(events, b"2", message_id="M-2", correlation_id="C-2")
    await say(events, b"3", message_id="", content_type="text/json; charset=cp1250", content_encoding="gzip")
    await eventually(lambda: len(gate.seen) == 3)
    first, second, third = gate.seen
    assert third.headers == {"content-type": "text/json; charset=cp1250", "content-encoding": "gzip"}
    assert (first.body, first.routing_key, first.headers) == (b"\xff{", "job.new", {"n": "7", "b": "x"})
    assert [first.correlation_id, second.correlation_id] == ["M-1", "C-2"]
    assert third.correlation_id
    assert (first.pack, first.received_at.tzinfo) == ("acme", UTC)


async def test_a_queue_with_other_properties_is_a_clear_error(
    link: RabbitLink, topology: Topology, channel: AbstractChannel
) -> None:
    """We never delete a queue; we say what the operator may do."""
    await channel.declare_queue(topology.inbound_queue("acme").name, durable=True)
    with pytest.raises(PermanentError, match="exists in RabbitMQ with other properties"):
        await new_consumer(link, topology, Gate()).start()


async def test_a_queue_that_was_deleted_is_there_again_bound_and_consumed(
    link: RabbitLink,
    consume: MakeConsumer,
    events: AbstractExchange,
    channel: AbstractChannel,
    topology: Topology,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upkeep, "LOOK_EVERY_S", 0.1)
    gate = Gate()
    gate.open.set()
    await consume(link, gate)
    await channel.queue_delete(topology.inbound_queue("acme").name)

    async def heard() -> bool:
        await say(events, b"again")
        return b"again" in gate.bodies

    await eventually(heard)


async def test_classic_queues_serve_too(
    link: RabbitLink, consume: MakeConsumer, topology: Topology, events: AbstractExchange
) -> None:
    """For a RabbitMQ without quorum queues."""
    gate = Gate()
    gate.open.set()
    consumer = new_consumer(link, replace(topology, queue_type=QueueType.CLASSIC), gate)
    await consumer.start()
    await asyncio.wait_for(consumer.wait_bound(), PATIENCE_S)
    await say(events, b"hello")
    await eventually(lambda: gate.bodies == [b"hello"])
    await consumer.stop()


async def test_a_reply_is_acked_after_its_handler_and_comes_again_otherwise(
    link: RabbitLink, topology: Topology, channel: AbstractChannel
) -> None:
    """The reply queue is durable, and a failing handler loses no answer."""
    seen: list[WfmMessage] = []

    async def handle(reply: WfmMessage) -> None:
        seen.append(reply)
        if len(seen) == 1:
            raise ValueError("a defect")

    replies = ReplyConsumer(link, topology, handle, clock=lambda: datetime.now(UTC), requeue_pause_s=0.01)
    await replies.start()
    correlation_id = uuid4().hex
    message = aio_pika.Message(b"{}", correlation_id=correlation_id, headers={"k": "v"})
    await channel.default_exchange.publish(message, topology.reply_queue.name)
    await eventually(lambda: len(seen) == 2)
    await replies.stop()
    assert [(reply.correlation_id, reply.body) for reply in seen] == [(correlation_id, b"{}")] * 2
    assert seen[0].headers == {"k": "v"}
