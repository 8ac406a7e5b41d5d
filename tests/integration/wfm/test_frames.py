"""Messages with odd properties on a real RabbitMQ: each comes in, the one behind it too, and nobody reconnects."""

import asyncio
import random
import struct
from datetime import UTC, datetime

import pytest
from aio_pika.abc import AbstractChannel, AbstractExchange
from structlog.testing import capture_logs

from bridge.flows.ports.journal_entry import WfmMessage
from bridge.wfm.consumer import ReplyConsumer
from bridge.wfm.frames import UNREADABLE
from bridge.wfm.link import RabbitLink
from bridge.wfm.topology import Topology
from tests.integration.wfm.raw_frames import FLAGS, RawPublisher, short, table
from tests.integration.wfm.test_consumer import EVENTS, MakeConsumer, consume, events
from tests.support import eventually

__all__ = ["consume", "events"]

pytestmark = pytest.mark.integration

ODD: dict[str, dict[str, bytes]] = {
    "timestamp in microseconds": {"timestamp": struct.pack(">Q", 1_796_028_000_000_000)},
    "correlation id that is not UTF-8": {"correlation_id": short(b"\x80\xff\x00\xc3")},
    "type in Latin-1": {"message_type": short("Störung".encode("latin-1"))},
    "header of an odd key": {"headers": table(short(b"\xe9") + b"t\x01")},
    "header with a moment far away": {"headers": table(short(b"at") + b"T" + struct.pack(">Q", 2**62))},
}


async def test_whatever_stands_beside_a_message_it_comes_in_and_so_does_the_next(
    link: RabbitLink, consume: MakeConsumer, events: AbstractExchange, topology: Topology, rabbitmq_url: str
) -> None:
    seen: list[WfmMessage] = []
    lost: list[None] = []
    link.on_reconnect(lambda: lost.append(None))

    async def handle(message: WfmMessage) -> None:
        seen.append(message)

    await consume(link, handle)
    publisher = await RawPublisher.connect(rabbitmq_url)
    with capture_logs() as logs:
        for name, properties in ODD.items():
            assert await publisher.publish(topology.exchange_name(EVENTS), b"job.new", name.encode(), properties)
        assert await publisher.publish(topology.exchange_name(EVENTS), b"job.\xff", b"odd key", {})
        for odd_flags in (0b01, 0b10):  # of no property: RabbitMQ ignores them, and passes them on
            body = f"odd flags {odd_flags}".encode()
            assert await publisher.publish(topology.exchange_name(EVENTS), b"job.new", body, {}, odd_flags)
        nul = {"correlation_id": short(b"c\0"), "headers": table(short(b"k\0") + b"S" + struct.pack(">I", 2) + b"v\0")}
        assert await publisher.publish(topology.exchange_name(EVENTS), b"job.\0", b"nul", nul)
        assert await publisher.publish(topology.exchange_name(EVENTS), b"job.new", b"last", {})
        await eventually(lambda: seen and seen[-1].body == b"last")
    await publisher.close()

    bodies = [message.body.decode() for message in seen]
    assert bodies == [*ODD, "odd key", "odd flags 1", "odd flags 2", "nul", "last"]
    assert (seen[-2].routing_key, seen[-2].correlation_id) == (r"job.\x00", r"c\x00")
    assert seen[-2].headers == {r"k\x00": r"v\x00"}
    assert lost == []
    said = {message.body.decode() for message in seen if UNREADABLE in message.headers}
    assert said == set(ODD)
    told = [entry for entry in logs if "unreadable" in entry]
    assert len(told) == len(ODD)
    inbound = topology.inbound_queue("acme").name
    assert {(entry["queue"], entry["routing_key"]) for entry in told} == {(inbound, "job.new")}


async def test_a_reply_with_odd_properties_does_not_stop_the_others(
    link: RabbitLink, topology: Topology, channel: AbstractChannel, rabbitmq_url: str
) -> None:
    heard: list[WfmMessage] = []

    async def hear(reply: WfmMessage) -> None:
        heard.append(reply)

    consumer = ReplyConsumer(link, topology, hear, clock=lambda: datetime.now(UTC))
    await consumer.start()
    publisher = await RawPublisher.connect(rabbitmq_url)
    queue = topology.reply_queue.name.encode()
    for name, properties in ODD.items():
        assert await publisher.publish("", queue, name.encode(), properties)
    assert await publisher.publish("", queue, b"last", {"correlation_id": short(b"c-1")})
    await eventually(lambda: heard and heard[-1].body == b"last")
    await publisher.close()
    await consumer.stop()
    assert [reply.body.decode() for reply in heard] == [*ODD, "last"]
    assert heard[-1].correlation_id == "c-1"


async def test_of_a_thousand_random_property_lists_all_that_rabbitmq_takes_come_in(
    link: RabbitLink, consume: MakeConsumer, events: AbstractExchange, topology: Topology, rabbitmq_url: str
) -> None:
    seen: list[bytes] = []
    lost: list[None] = []
    link.on_reconnect(lambda: lost.append(None))

    async def handle(message: WfmMessage) -> None:
        seen.append(message.body)

    await consume(link, handle)
    draw, taken = random.Random(20261130), list[bytes]()
    publisher = await RawPublisher.connect(rabbitmq_url)
    for number in range(1000):
        body = str(number).encode()
        try:
            if await publisher.publish(topology.exchange_name(EVENTS), b"job.new", body, _properties(draw)):
                taken.append(body)
                continue
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        await publisher.close()  # RabbitMQ did not take it, and this channel is over
        publisher = await RawPublisher.connect(rabbitmq_url)
    await eventually(lambda: len(seen) >= len(taken))
    await publisher.close()
    assert seen == taken
    assert len(taken) > 500
    assert lost == []


def _properties(draw: random.Random) -> dict[str, bytes]:
    names = draw.sample(sorted(FLAGS.keys() - {"user_id", "cluster_id", "expiration"}), draw.randint(1, 4))
    return {name: _value(draw, name) for name in names}


def _value(draw: random.Random, name: str) -> bytes:
    if name == "delivery_mode":
        return bytes([draw.choice((1, 2))])  # RabbitMQ takes no other
    if name == "priority":
        return draw.randbytes(1)
    if name == "timestamp":
        return draw.randbytes(8)
    if name == "headers":
        return table(*(_entry(draw, 0) for _ in range(draw.randint(0, 4))))
    return short(draw.randbytes(draw.randint(0, 20)))


def _entry(draw: random.Random, depth: int) -> bytes:
    return short(draw.randbytes(draw.randint(1, 6))) + _field(draw, depth)


def _field(draw: random.Random, depth: int) -> bytes:
    kind = draw.choice(b"tbBsuIilfdDSTVxFA" if depth < 3 else b"tTS")
    sizes = {"t": 1, "b": 1, "B": 1, "s": 2, "u": 2, "I": 4, "i": 4, "l": 8, "f": 4, "d": 8, "D": 5, "T": 8, "V": 0}
    if (size := sizes.get(chr(kind))) is not None:
        return bytes([kind]) + draw.randbytes(size)
    if kind == ord("F"):
        return b"F" + table(*(_entry(draw, depth + 1) for _ in range(draw.randint(0, 3))))
    if kind == ord("A"):
        return b"A" + table(*(_field(draw, depth + 1) for _ in range(draw.randint(0, 3))))
    raw = draw.randbytes(draw.randint(0, 12))
    return bytes([kind]) + struct.pack(">I", len(raw)) + raw
