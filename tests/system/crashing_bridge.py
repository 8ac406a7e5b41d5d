"""The real bridge, killed by itself (SIGKILL, so that nothing is put in order) at one exact point.

`python -m tests.system.crashing_bridge <point>` replaces one function of the bridge by one that kills the process when
the point is reached, and then runs `serve` as ever. Messages of the WFM count when they say that work has started.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any, Never

from aio_pika import IncomingMessage

from bridge.cli import main
from bridge.delivery import worker
from bridge.delivery.webhook import prepare
from bridge.flows.commands import Commands
from bridge.flows.job_updates import JobUpdates
from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.ports.journal_entry import JournalEntry, WfmMessage
from bridge.flows.ports.webhook_delivery import Delivery
from bridge.flows.work import Work
from bridge.mef.enums import EventType
from bridge.store.unit_of_work import UnitOfWork
from bridge.wfm.gateway import RabbitCommandBus
from bridge.wfm.partitions import Partitioner

MARK = b'"STAT":"WIP"'
"""What the WFM's message says at which (or at whose notification) the bridge dies."""

BOOKING = "cmd.book"


def die(point: str) -> Never:
    os.write(sys.stderr.fileno(), f"killed: {point}\n".encode())
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def passed_on_not_acked(point: str) -> None:
    """The partition has the message; the inbound queue does not know."""
    pass_on = Partitioner._pass_on

    async def passing_on(self: Partitioner, messages: Sequence[IncomingMessage]) -> Sequence[None]:
        done = await pass_on(self, messages)
        if any(MARK in message.body for message in messages):
            die(point)
        return done

    Partitioner._pass_on = passing_on  # type: ignore[method-assign]


def received_not_committed(point: str) -> None:
    """All is written, nothing is committed."""
    record = UnitOfWork.record

    async def recording(self: UnitOfWork, entries: Sequence[JournalEntry]) -> None:
        await record(self, entries)
        if any(MARK in entry.raw.body for entry in entries):
            await self.flush()
            die(point)

    UnitOfWork.record = recording  # type: ignore[method-assign]


def committed_not_acked(point: str) -> None:
    """The commit is done, RabbitMQ does not know."""
    handle = JobUpdates.handle

    async def handling(self: JobUpdates, message: WfmMessage) -> None:
        await handle(self, message)
        if MARK in message.body:
            die(point)

    JobUpdates.handle = handling  # type: ignore[method-assign]


def held_not_acked(point: str) -> None:
    """The WFM's cancellation of a visit is held for a superseding message; RabbitMQ does not know that it was taken."""
    handle = JobUpdates.handle

    async def handling(self: JobUpdates, message: WfmMessage) -> None:
        await handle(self, message)
        if b'"STAT":"VCAN"' in message.body:
            die(point)

    JobUpdates.handle = handling  # type: ignore[method-assign]


class Starts:
    """Tells which delivery is the first of the started work: the second status change of an Appointment."""

    def __init__(self) -> None:
        self._changes = 0

    def begins(self, delivery: Delivery) -> bool:
        self._changes += delivery.event_type is EventType.APPOINTMENT_STATUS_CHANGE
        return self._changes == 2


def claimed_not_sent(point: str) -> None:
    """The notification is committed and claimed; the listener hears nothing."""
    starts = Starts()

    def preparing(delivery: Delivery, *rest: Any) -> Any:
        if starts.begins(delivery):
            die(point)
        return prepare(delivery, *rest)

    worker.prepare = preparing  # type: ignore[attr-defined]


def sent_not_settled(point: str) -> None:
    """The listener has taken the notification; we have not noted it."""
    settle, starts = worker.DeliveryWorker._settle, Starts()

    async def settling(self: worker.DeliveryWorker, delivery: Delivery, settlement: Any) -> None:
        if starts.begins(delivery):
            die(point)
        await settle(self, delivery, settlement)

    worker.DeliveryWorker._settle = settling  # type: ignore[method-assign]


def published_not_answered(point: str) -> None:
    """RabbitMQ has confirmed the booking's command; its answer is still to come."""
    publish = RabbitCommandBus.publish

    async def publishing(self: RabbitCommandBus, message: BusMessage) -> None:
        await publish(self, message)
        if message.routing_key == BOOKING:
            die(point)

    RabbitCommandBus.publish = publishing  # type: ignore[method-assign]


def answered_not_committed(point: str) -> None:
    """The WFM has accepted the booking, we have decided on it, nothing is committed."""
    write = Work._write

    async def writing(self: Work, tx: UnitOfWork) -> None:
        await write(self, tx)
        if any(step.settlement is not None for step in self._steps):
            await tx.flush()
            die(point)

    Work._write = writing  # type: ignore[method-assign, assignment]


def booked_not_acked(point: str) -> None:
    """The booking is committed; RabbitMQ does not know that its answer was taken."""
    handle = Commands.handle_reply

    async def handling(self: Commands, message: WfmMessage) -> None:
        booking = b'"VISIT_NO"' in message.body
        await handle(self, message)
        if booking:
            die(point)

    Commands.handle_reply = handling  # type: ignore[method-assign]


POINTS: dict[str, Callable[[str], None]] = {
    point.__name__: point
    for point in (
        passed_on_not_acked,
        received_not_committed,
        committed_not_acked,
        held_not_acked,
        claimed_not_sent,
        sent_not_settled,
        published_not_answered,
        answered_not_committed,
        booked_not_acked,
    )
}


def command(point: Callable[[str], None]) -> tuple[str, ...]:
    """The arguments of Python that start this script."""
    return ("-m", __name__, point.__name__)


if __name__ == "__main__":
    chosen = sys.argv[1]
    POINTS[chosen](chosen)
    sys.argv[1:] = ["serve"]
    main()
