"""Publishing to a real RabbitMQ: confirms, what is not routed, a broker that is away, and many at once."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

import pytest
from aio_pika.abc import AbstractChannel, AbstractQueue, DeliveryMode

from bridge.errors import BrokerUnavailable, ConfirmPending, NotRouted, NotSent
from bridge.flows.ports.command_bus import BusMessage
from bridge.wfm import publisher
from bridge.wfm.gateway import RabbitCommandBus
from bridge.wfm.topology import Topology
from tests.integration.wfm.conftest import MakeBus, MakeLink, Wire
from tests.support import NEVER_S, PATIENCE_S, eventually

pytestmark = pytest.mark.integration

COMMANDS = "acme.wfm.commands"
ENDS = (type(None), BrokerUnavailable, NotSent)


def command(**changes: object) -> BusMessage:
    message = BusMessage(
        pack="acme",
        exchange=COMMANDS,
        routing_key="cmd.book",
        body=b'{"CMD":"BOOKVIS"}',
        content_type="application/json",
        headers={"k": "v"},
        message_id=uuid4().hex,
        correlation_id="C-1",
        reply_expected=True,
    )
    return replace(message, **changes)  # type: ignore[arg-type]


@pytest.fixture
async def queue(channel: AbstractChannel, topology: Topology) -> AbstractQueue:
    """The WFM's command queue, bound for `cmd.#`."""
    exchange = await channel.declare_exchange(topology.exchange_name(COMMANDS), "topic", durable=True)
    queue = await channel.declare_queue(topology.exchange_name(COMMANDS), durable=True)
    await queue.bind(exchange, "cmd.#")
    return queue


async def test_a_command_arrives_whole(bus: RabbitCommandBus, topology: Topology, queue: AbstractQueue) -> None:
    """Body as rendered, on disk, with ids, headers, and where to reply."""
    message = command()
    await bus.publish(message)
    got = await queue.get(no_ack=True)
    assert (got.body, got.content_type, got.headers) == (message.body, "application/json", {"k": "v"})
    assert (got.message_id, got.correlation_id) == (message.message_id, "C-1")
    assert (got.reply_to, got.delivery_mode) == (topology.reply_queue.name, DeliveryMode.PERSISTENT)


async def test_where_no_reply_is_expected_none_is_asked_for(
    bus: RabbitCommandBus, topology: Topology, queue: AbstractQueue
) -> None:
    await bus.publish(command(reply_expected=False))
    assert (await queue.get(no_ack=True)).reply_to is None


async def test_a_command_nobody_is_bound_for_is_not_routed(
    bus: RabbitCommandBus, topology: Topology, queue: AbstractQueue
) -> None:
    with pytest.raises(NotRouted, match="other\\.key"):
        await bus.publish(command(routing_key="other.key"))


async def test_an_exchange_that_is_not_there_is_not_routed_and_disturbs_nobody(
    bus: RabbitCommandBus, topology: Topology, queue: AbstractQueue
) -> None:
    """Commands to another exchange go on, and the missing one works once it is there."""
    outcomes = await asyncio.gather(
        *(bus.publish(command(exchange="missing" if number % 2 else COMMANDS)) for number in range(20)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), NotRouted] * 10


async def test_an_exchange_that_comes_later_is_found(
    bus: RabbitCommandBus, topology: Topology, channel: AbstractChannel
) -> None:
    with pytest.raises(NotRouted, match="does not exist"):
        await bus.publish(command())
    exchange = await channel.declare_exchange(topology.exchange_name(COMMANDS), "topic", durable=True)
    queue = await channel.declare_queue(topology.exchange_name(COMMANDS), durable=True)
    await queue.bind(exchange, "cmd.#")
    await bus.publish(command())
    assert await queue.get(no_ack=True)


async def test_an_exchange_that_was_deleted_is_not_routed_until_it_is_back(
    bus: RabbitCommandBus, topology: Topology, queue: AbstractQueue, channel: AbstractChannel
) -> None:
    await bus.publish(command())
    await channel.exchange_delete(topology.exchange_name(COMMANDS))
    with pytest.raises(NotRouted, match="does not exist"):
        await bus.publish(command())
    exchange = await channel.declare_exchange(topology.exchange_name(COMMANDS), "topic", durable=True)
    await queue.bind(exchange, "cmd.#")
    await bus.publish(command())


async def test_a_broker_that_is_away_is_told_in_time_and_used_again_when_back(
    make_bus: MakeBus, make_link: MakeLink, queue: AbstractQueue, wire: Wire
) -> None:
    bus = await make_bus(await make_link(wire.url), timeout_s=0.5)
    await bus.publish(command())
    wire.cut()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(BrokerUnavailable):
            await bus.publish(command())
    wire.mend()

    async def works() -> bool:
        try:
            await bus.publish(command(correlation_id="after"))
        except BrokerUnavailable:
            return False
        return True

    await eventually(works)


async def test_a_connection_lost_in_flight_is_the_broker_being_away(
    make_bus: MakeBus, make_link: MakeLink, queue: AbstractQueue, wire: Wire
) -> None:
    """Each of many commands in flight ends, none is cancelled or left hanging: confirmed, maybe out, or surely not."""
    bus = await make_bus(await make_link(wire.url), timeout_s=2)
    await bus.publish(command())
    commands = [command() for _ in range(500)]
    publishes = [asyncio.ensure_future(bus.publish(one)) for one in commands]
    await asyncio.wait(publishes, return_when=asyncio.FIRST_COMPLETED)
    wire.cut()
    outcomes = await asyncio.wait_for(asyncio.gather(*publishes, return_exceptions=True), PATIENCE_S)
    ended = {
        kind: [one.message_id for one, how in zip(commands, outcomes, strict=True) if type(how) is kind]
        for kind in ENDS
    }
    assert sum(map(len, ended.values())) == len(commands)
    assert ended[BrokerUnavailable]
    out = {(await queue.get(no_ack=True)).message_id for _ in range((await queue.declare()).message_count or 0)}
    assert out >= set(ended[type(None)])
    assert not out & set(ended[NotSent])


async def test_many_commands_are_in_flight_at_once(
    make_bus: MakeBus, make_link: MakeLink, queue: AbstractQueue, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are in the WFM's queue before the confirm of the first is heard."""
    monkeypatch.setattr(publisher, "FRESH_S", NEVER_S)  # it cannot say meanwhile that it takes messages
    bus = await make_bus(await make_link(wire.url), timeout_s=60)
    await bus.publish(command())
    wire.hold()
    publishes = [asyncio.ensure_future(bus.publish(command())) for _ in range(200)]
    await eventually(lambda: holds(queue, 201))
    assert not any(publish.done() for publish in publishes)
    wire.release()
    await asyncio.gather(*publishes)


async def holds(queue: AbstractQueue, messages: int) -> bool:
    return (await queue.declare()).message_count == messages


async def test_a_message_whose_confirm_is_late_is_waited_for_and_not_published_again(
    make_bus: MakeBus, make_link: MakeLink, queue: AbstractQueue, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it is published meanwhile; and once more to hear that it was confirmed."""
    monkeypatch.setattr(publisher, "FRESH_S", NEVER_S)  # it cannot say meanwhile that it takes messages
    bus = await make_bus(await make_link(wire.url), timeout_s=0.2)
    first = command()
    await eventually(lambda: taken_by(bus, first))
    late = command()
    wire.hold()
    for _ in range(3):
        with pytest.raises(ConfirmPending):
            await bus.publish(late)
    wire.release()
    await eventually(lambda: taken_by(bus, late))
    assert (await queue.declare()).message_count == 2


async def taken_by(bus: RabbitCommandBus, message: BusMessage) -> bool:
    with suppress(ConfirmPending, NotSent):
        await bus.publish(message)
        return True
    return False


async def test_who_gives_up_disturbs_nobody_else(
    make_bus: MakeBus, make_link: MakeLink, queue: AbstractQueue, wire: Wire
) -> None:
    """Also the first one, for which the exchange is tried."""
    bus = await make_bus(await make_link(wire.url), timeout_s=PATIENCE_S)
    wire.hold()
    publishes = [asyncio.ensure_future(bus.publish(command())) for _ in range(20)]
    await asyncio.wait(publishes, timeout=0.1)
    for publish in publishes[::2]:
        publish.cancel()
    wire.release()
    await asyncio.gather(*publishes[1::2])
    assert {publish.cancelled() for publish in publishes[::2]} == {True}


@pytest.mark.parametrize(
    "wrong", [{"routing_key": "k" * 256}, {"routing_key": "é" * 200}, {"correlation_id": "é" * 200}]
)
async def test_what_is_no_amqp_message_is_told_and_disturbs_nobody(
    bus: RabbitCommandBus, queue: AbstractQueue, wrong: dict[str, object]
) -> None:
    outcomes = await asyncio.gather(
        *(bus.publish(command(**wrong) if number % 2 else command()) for number in range(10)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), NotRouted] * 5
    assert "no AMQP message can be made of it" in str(outcomes[1])


async def test_a_rabbitmq_that_says_nothing_is_known_and_nothing_is_sent_to_it(
    make_bus: MakeBus, make_link: MakeLink, queue: AbstractQueue, wire: Wire
) -> None:
    bus = await make_bus(await make_link(wire.url), timeout_s=0.2)
    await eventually(lambda: bus.problem is None)
    wire.hold()
    await eventually(lambda: bus.problem == "RabbitMQ has not answered for 0.2 s")
    with pytest.raises(NotSent, match=r"has not answered for 0\.2 s; nothing was sent"):
        await bus.publish(command())
    wire.release()
    await eventually(lambda: bus.problem is None)
    assert (await queue.declare()).message_count == 0


async def test_messages_of_one_id_are_told_apart_by_what_they_say(bus: RabbitCommandBus, queue: AbstractQueue) -> None:
    """The ids of messages that were given up are the WFM's."""
    await asyncio.gather(*(bus.publish(command(message_id="0", body=str(number).encode())) for number in range(5)))
    there = (await queue.declare()).message_count or 0
    assert sorted([(await queue.get(no_ack=True)).body for _ in range(there)]) == [b"0", b"1", b"2", b"3", b"4"]
