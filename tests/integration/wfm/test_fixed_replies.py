"""OwnReplies to a fixed queue of the WFM on a real RabbitMQ: whose the queue is, who hears what, what is passed on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractRobustConnection
from aiormq.exceptions import ChannelNotFoundEntity, DeliveryError

from bridge.backoff import Backoff
from bridge.errors import BrokerUnavailable, NotRouted, PermanentError
from bridge.flows.ports.journal_entry import WfmMessage
from bridge.wfm import upkeep
from bridge.wfm.consumer import ReplyConsumer
from bridge.wfm.gateway import RabbitCommandBus
from bridge.wfm.link import RabbitLink
from bridge.wfm.topology import OwnReplies, Topology, declare
from tests.integration.wfm.conftest import MakeBus, MakeLink, Wire
from tests.integration.wfm.test_gateway import COMMANDS, command
from tests.support import PATIENCE_S, eventually

pytestmark = pytest.mark.integration

FIXED = OwnReplies("acme", "acme.answers")
OWN = OwnReplies("acme")

Listen = Callable[..., Awaitable[list[WfmMessage]]]


@pytest.fixture
async def answers(topology: Topology, channel: AbstractChannel) -> AsyncIterator[str]:
    """The name of the fixed queue in RabbitMQ; removed at the end."""
    name = topology.reply_queue_of(FIXED).name
    yield name
    await channel.queue_delete(name)
    await channel.queue_delete(topology.reply_queue_of(OWN).name)


@pytest.fixture
def started() -> list[ReplyConsumer]:
    """The consumers that `listen` has started."""
    return []


@pytest.fixture
async def listen(
    link: RabbitLink, topology: Topology, answers: str, started: list[ReplyConsumer]
) -> AsyncIterator[Listen]:
    """Starts consumers of replies, which write down what they hear."""

    async def start(replies: OwnReplies | None = FIXED, link: RabbitLink = link) -> list[WfmMessage]:
        heard: list[WfmMessage] = []

        async def hear(reply: WfmMessage) -> None:
            heard.append(reply)

        consumer = ReplyConsumer(link, topology, hear, replies, clock=lambda: datetime.now(UTC))
        started.append(consumer)
        await consumer.start()
        return heard

    yield start
    for consumer in started:
        await consumer.stop()


async def say(channel: AbstractChannel, queue: str, text: str, **properties: str) -> None:
    await channel.default_exchange.publish(aio_pika.Message(text.encode(), **properties), queue)  # type: ignore[arg-type]


async def told(heard: list[WfmMessage], texts: list[str]) -> None:
    await eventually(lambda: [reply.body.decode() for reply in heard] == texts)


async def test_a_queue_that_is_not_there_is_made_like_our_own(
    listen: Listen, link: RabbitLink, topology: Topology, channel: AbstractChannel, answers: str
) -> None:
    heard = await listen()
    await declare(link, topology, topology.reply_queue_of(FIXED))  # the same properties, or RabbitMQ would refuse
    await say(channel, answers, "yes", correlation_id="C-1")
    await told(heard, ["yes"])
    assert (heard[0].pack, heard[0].correlation_id) == ("acme", "C-1")
    await eventually(lambda: empty(channel, answers))


async def empty(channel: AbstractChannel, queue: str) -> bool:
    return (await channel.declare_queue(queue, passive=True)).declaration_result.message_count == 0


@pytest.mark.parametrize("durable", [True, False])
async def test_a_queue_of_the_wfm_is_taken_as_it_is(
    listen: Listen, channel: AbstractChannel, answers: str, durable: bool
) -> None:
    await channel.declare_queue(answers, durable=durable, arguments={"x-max-length": 7})
    await say(channel, answers, "before")
    heard = await listen()
    await say(channel, answers, "after")
    await told(heard, ["before", "after"])
    assert [reply.correlation_id for reply in heard] == ["", ""]


async def test_a_queue_that_somebody_keeps_to_himself_ends_the_start_with_a_sentence(
    listen: Listen, rabbit: AbstractRobustConnection, answers: str
) -> None:
    own = await rabbit.channel()
    await own.declare_queue(answers, exclusive=True)
    with pytest.raises(PermanentError, match="does not let the bridge use the queue"):
        await listen()


async def test_of_two_processes_each_hears_a_part(
    listen: Listen, make_link: MakeLink, channel: AbstractChannel, answers: str
) -> None:
    one = await listen()
    other = await listen(link=await make_link())
    for number in range(20):
        await say(channel, answers, str(number))
    await eventually(lambda: len(one) + len(other) == 20)
    assert sorted(int(reply.body) for reply in (*one, *other)) == list(range(20))
    assert one
    assert other


@pytest.mark.parametrize("replies", [FIXED, OWN, None])
async def test_a_queue_that_was_deleted_is_there_again(
    listen: Listen,
    link: RabbitLink,
    topology: Topology,
    channel: AbstractChannel,
    replies: OwnReplies | None,
    started: list[ReplyConsumer],
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue = (topology.reply_queue if replies is None else topology.reply_queue_of(replies)).name
    heard = await listen(replies)
    await deleted(channel, queue, started, caplog)
    await eventually(lambda: exists(link, queue))
    await eventually(lambda: taken(channel, queue, "back"))
    await told(heard, ["back"])


async def deleted(
    channel: AbstractChannel, queue: str, consumers: list[ReplyConsumer], caplog: pytest.LogCaptureFixture
) -> None:
    """Delete a queue, and have its consumers look after it as soon as they know.

    A quorum queue that is made again before, RabbitMQ may begin with the consumers of the one before.
    """
    await eventually(lambda: all(consumer.problem is None for consumer in consumers))
    await channel.queue_delete(queue)
    await eventually(lambda: caplog.text.count("cancelled by the broker") >= len(consumers))
    for consumer in consumers:
        if consumer._fixed is not None:
            consumer._fixed.upkeep._bell.ring()


async def taken(channel: AbstractChannel, queue: str, text: str) -> bool:
    """Say something; tell whether the queue takes it. One that was just made again may not yet."""
    try:
        await say(channel, queue, text)
    except DeliveryError:
        return False
    return True


async def test_all_processes_consume_a_queue_that_was_deleted_again(
    listen: Listen,
    make_link: MakeLink,
    link: RabbitLink,
    channel: AbstractChannel,
    answers: str,
    started: list[ReplyConsumer],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not only the one that was first; and if that one dies, no reply has to wait."""
    await listen()
    await listen(link=await make_link())
    await deleted(channel, answers, started, caplog)
    await eventually(lambda: exists(link, answers))
    await eventually(lambda: consumed(link, answers, by=2))


async def test_a_queue_that_somebody_else_has_now_is_not_consumed_until_he_lets_go_of_it(
    listen: Listen,
    started: list[ReplyConsumer],
    rabbit: AbstractRobustConnection,
    channel: AbstractChannel,
    answers: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For the health check."""
    heard = await listen()
    (consumer,) = started
    await eventually(lambda: consumer.problem is None)
    monkeypatch.setattr(upkeep, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr(upkeep, "RETRIES", Backoff(0.25, 0.25))
    others = await rabbit.channel()
    await channel.queue_delete(answers)
    taken = await others.declare_queue(answers, exclusive=True)
    consumer._fixed.upkeep._bell.ring()  # type: ignore[union-attr]
    await eventually(lambda: consumer.problem)
    await taken.delete(if_unused=False)
    await eventually(lambda: consumer.problem is None)
    await say(channel, answers, "mine again")
    await told(heard, ["mine again"])


async def exists(link: RabbitLink, queue: str) -> bool:
    try:
        async with link.scratch_channel() as channel:
            await channel.queue_declare(queue, passive=True)
    except (ChannelNotFoundEntity, BrokerUnavailable):
        return False
    return True


async def test_what_was_said_while_the_connection_was_lost_is_heard(
    listen: Listen, make_link: MakeLink, link: RabbitLink, channel: AbstractChannel, answers: str, wire: Wire
) -> None:
    heard = await listen(link=await make_link(wire.url))
    await eventually(lambda: consumed(link, answers))
    wire.cut()
    await say(channel, answers, "meanwhile")
    wire.mend()
    await told(heard, ["meanwhile"])


async def test_a_queue_that_went_with_a_restart_of_rabbitmq_holds_nobody_up(
    listen: Listen, make_link: MakeLink, topology: Topology, channel: AbstractChannel, answers: str, wire: Wire
) -> None:
    """A transient queue of the WFM is gone when the connection is back, and so may the WFM be."""
    link = await make_link(wire.url)
    await channel.declare_queue(answers, durable=False)
    common, heard = await listen(None, link=link), await listen(link=link)
    wire.cut()
    await channel.queue_delete(answers)
    await say(channel, topology.reply_queue.name, "common")
    wire.mend()
    await told(common, ["common"])
    await eventually(lambda: exists(link, answers))
    await say(channel, answers, "fixed")
    await told(heard, ["fixed"])


async def consumed(link: RabbitLink, queue: str, by: int = 1) -> bool:
    async with link.scratch_channel() as channel:
        return (await channel.queue_declare(queue, passive=True)).consumer_count == by


@pytest.mark.parametrize(
    ("replies", "reply_to"),
    [(FIXED, None), (OWN, "mef-bridge.main.acme.replies"), (OwnReplies("other", "q"), "mef-bridge.main.replies")],
)
async def test_a_command_says_where_to_answer_unless_that_is_fixed(
    link: RabbitLink,
    make_bus: MakeBus,
    topology: Topology,
    channel: AbstractChannel,
    replies: OwnReplies,
    reply_to: str | None,
) -> None:
    exchange = await channel.declare_exchange(topology.exchange_name(COMMANDS), "topic", durable=True)
    queue = await channel.declare_queue(topology.exchange_name(COMMANDS), durable=True)
    await queue.bind(exchange, "cmd.#")
    await (await make_bus(link, own=[replies])).publish(command())
    expected = None if reply_to is None else topology.namespace + reply_to
    assert (await queue.get(no_ack=True)).reply_to == expected


async def test_answers_that_bear_their_id_come_to_a_queue_of_their_pack(
    listen: Listen, topology: Topology, channel: AbstractChannel
) -> None:
    heard = await listen(OWN)
    await say(channel, topology.reply_queue_of(OWN).name, "yes", correlation_id="the WFM's own")
    await told(heard, ["yes"])
    assert heard[0].pack == "acme"


async def test_a_reply_is_passed_on_to_another_process(
    listen: Listen, link: RabbitLink, make_bus: MakeBus, topology: Topology
) -> None:
    """It arrives at its common reply queue, by the id that it was known by here."""
    heard = await listen(None)
    elsewhere = await make_bus(link, replace(topology, instance="elsewhere"))
    await elsewhere.pass_on(b"\x00slots", "Q-1@main", "main")
    await eventually(lambda: heard)
    assert (heard[0].pack, heard[0].correlation_id, heard[0].body) == ("", "Q-1@main", b"\x00slots")


@pytest.mark.parametrize("instance", ["nobody", "", "é", "x" * 300, "é" * 200])
async def test_a_reply_for_no_process_of_ours_is_not_routed(bus: RabbitCommandBus, instance: str) -> None:
    with pytest.raises(NotRouted, match=r"there is no instance|no process of ours"):
        await asyncio.wait_for(bus.pass_on(b"", f"Q-1@{instance}", instance), PATIENCE_S)


async def test_an_id_that_does_not_fit_into_amqp_is_not_routed(bus: RabbitCommandBus) -> None:
    """It was read in a body, where it may be of any length."""
    with pytest.raises(NotRouted, match="no command so long an id"):
        await asyncio.wait_for(bus.pass_on(b"", "Q" * 300 + "@main", "main"), PATIENCE_S)
