"""Alarms, on a RabbitMQ of the tests' own: it takes nothing, it gives all the same, and nothing goes out twice."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractQueue
from structlog.testing import capture_logs

from bridge.errors import ConfirmPending, NotSent
from bridge.flows.ports.journal_entry import WfmMessage
from bridge.localenv.rabbitmq import Node
from bridge.wfm import publisher
from bridge.wfm.consumer import InboundConsumer
from bridge.wfm.gateway import RabbitCommandBus
from bridge.wfm.link import RabbitLink
from bridge.wfm.topology import Topology, declare
from tests.integration.wfm.conftest import MakeBus
from tests.integration.wfm.test_gateway import command, queue, taken_by
from tests.support import NEVER_S, eventually

__all__ = ["queue"]

pytestmark = pytest.mark.integration

LOW = "RabbitMQ takes no messages: it is low on memory"
LOW_ON_DISK = "RabbitMQ takes no messages: it is low on disk"

HOW = {type(None): "done", ConfirmPending: "pending", NotSent: "refused"}


@pytest.fixture
def rabbitmq_url(private_rabbitmq: Node) -> str:
    return private_rabbitmq.url


@contextmanager
def alarm(node: Node) -> Iterator[None]:
    """RabbitMQ is low on memory."""
    node.control("set_vm_memory_high_watermark", "0.0000001")
    try:
        yield
    finally:
        node.control("set_vm_memory_high_watermark", "absolute", "512MiB")


@contextmanager
def disk_alarm(node: Node) -> Iterator[None]:
    """RabbitMQ has less room on its disk than it wants."""
    node.control("set_disk_free_limit", "1000000GB")
    try:
        yield
    finally:
        node.control("set_disk_free_limit", "64MB")


async def taken(queue: AbstractQueue) -> list[str | None]:
    """The ids of all messages in a queue, which are taken out of it."""
    there = (await queue.declare()).message_count or 0
    return [(await queue.get(no_ack=True)).message_id for _ in range(there)]


@pytest.fixture
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """RabbitMQ is trusted for ever once it has taken a message: so an alarm is met by what is written."""
    monkeypatch.setattr(publisher, "FRESH_S", float("inf"))
    monkeypatch.setattr(publisher, "LOOK_EVERY_S", NEVER_S)


async def test_a_command_is_refused_at_once_under_an_alarm_and_never_goes_out(
    bus: RabbitCommandBus, queue: AbstractQueue, private_rabbitmq: Node
) -> None:
    """Nothing was published since the alarm began, so RabbitMQ has told nobody of it."""
    before, during, after = command(), command(), command()
    await bus.publish(before)
    with capture_logs() as logs:
        with alarm(private_rabbitmq):
            for _ in range(2):
                with pytest.raises(NotSent, match="it is low on memory; nothing was sent"):
                    await bus.publish(during)
            assert bus.problem == LOW
        await eventually(lambda: bus.problem is None)
    await bus.publish(after)
    assert await taken(queue) == [before.message_id, after.message_id]
    assert [(log["log_level"], log.get("reason")) for log in logs] == [("warning", "low on memory"), ("info", None)]


async def test_an_alarm_is_known_though_nobody_publishes(bus: RabbitCommandBus, private_rabbitmq: Node) -> None:
    assert bus.problem is None
    with alarm(private_rabbitmq):
        await eventually(lambda: bus.problem == LOW)


async def test_a_bridge_that_starts_under_an_alarm_knows(
    make_bus: MakeBus, link: RabbitLink, private_rabbitmq: Node
) -> None:
    with alarm(private_rabbitmq):
        bus = await make_bus(link)
        assert bus.problem == LOW
    await eventually(lambda: bus.problem is None)


@pytest.mark.usefixtures("_trusted")
async def test_what_an_alarm_catches_on_its_way_goes_out_once_and_what_is_refused_never(
    make_bus: MakeBus, link: RabbitLink, queue: AbstractQueue, private_rabbitmq: Node
) -> None:
    """What is caught was written before RabbitMQ said so; published again, it is only waited for."""
    bus = await make_bus(link, timeout_s=0.5)
    first = command()
    await eventually(lambda: taken_by(bus, first))
    await taken(queue)
    commands = [command() for _ in range(300)]

    async def publish_all() -> dict[str, list[str]]:
        ended = await asyncio.gather(*(bus.publish(one) for one in commands), return_exceptions=True)
        found: dict[str, list[str]] = defaultdict(list)
        for one, how in zip(commands, ended, strict=True):
            found[HOW[type(how)]].append(one.message_id)
        return found

    with alarm(private_rabbitmq):
        await publish_all()
        await eventually(lambda: bus.problem == LOW)
        found = await publish_all()
        assert found["pending"]
        assert "done" not in found
    await eventually(lambda: bus.problem is None)
    caught = [one for one in commands if one.message_id in found["pending"]]
    await asyncio.gather(*map(bus.publish, caught))
    assert sorted(await taken(queue)) == sorted(found["pending"])


async def test_messages_are_taken_and_acked_under_an_alarm(
    link: RabbitLink, bus: RabbitCommandBus, topology: Topology, channel: AbstractChannel, private_rabbitmq: Node
) -> None:
    """Far more than are given without an ack, and while the bridge would publish."""
    exchange = await channel.declare_exchange(topology.exchange_name("acme.wfm.events"), "topic", durable=True)
    await declare(link, topology, topology.inbound_queue("acme"))
    inbound = await channel.get_queue(topology.inbound_queue("acme").name)
    await inbound.bind(exchange, "job.#")
    for number in range(100):
        await exchange.publish(aio_pika.Message(str(number).encode()), "job.new")
    seen: list[bytes] = []

    async def handle(message: WfmMessage) -> None:
        with suppress(NotSent):
            await bus.publish(command())
        seen.append(message.body)

    consumer = InboundConsumer(
        link,
        topology,
        "acme",
        handle,
        exchange="acme.wfm.events",
        bindings=("job.#",),
        clock=lambda: datetime.now(UTC),
        new_id=lambda: uuid4().hex,
        prefetch=10,
    )
    with alarm(private_rabbitmq):
        with pytest.raises(NotSent):
            await bus.publish(command())
        await consumer.start()
        await eventually(lambda: len(seen) == 100)
        await consumer.stop()
        assert (await inbound.declare()).message_count == 0
