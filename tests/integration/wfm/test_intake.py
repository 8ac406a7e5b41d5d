"""What takes messages off a queue goes on, whatever becomes of its channel."""

import asyncio

import aio_pika
import pytest
from aio_pika import IncomingMessage
from aio_pika.abc import AbstractChannel

from bridge.wfm.intake import Intake
from bridge.wfm.link import RabbitLink
from bridge.wfm.topology import Topology, declare
from tests.support import eventually

pytestmark = pytest.mark.integration


async def test_a_channel_that_the_library_could_not_open_again_is_replaced(
    link: RabbitLink, topology: Topology, channel: AbstractChannel
) -> None:
    queue, taken = topology.inbound_queue("acme"), list[bytes]()

    def take(message: IncomingMessage) -> asyncio.Future[None]:
        taken.append(message.body)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    await declare(link, topology, queue)
    intake = Intake(link, [(queue, None)], take, prefetch=10)
    await intake.start()
    assert intake._queue is not None
    lost = intake._queue.channel
    await lost.close()
    lost._channel = None  # type: ignore[attr-defined] # as it is after an attempt in vain
    await intake.resume()
    await channel.default_exchange.publish(aio_pika.Message(b"after"), queue.name)
    await eventually(lambda: taken == [b"after"])
    await intake.stop(5.0)
