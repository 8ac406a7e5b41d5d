"""The whole WFM side on FastStream's in-memory broker, with the simulated WFM on the same link.

There a publish runs the receiver's handler before it returns, so a handler that publishes must not wait for itself.
Settlement cannot be seen here; the integration tests hold it against a real RabbitMQ.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import orjson
import pytest

from bridge.errors import NotRouted
from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.ports.journal_entry import WfmMessage
from bridge.simulator.answers import Answers
from bridge.simulator.wfm import SimulatedWfm
from bridge.wfm.consumer import InboundConsumer, ReplyConsumer
from bridge.wfm.gateway import RabbitCommandBus
from bridge.wfm.link import IN_MEMORY_URL, RabbitLink
from bridge.wfm.topology import OwnReplies, Topology
from tests.support import PATIENCE_S, eventually

NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)


def command(routing_key: str, **body: str) -> BusMessage:
    return BusMessage(
        pack="acme",
        exchange="acme.wfm.commands",
        routing_key=routing_key,
        body=orjson.dumps(body),
        content_type="application/json",
        message_id=uuid4().hex,
        correlation_id=f"C-{body['REF']}",
        reply_expected=True,
    )


class Bridge:
    """The bridge's end of the bus, with handlers that only write down."""

    def __init__(self, link: RabbitLink, topology: Topology) -> None:
        self.messages: list[WfmMessage] = []
        self.replies: list[WfmMessage] = []
        self.bus = RabbitCommandBus(link, topology)
        self.inbound = InboundConsumer(
            link,
            topology,
            "acme",
            self.hear,
            exchange="acme.wfm.events",
            bindings=("job.*",),
            prefetch=500,
            clock=lambda: NOW,
            new_id=lambda: uuid4().hex,
        )
        self.reply = ReplyConsumer(link, topology, self.hear_reply, clock=lambda: NOW)

    async def hear(self, message: WfmMessage) -> None:
        self.messages.append(message)

    async def hear_reply(self, reply: WfmMessage) -> None:
        self.replies.append(reply)

    @property
    def stats(self) -> list[str]:
        return [orjson.loads(message.body)["STAT"] for message in self.messages]


@pytest.fixture
async def link() -> AsyncIterator[RabbitLink]:
    link = RabbitLink(IN_MEMORY_URL)
    await link.start()
    yield link
    await link.stop()


@pytest.fixture
async def wfm(link: RabbitLink) -> AsyncIterator[SimulatedWfm]:
    wfm = SimulatedWfm(link.broker, "ns.", clock=lambda: NOW)
    await wfm.start()
    yield wfm
    await wfm.stop()


@pytest.fixture
async def bridge(link: RabbitLink, wfm: SimulatedWfm) -> AsyncIterator[Bridge]:
    bridge = Bridge(link, Topology(namespace="ns."))
    await bridge.reply.start()
    await bridge.inbound.start()
    yield bridge
    await bridge.inbound.stop()
    await bridge.reply.stop()


async def test_an_event_reaches_the_handler(link: RabbitLink, bridge: Bridge, wfm: SimulatedWfm) -> None:
    job = await wfm.create_job()
    await wfm.enroute(job)
    assert bridge.stats == ["NEW", "ENRT"]
    assert (bridge.messages[0].pack, bridge.messages[0].routing_key) == ("acme", "job.new")
    assert bridge.inbound.problem is None
    assert link.connected


async def test_a_command_is_answered_and_tells_of_the_change(bridge: Bridge, wfm: SimulatedWfm) -> None:
    job = await wfm.create_job()
    window = {"FROM": "2026-03-03 08:00", "TO": "2026-03-03 12:00"}
    booking = {"CONTACT": "Jo", "PHONE": "1", "REMARK": ""}
    await bridge.bus.publish(command("cmd.book", CMD="BOOKVIS", REF="1", JOB_NO=job, SLOT_ID="", **window, **booking))
    await eventually(lambda: bridge.replies and len(bridge.messages) == 2)
    [reply] = bridge.replies
    assert reply.correlation_id == "C-1"
    assert orjson.loads(reply.body) == {"RC": "00", "REF": "1", "VISIT_NO": "V-0001", "TXT": "OK"}
    assert bridge.stats == ["NEW", "SCHD"]


async def test_a_handler_may_publish_a_command_while_it_handles_an_event(
    link: RabbitLink, bridge: Bridge, wfm: SimulatedWfm
) -> None:
    """The event's handler waits for the command to be taken, which must not wait for the event's handler."""

    async def note_it(message: WfmMessage) -> None:
        job = orjson.loads(message.body)["JOB_NO"]
        await bridge.bus.publish(command("cmd.note", CMD="ADDNOTE", REF="2", JOB_NO=job, TEXT="hello"))

    bridge.hear = note_it  # type: ignore[method-assign]
    inbound = InboundConsumer(
        link,
        Topology(namespace="ns."),
        "other",
        note_it,
        exchange="acme.wfm.events",
        bindings=("job.*",),
        prefetch=500,
        clock=lambda: NOW,
        new_id=lambda: "x",
    )
    await inbound.start()
    job = await asyncio.wait_for(wfm.create_job(), PATIENCE_S)
    await eventually(lambda: wfm.acme.job(job).notes == ["hello"])
    await inbound.stop()


async def test_a_handler_that_raises_does_not_reach_the_publisher(link: RabbitLink, wfm: SimulatedWfm) -> None:
    async def fail(message: WfmMessage) -> None:
        raise ValueError("a defect")

    consumer = InboundConsumer(
        link,
        Topology(namespace="ns."),
        "acme",
        fail,
        exchange="acme.wfm.events",
        bindings=("#",),
        prefetch=500,
        clock=lambda: NOW,
        new_id=lambda: "x",
        requeue_pause_s=0,
    )
    await consumer.start()
    assert await wfm.create_job()
    await consumer.stop()


async def test_a_command_for_nobody_is_not_routed(bridge: Bridge) -> None:
    with pytest.raises(NotRouted):
        await bridge.bus.publish(command("other.key", CMD="X", REF="3"))


@pytest.mark.parametrize(
    ("answers", "written", "answer"),
    [
        (
            Answers("acme.answers"),
            orjson.dumps({"CMD": "CANVIS", "REF": "17", "JOB_NO": "J-0", "VISIT_NO": ""}),
            b'{"RC":"44","REF":"17","TXT":"NO SUCH JOB"}',
        ),
        (
            Answers("acme.answers", xml=True),
            b"<COMMAND><CMD>CANVIS</CMD><REF>17</REF><JOB_NO>J-0</JOB_NO><VISIT_NO/></COMMAND>",
            b"<ANSWER><RC>44</RC><REF>17</REF><TXT>NO SUCH JOB</TXT></ANSWER>",
        ),
    ],
    ids=["json", "xml"],
)
async def test_answers_come_to_a_fixed_queue(link: RabbitLink, answers: Answers, written: bytes, answer: bytes) -> None:
    """Without a correlation id, whatever the command says of a queue for them."""
    wfm, fixed = SimulatedWfm(link.broker, "ns.", answers=answers), OwnReplies("acme", "acme.answers")
    topology, heard = Topology(namespace="ns."), list[WfmMessage]()

    async def hear(reply: WfmMessage) -> None:
        heard.append(reply)

    consumer = ReplyConsumer(link, topology, hear, fixed, clock=lambda: NOW)
    await wfm.start()
    await consumer.start()
    bus = RabbitCommandBus(link, topology, [fixed])
    await bus.publish(replace(command("cmd.cancel", REF="17"), body=written))
    await eventually(lambda: heard)
    assert [(reply.pack, reply.body, reply.correlation_id == "C-17") for reply in heard] == [("acme", answer, False)]
    await consumer.stop()
    await wfm.stop()
