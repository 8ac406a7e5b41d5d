"""The link to a real RabbitMQ: waiting for it, losing it, and letting go of it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

import pytest
from aio_pika.abc import AbstractChannel
from structlog.testing import capture_logs
from yarl import URL

from bridge.errors import BrokerUnavailable, NotRouted, PermanentError
from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.ports.journal_entry import WfmMessage
from bridge.wfm import link as link_module
from bridge.wfm.consumer import ReplyConsumer
from bridge.wfm.gateway import RabbitCommandBus
from bridge.wfm.link import RabbitLink
from bridge.wfm.topology import Topology
from tests.integration.wfm.conftest import MakeBus, MakeLink, Wire
from tests.support import NEVER_S, PATIENCE_S, eventually

pytestmark = pytest.mark.integration


def new_replies(link: RabbitLink, topology: Topology, handle: Callable[[WfmMessage], Awaitable[None]]) -> ReplyConsumer:
    return ReplyConsumer(link, topology, handle, clock=lambda: datetime.now(UTC))


async def nothing(_reply: WfmMessage) -> None:
    """A handler that is never called."""


async def test_a_rabbitmq_that_is_not_there_yet_is_waited_for(wire: Wire) -> None:
    wire.cut()
    link = RabbitLink(wire.url)
    starting = asyncio.create_task(link.start())
    await asyncio.wait([starting], timeout=0.3)
    assert not starting.done()
    assert not link.connected
    wire.mend()
    await asyncio.wait_for(starting, PATIENCE_S)
    assert link.connected
    await link.stop()
    assert not link.connected


async def test_a_wrong_password_is_told_at_once_and_without_it(rabbitmq_url: str) -> None:
    url = str(URL(rabbitmq_url).with_user("nobody").with_password("hunter2"))
    with pytest.raises(PermanentError, match="refuses the user 'nobody' or its password") as refused:
        await asyncio.wait_for(RabbitLink(url).start(), PATIENCE_S)
    assert "hunter2" not in str(refused.value)


async def test_a_loss_and_the_return_are_each_told_once(
    make_link: MakeLink, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many attempts fail in between, and whoever asked is called when it is back."""
    monkeypatch.setattr(link_module, "FIND_OUT_EVERY_S", NEVER_S)
    link = await make_link(wire.url)
    back: list[bool] = []
    link.on_reconnect(lambda: back.append(link.connected))
    with capture_logs() as logs:
        wire.cut()
        await eventually(lambda: wire.refused >= 2)
        assert not link.connected
        with pytest.raises(BrokerUnavailable):
            async with link.scratch_channel():
                pass
        wire.mend()
        await eventually(lambda: back == [True])
    assert [log["event"] for log in logs] == [
        "the connection to RabbitMQ is lost; trying to get it back",
        "the connection to RabbitMQ is back",
    ]


async def test_why_a_lost_connection_does_not_come_back_is_found_out_and_told_once(
    make_link: MakeLink, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "FIND_OUT_EVERY_S", 0.05)
    link = await make_link(wire.url)
    with capture_logs() as logs:
        wire.cut()
        await eventually(lambda: wire.refused >= 10)
        assert link.problem is not None
        assert "the connection to 127.0.0.1:" in link.problem
        wire.mend()
        await eventually(lambda: link.problem is None)
    assert 1 <= [log["event"] for log in logs].count("RabbitMQ cannot be used; trying again") <= 2


async def test_stopping_without_a_connection_does_not_wait_for_it(
    topology: Topology, make_link: MakeLink, wire: Wire
) -> None:
    link = await make_link(wire.url)
    replies = new_replies(link, topology, nothing)
    await replies.start()
    wire.cut()
    await eventually(lambda: not link.connected)
    async with asyncio.timeout(PATIENCE_S):
        await replies.stop()
        await link.stop()


async def test_stopping_twice_is_harmless(topology: Topology, make_link: MakeLink) -> None:
    link = await make_link()
    replies = new_replies(link, topology, nothing)
    await replies.start()
    for _ in range(2):
        await replies.stop()
        await link.stop()
        assert not link.connected


async def test_an_exchange_of_the_wfm_that_is_gone_does_not_keep_the_rest_from_coming_back(
    topology: Topology, make_link: MakeLink, make_bus: MakeBus, wire: Wire, channel: AbstractChannel
) -> None:
    """Commands went to it before; after a reconnect without it, other commands go out all the same."""
    link = await make_link(wire.url)
    replies = new_replies(link, topology, nothing)
    await replies.start()
    bus = await make_bus(link, timeout_s=0.5)
    for exchange in ("acme.wfm.commands", "acme.wfm.events"):
        await channel.declare_exchange(topology.exchange_name(exchange), "topic", durable=True)
        await eventually(partial(answered, bus, exchange))
    await channel.exchange_delete(topology.exchange_name("acme.wfm.commands"))
    wire.cut()
    await eventually(lambda: not link.connected)
    wire.mend()

    await eventually(partial(answered, bus, "acme.wfm.events"))
    assert link.connected
    await replies.stop()


async def answered(bus: RabbitCommandBus, exchange: str) -> bool:
    try:
        await bus.publish(unroutable_command(exchange))
    except NotRouted:
        return True
    except BrokerUnavailable:
        return False
    return False


def unroutable_command(exchange: str) -> BusMessage:
    return BusMessage(
        pack="acme",
        exchange=exchange,
        routing_key="cmd.note",
        body=b"{}",
        content_type="application/json",
        message_id=uuid4().hex,
        correlation_id="C",
    )


async def test_what_cannot_be_made_again_on_a_connection_that_is_back_is_told(
    topology: Topology, make_link: MakeLink, wire: Wire, channel: AbstractChannel
) -> None:
    """A queue of ours that somebody made anew with other properties: the library tries for ever, and says nothing."""
    link = await make_link(wire.url)
    replies = new_replies(link, topology, nothing)
    await replies.start()
    with capture_logs() as logs:
        wire.cut()
        await channel.queue_delete(topology.reply_queue.name)
        await channel.declare_queue(topology.reply_queue.name, durable=True)
        wire.mend()
        await eventually(lambda: "PRECONDITION_FAILED" in (link.problem or ""))
    assert [log["event"] for log in logs].count("RabbitMQ cannot be used; trying again") == 1
    await channel.queue_delete(topology.reply_queue.name)
    await eventually(lambda: link.problem is None)
    await replies.stop()
