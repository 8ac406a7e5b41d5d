"""A pack's messages divided among partitions, and these among processes: each once, a job's in their order."""

import asyncio
from dataclasses import replace

import aio_pika
import aiormq
import pytest
from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage, AbstractRobustConnection
from structlog.testing import capture_logs

from bridge.errors import PermanentError
from bridge.flows.partition_routing import PARTS, partition_of
from bridge.flows.partitioning import InForce, Partitioning
from bridge.mapping.document import PartitionBy
from bridge.mapping.pack import Pack
from bridge.wfm import partitions as partitions_module
from bridge.wfm import relay
from bridge.wfm.link import RabbitLink
from bridge.wfm.topology import Topology
from tests.integration.flows.acme import PACK
from tests.integration.wfm.conftest import MakeLink, Wire
from tests.integration.wfm.divided import JOBS, Agreed, Start, balanced, bound, handled_all, say, say_all, shared_out
from tests.support import eventually

pytestmark = pytest.mark.integration

BEGINNING = "the WFM's messages are not taken yet: another process is beginning just now"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions_module, "PATIENCE_S", 0.0)
    monkeypatch.setattr(partitions_module, "LONGEST_PATIENCE_S", 0.0)
    monkeypatch.setattr(relay, "CONFIRM_S", 1.0)


async def test_processes_come_and_go_and_each_message_is_handled_once_and_in_order(
    start: Start, make_link: MakeLink, wfm: AbstractExchange, agreed: Agreed, living: set[str], wire: Wire
) -> None:
    a = await start("a")
    await bound(a)
    await say_all(wfm, range(1, 4))
    await handled_all(agreed, range(1, 4))
    assert a.has(agreed) == set(JOBS)
    assert not a.inbound.stands_by

    link = await make_link(wire.url)
    b = await start("b", link=link)
    version = await shared_out(wfm, agreed, a, b, after=3)
    await handled_all(agreed, range(1, version + 1))

    b.open.clear()  # it has messages in hand when it is cut off, which come to the other one
    await say_all(wfm, range(version + 1, version + 3))
    wire.cut()
    living.discard("b")
    await handled_all(agreed, range(1, version + 3))

    c = await start("c")
    stopping = asyncio.create_task(a.inbound.stop())
    await say_all(wfm, range(version + 3, version + 6))
    await stopping
    await handled_all(agreed, range(1, version + 6))
    assert "c" in {process for process, _ in agreed.handled}
    assert not c.inbound.stands_by
    wire.mend()


async def test_what_is_in_hand_ends_before_a_partition_is_passed_on(
    start: Start, wfm: AbstractExchange, agreed: Agreed
) -> None:
    """The next one would be given what follows, and might be faster."""
    slow = await start("slow", opened=False)
    await bound(slow)
    await start("next")
    await say_all(wfm, range(1, 3))
    stopping = asyncio.create_task(slow.inbound.stop())
    await say_all(wfm, range(3, 5))
    assert agreed.handled == []
    slow.open.set()
    await stopping
    await handled_all(agreed, range(1, 5))
    assert {process for process, _ in agreed.handled} == {"slow", "next"}


async def test_a_message_is_passed_on_with_all_that_stands_beside_it(
    start: Start, wfm: AbstractExchange, topology: Topology, channel: AbstractChannel, agreed: Agreed
) -> None:
    came: list[AbstractIncomingMessage] = []
    first = await start("first")
    await bound(first)
    await first.inbound.stop()
    number = partition_of("J-1", 4)
    queue = await channel.get_queue(topology.partition(PACK, number, Partitioning(4)).name)

    async def see(message: AbstractIncomingMessage) -> None:
        came.append(message)
        await message.ack()

    tag = await queue.consume(see)  # first of all: so we are given its messages
    await start("second")
    await say(
        wfm,
        "J-1",
        1,
        headers={"x-number": 7, "x-text": "ż", "x-list": [1, "a"], "CC": ["elsewhere"], PARTS: "5"},
        content_type="application/json; charset=utf-8",
        content_encoding="identity",
        correlation_id="c-1",
        message_id="m-1",
        reply_to="nobody",
        type="event",
        app_id="acme",
        user_id="guest",
        priority=3,
        timestamp=1_700_000_000,
    )
    await eventually(lambda: came)
    await queue.cancel(tag)
    (message,) = came
    assert message.routing_key == "job.held"
    assert message.headers == {
        "x-number": 7,
        "x-text": "ż",
        "x-list": [1, "a"],
        "CC": ["elsewhere"],
        "x-bridge-user-id": "guest",
    }
    assert (message.content_type, message.content_encoding) == ("application/json; charset=utf-8", "identity")
    assert (message.correlation_id, message.message_id, message.reply_to) == ("c-1", "m-1", "nobody")
    assert (message.type, message.app_id, message.priority) == ("event", "acme", 3)
    assert message.timestamp is not None
    assert message.timestamp.timestamp() == 1_700_000_000
    assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT


async def test_what_was_not_confirmed_is_passed_on_again_in_order(
    start: Start, make_link: MakeLink, wfm: AbstractExchange, agreed: Agreed, wire: Wire
) -> None:
    link = await make_link(wire.url)
    process = await start("a", link=link)
    await bound(process)
    await say_all(wfm, range(1, 2))
    await handled_all(agreed, range(1, 2))
    wire.hold()
    await say_all(wfm, range(2, 5))
    wire.cut()
    wire.release()
    wire.mend()
    await handled_all(agreed, range(1, 5))


async def test_a_message_without_a_job_goes_to_the_first_partition_and_is_handled(
    start: Start, wfm: AbstractExchange, agreed: Agreed
) -> None:
    await bound(await start("a"))
    await wfm.publish(Message(b"no json"), "job.odd")
    await eventually(lambda: agreed.handled)
    ((_, message),) = agreed.handled
    assert (message.body, message.routing_key) == (b"no json", "job.odd")


async def test_a_partition_that_somebody_deleted_is_made_again(
    start: Start,
    wfm: AbstractExchange,
    agreed: Agreed,
    topology: Topology,
    channel: AbstractChannel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(partitions_module, "CHECK_EVERY_S", 0.0)
    process = await start("a")
    await bound(process)
    await channel.queue_delete(topology.partition(PACK, partition_of("J-1", 4), Partitioning(4)).name)
    await say(wfm, "J-1", 1)

    async def handled() -> bool:
        await balanced(process)
        return bool(agreed.handled)

    await eventually(handled)


async def test_the_number_changes_once_nobody_goes_by_the_old_one_and_what_is_left_is_handled_first(
    start: Start,
    wfm: AbstractExchange,
    agreed: Agreed,
    topology: Topology,
    channel: AbstractChannel,
    rabbit: AbstractRobustConnection,
) -> None:
    old = await start("old", 1)
    await bound(old)
    await say_all(wfm, range(1, 3))
    await handled_all(agreed, range(1, 3))
    with capture_logs() as logs:
        four = await start("four", 4)
    assert "wfm.partitions was 1" in next(line["problem"] for line in logs if line["log_level"] == "warning")
    assert four.inbound.stands_by
    assert four.inbound.problem is None
    await say_all(wfm, range(3, 5))
    await handled_all(agreed, range(1, 5))
    assert {process for process, _ in agreed.handled} == {"old"}

    await old.inbound.stop()
    await say_all(wfm, range(5, 7))
    await handled_all(agreed, range(1, 7))
    assert agreed.in_force == InForce(Partitioning(4))
    assert not four.inbound.stands_by

    four.open.clear()  # what it has passed on is left in the partitions
    await say_all(wfm, range(7, 9))
    await eventually(lambda: is_empty(channel, topology))
    await four.inbound.stop(0)
    await say_all(wfm, range(9, 11))
    two = await start("two", 2)
    await handled_all(agreed, range(1, 11))
    assert agreed.in_force == InForce(Partitioning(2))
    for queue in topology.partitions(PACK, Partitioning(4)):
        assert not await exists(rabbit, queue.name)
    await two.inbound.stop()
    await start("one again", 1)
    await say_all(wfm, range(11, 13))
    await handled_all(agreed, range(1, 13))


async def is_empty(channel: AbstractChannel, topology: Topology) -> bool:
    declared = await channel.declare_queue(topology.inbound_queue(PACK).name, passive=True)
    return not declared.declaration_result.message_count


async def exists(rabbit: AbstractRobustConnection, queue: str) -> bool:
    try:
        await (await rabbit.channel()).declare_queue(queue, passive=True)
    except aio_pika.exceptions.ChannelNotFoundEntity:
        return False
    return True


async def test_a_process_that_has_not_begun_says_so(
    start: Start, link: RabbitLink, topology: Topology, wfm: AbstractExchange
) -> None:
    """Nothing is bound yet, and what the WFM says is not kept: nobody may hold it for ready."""
    assert wfm.name
    lock = f"{topology.inbound_queue(PACK).name}.partitioning"
    async with link.scratch_channel() as channel:
        await channel.queue_declare(lock, exclusive=True)
        process = await start("a")
        assert process.inbound.problem == BEGINNING
        await channel.queue_delete(lock)
    await bound(process)
    await eventually(lambda: process.inbound.problem is None)


async def test_a_process_that_is_overruled_takes_no_more(
    start: Start, make_link: MakeLink, wire: Wire, wfm: AbstractExchange, agreed: Agreed
) -> None:
    """It was cut off while others changed the number, and comes back."""
    link = await make_link(wire.url)
    process = await start("old", link=link)
    await bound(process)
    wire.cut()
    await eventually(lambda: not link.connected)
    agreed.in_force = InForce()
    wire.mend()
    await eventually(lambda: process.inbound.stands_by)


async def test_a_queue_that_exists_with_other_arguments_is_a_clear_error(
    start: Start, topology: Topology, channel: AbstractChannel
) -> None:
    name = topology.partition(PACK, 2, Partitioning(4)).name
    await channel.declare_queue(name, durable=True)
    with pytest.raises(PermanentError, match=r"exists in RabbitMQ with other properties .*2-of-4"):
        await start("a")


async def test_a_rabbitmq_without_the_plugin_ends_the_start_with_what_to_do(
    start: Start, pack: Pack, link: RabbitLink, channel: AbstractChannel
) -> None:
    """RabbitMQ closes the connection on which an exchange of an unknown type is declared: that is not ours."""
    hashed = replace(pack, inbound=replace(pack.inbound, partition_by=PartitionBy(header="x-job-no")))
    if await knows_hashing(channel):
        pytest.skip("this RabbitMQ has the plugin rabbitmq_consistent_hash_exchange")
    with pytest.raises(PermanentError, match="rabbitmq-plugins enable rabbitmq_consistent_hash_exchange"):
        await start("a", link=link, pack=hashed)
    assert link.connected


async def knows_hashing(channel: AbstractChannel) -> bool:
    try:
        await channel.declare_exchange("test-hash-probe", "x-consistent-hash", auto_delete=True)
    except aiormq.exceptions.AMQPError:
        return False
    await channel.exchange_delete("test-hash-probe")
    return True
