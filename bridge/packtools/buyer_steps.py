"""What a Buyer asks for in a case: the command that the pack writes for it, and what the WFM's reply settles.

Where the case gives no reply, the WFM did not answer in time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson
from pydantic import JsonValue

from bridge.domain.model import (
    Appointment,
    Command,
    CommandId,
    CommandKind,
    Job,
    Offered,
    OfferedSlot,
    Outcome,
    Problem,
    Refused,
    Reply,
    WorkOrder,
)
from bridge.domain.settlement import Settlement
from bridge.domain.time_slots import available
from bridge.flows.messages import to_bus_message
from bridge.flows.ports import BusMessage
from bridge.mapping.commands.command import Unrenderable
from bridge.mapping.commands.context import context_of
from bridge.mapping.pack import NoSuchCommand, ReplyRead
from bridge.mef.enums import BuyerSeller, ContactRole
from bridge.mef.models import AppointmentCreate, Note, RelatedContactInformation, TimePeriod, WorkOrderRef
from bridge.packtools.cases import Buyer, Step
from bridge.packtools.sandbox import Happened, Sandbox

_TIMEOUT = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class StepEffect:
    """What became of a wish: what happened, and what the Buyer is told.

    `caught_up` is what had waited behind messages that the WFM's reply superseded, then what waited for the reply.
    """

    happened: Happened
    problems: tuple[Problem, ...] = ()
    slots: tuple[OfferedSlot, ...] = ()
    caught_up: tuple[Happened, ...] = ()


def ask(book: Sandbox, step: Step, wish: Buyer, now: datetime) -> StepEffect:
    """Carry out a Buyer's wish on the job of the step, or on the only job there is."""
    job = _job(book, step.job)
    if job is None or job.work_order is None:
        return _failed("there is no such job, or it has no WorkOrder; name one with `job`")
    kind, window = _kind(wish)
    appointment = book.concerned(job, kind)
    command = _command(book, job.work_order, kind, window, appointment, now)
    slot = wish.slot or book.offered.get((job.ref, command.window), {})
    context = context_of(command, job, job.work_order, appointment, slot)
    try:
        periods = (context.window,) if kind is CommandKind.SEARCH and context.window is not None else ()
        context = replace(context, contacts=_contacts(), **_notes(wish, now), periods=periods)
        sent = to_bus_message(book.pack, command.asked_as, context, cause="")
    except (NoSuchCommand, Unrenderable) as error:
        return _failed(str(error))
    return _with_command(_settled(book, job, command, step, now), sent)


def _job(book: Sandbox, key: str | None) -> Job | None:
    found = [job for job in book.jobs.values() if key in (None, job.ref.key)]
    return found[0] if len(found) == 1 else None


def _failed(reason: str) -> StepEffect:
    return StepEffect(Happened(job=None, outcome=Outcome.PARKED, reason=reason))


def _with_command(effect: StepEffect, sent: BusMessage) -> StepEffect:
    happened = effect.happened
    return replace(effect, happened=replace(happened, commands=(sent, *happened.commands)))


def _settled(book: Sandbox, job: Job, command: Command, step: Step, now: datetime) -> StepEffect:
    if step.reply is None:
        return _concluded(*book.expire(command, now))
    read = book.pack.read_reply(command.asked_as, _body(step.reply), job.record)
    if not isinstance(read, ReplyRead):  # it is parked, and the command goes on until its deadline
        effect = _concluded(*book.expire(command, now))
        parked = replace(effect.happened, outcome=Outcome.PARKED, reason=read.reason, explanation=read.explanation)
        return replace(effect, happened=parked)
    effect = _replied(book, job, command, read.reply, now)
    return replace(effect, happened=replace(effect.happened, flags=read.flags))


def _body(reply: JsonValue) -> bytes:
    """Take a text as it stands, which is how XML is written in a case."""
    return reply.encode() if isinstance(reply, str) else orjson.dumps(reply)


def _replied(book: Sandbox, job: Job, command: Command, reply: Reply, now: datetime) -> StepEffect:
    if isinstance(reply, Offered):
        return _offered(book, job, command, reply)
    if command.kind is CommandKind.SEARCH and isinstance(reply, Refused):
        problem = Problem(reply.code, reply.reason, reply.path)
        return StepEffect(Happened(job=job.ref, outcome=Outcome.UNCHANGED), problems=(problem,))
    return _concluded(*book.settle(command, reply, now))


def _offered(book: Sandbox, job: Job, command: Command, offered: Offered) -> StepEffect:
    """Show the slots within the window that was asked for, and remember what they are booked by."""
    slots = available([offered], [command.window] if command.window is not None else [])
    book.offered.update({(job.ref, slot.window): slot.token for slot in slots})
    return StepEffect(Happened(job=job.ref, outcome=Outcome.UNCHANGED), slots=slots)


def _concluded(settlement: Settlement, happened: Sequence[Happened]) -> StepEffect:
    return StepEffect(happened[0], settlement.problems, caught_up=tuple(happened[1:]))


def _command(
    book: Sandbox,
    work_order: WorkOrder,
    kind: CommandKind,
    window: TimePeriod | None,
    appointment: Appointment | None,
    now: datetime,
) -> Command:
    return Command(
        id=CommandId(book.new_id()),
        kind=kind,
        job=work_order.job,
        work_order=work_order.id,
        buyer=work_order.buyer,
        appointment=appointment.id if appointment is not None else None,
        window=window,
        request=_request(window, work_order) if kind is CommandKind.BOOK and window is not None else None,
        visit=appointment.visit if appointment is not None else None,
        created_at=now,
        expires_at=now + _TIMEOUT,
    )


def _kind(wish: Buyer) -> tuple[CommandKind, TimePeriod | None]:
    for kind, period in (
        (CommandKind.SEARCH, wish.search),
        (CommandKind.BOOK, wish.book),
        (CommandKind.RESCHEDULE, wish.reschedule),
    ):
        if period is not None:
            return kind, TimePeriod(start_date_time=period[0], end_date_time=period[1])
    return CommandKind.CANCEL, None


def _contacts() -> tuple[RelatedContactInformation, ...]:
    """Both contacts that a booking needs (R16)."""
    return tuple(
        RelatedContactInformation(role=role, name="A Buyer", number="+1 555 0100", email_address="buyer@buyer.example")
        for role in (ContactRole.BUYER_APPOINTMENT, ContactRole.APPOINTMENT_PLACE)
    )


def _notes(wish: Buyer, now: datetime) -> dict[str, Any]:
    """Give what a command knows of the Buyer's notes: each, and all their texts."""
    notes = tuple(
        Note(id=str(number), author="A Buyer", date=now, source=BuyerSeller.BUYER, text=text)
        for number, text in enumerate(wish.notes, 1)
    )
    return {"notes": notes, "note": "\n".join(wish.notes) or None}


def _request(window: TimePeriod, work_order: WorkOrder) -> AppointmentCreate:
    return AppointmentCreate(
        related_contact_information=_contacts(), valid_for=window, work_order=WorkOrderRef(id=work_order.id)
    )
