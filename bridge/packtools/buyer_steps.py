"""What a Buyer asks for in a case: what the bridge refuses, the command that the pack writes, what the reply settles.

A wish is judged by the rules of the running bridge (`domain/requests.py`) before anything is written. Where the case
gives no reply, the WFM did not answer in time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import orjson
from pydantic import JsonValue

from bridge.domain.model import (
    Appointment,
    Command,
    CommandId,
    CommandKind,
    Decision,
    Job,
    Offered,
    OfferedSlot,
    Outcome,
    Problem,
    Refused,
    Reply,
    WorkOrder,
)
from bridge.domain.offers import available, moved_offer
from bridge.domain.patch import BUYER_ROLES, apply_patch, news_for_wfm
from bridge.domain.requests import UNKNOWN_WORK_ORDER, check_booking, check_cancel, check_search, check_update
from bridge.domain.settlement import Settlement
from bridge.flows.bus_messages import to_bus_message
from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.wishes import NOT_AVAILABLE
from bridge.mapping.commands.command import Unrenderable
from bridge.mapping.commands.context import context_of
from bridge.mapping.pack import NoSuchCommand, ReplyRead
from bridge.mef.enums import BuyerSeller
from bridge.mef.models import (
    AppointmentCreate,
    AppointmentUpdate,
    Note,
    RelatedContactInformation,
    SearchTimeSlotCreate,
    TimePeriod,
    TimeSlot,
    WorkOrderRef,
)
from bridge.packtools.cases import Buyer, Step
from bridge.packtools.sandbox import Happened, Sandbox

_TIMEOUT = timedelta(seconds=10)


REFUSED: Final = "refused"
"""The outcome of a wish that the bridge itself refuses: the WFM is asked nothing."""

INTERNAL_ERROR: Final = "internalError"
"""The code of 500 (MEF 137, 7.1.1.12): the pack can't write the command."""

NOT_FOUND: Final = "notFound"
"""The code of 404 (7.1.1.8): there is no Appointment that the Buyer could name."""

Wish = SearchTimeSlotCreate | AppointmentCreate | AppointmentUpdate | None


@dataclass(frozen=True, slots=True)
class Failure:
    """What the Buyer is told where he gets an error: the standard's code, the reason, a JSON Pointer into his body."""

    code: str
    reason: str
    path: str | None = None


@dataclass(frozen=True, slots=True)
class StepEffect:
    """What became of a wish: what happened, and what the Buyer is told.

    `caught_up` is what had waited behind messages that the WFM's reply superseded, then what waited for the reply.
    """

    happened: Happened
    failure: Failure | None = None
    slots: tuple[OfferedSlot, ...] = ()
    caught_up: tuple[Happened, ...] = ()


def ask(book: Sandbox, step: Step, wish: Buyer, now: datetime) -> StepEffect:
    """Carry out a Buyer's wish on the job of the step, or on the only job there is, unless the bridge refuses it."""
    job = _job(book, step.job)
    if job is None:
        return _no_job(book, step.job)
    if job.work_order is None:
        return _refused(job, _failure(UNKNOWN_WORK_ORDER))
    kind, window = _kind(wish)
    request = _request(kind, wish, window, job, job.work_order, now)
    failure = _check(job, job.work_order, request, now) or _check_offer(book, job, wish, window, kind)
    if failure is not None:
        return _refused(job, failure)
    if kind is CommandKind.NOTE:
        return _patched(book, job, request, now)
    appointment = book.concerned(job, kind)
    command = _command(book, job.work_order, kind, window, appointment, request, now)
    context = context_of(command, job, job.work_order, appointment, _token(book, job, wish, window))
    if kind is CommandKind.SEARCH and window is not None:
        context = replace(context, periods=(window,))
    try:
        sent = to_bus_message(book.pack, command.asked_as, context, cause="")
    except (NoSuchCommand, Unrenderable) as error:
        return _refused(job, Failure(INTERNAL_ERROR, str(error)))
    return _with_command(_settled(book, job, command, step, now), sent)


def _job(book: Sandbox, key: str | None) -> Job | None:
    found = [job for job in book.jobs.values() if key in (None, job.ref.key)]
    return found[0] if len(found) == 1 else None


def _no_job(book: Sandbox, key: str | None) -> StepEffect:
    known = ", ".join(ref.key for ref in book.jobs)
    reason = f"there is no such job; known: {known}" if key is not None else f"name a job with `job`; known: {known}"
    return StepEffect(Happened(job=None, outcome=Outcome.PARKED, reason=reason if known else "there is no job yet"))


def _refused(job: Job, failure: Failure) -> StepEffect:
    return StepEffect(Happened(job=job.ref, outcome=REFUSED, reason=failure.reason), failure)


def _failure(problem: Problem) -> Failure:
    return Failure(str(problem.code), problem.reason, problem.path)


# What the bridge refuses by itself: its use cases judge by the same rules (`flows/wishes.py`, `flows/time_slots.py`)


def _check(job: Job, work_order: WorkOrder, request: Wish, now: datetime) -> Failure | None:
    """Give the first rule that the wish breaks."""
    problems: list[Problem]
    appointment = job.appointment
    if isinstance(request, SearchTimeSlotCreate):
        problems = check_search(work_order, request, now, len(request.requested_time_slot))
    elif isinstance(request, AppointmentCreate):
        problems = check_booking(job, request, now)
    elif appointment is None:
        return Failure(NOT_FOUND, "there is no Appointment")
    elif request is not None:
        provided = frozenset(request.model_dump(by_alias=True, exclude_none=True))
        problems = check_update(job, appointment, request, provided, now)
    else:
        problems = check_cancel(job, appointment)
    return _failure(problems[0]) if problems else None


def _check_offer(book: Sandbox, job: Job, wish: Buyer, window: TimePeriod | None, kind: CommandKind) -> Failure | None:
    """Refuse a window that was never offered, where the pack says so; else it is taken as if a search had found it."""
    if kind not in (CommandKind.BOOK, CommandKind.RESCHEDULE) or book.pack.unoffered_window != "refuse":
        return None
    offered = "slot" in wish.model_fields_set or (job.ref, window) in book.offered
    return None if offered else _failure(NOT_AVAILABLE)


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
        return StepEffect(
            Happened(job=job.ref, outcome=Outcome.UNCHANGED), Failure(reply.code, reply.reason, reply.path)
        )
    return _concluded(*book.settle(command, reply, now))


def _offered(book: Sandbox, job: Job, command: Command, offered: Offered) -> StepEffect:
    """Show the slots within the window that was asked for, and remember what they are booked by."""
    moved = moved_offer(job.work_order, job.appointment) if job.work_order is not None else Offered(())
    slots = available([offered, moved], [command.window] if command.window is not None else [])
    book.offered.update({(job.ref, slot.window): slot.token for slot in slots})
    return StepEffect(Happened(job=job.ref, outcome=Outcome.UNCHANGED), slots=slots)


def _concluded(settlement: Settlement, happened: Sequence[Happened]) -> StepEffect:
    failure = _failure(settlement.problems[0]) if settlement.problems else None
    return StepEffect(happened[0], failure, caught_up=tuple(happened[1:]))


def _patched(book: Sandbox, job: Job, request: Wish, now: datetime) -> StepEffect:
    """Take a patch that only adds notes, as the bridge does by itself (`flows/appointments.py`); the WFM is told."""
    if job.appointment is None or not isinstance(request, AppointmentUpdate):
        return _refused(job, Failure(NOT_FOUND, "there is no Appointment"))
    patched = replace(apply_patch(job.appointment, request), changed_at=now)
    notes = news_for_wfm(job.appointment, request)
    decision = Decision(outcome=Outcome.APPLIED, job=replace(job, appointment=patched), effects=notes)
    try:
        return StepEffect(book.adopt(decision, now)[0])
    except Unrenderable as error:
        return _refused(job, Failure(INTERNAL_ERROR, str(error)))


def _command(
    book: Sandbox,
    work_order: WorkOrder,
    kind: CommandKind,
    window: TimePeriod | None,
    appointment: Appointment | None,
    request: Wish,
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
        request=None if isinstance(request, SearchTimeSlotCreate) else request,
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
    return CommandKind.CANCEL if wish.cancel else CommandKind.NOTE, None


def _token(book: Sandbox, job: Job, wish: Buyer, window: TimePeriod | None) -> Mapping[str, object]:
    return wish.slot or book.offered.get((job.ref, window), {})


def _request(
    kind: CommandKind, wish: Buyer, window: TimePeriod | None, job: Job, work_order: WorkOrder, now: datetime
) -> Wish:
    """Say the wish as the Buyer would, by the standard; a cancellation has no body."""
    known = WorkOrderRef(id=work_order.id)
    if kind is CommandKind.SEARCH and window is not None:
        return SearchTimeSlotCreate(requested_time_slot=(TimeSlot(valid_for=window),), work_order=known)
    if kind is CommandKind.BOOK and window is not None:
        contacts, notes = _contacts(), _notes(wish, (), now)
        return AppointmentCreate(
            related_contact_information=contacts, valid_for=window, work_order=known, note=notes or None
        )
    if kind is CommandKind.CANCEL:
        return None
    before = job.appointment.note if job.appointment is not None else ()
    return AppointmentUpdate(valid_for=window, note=_notes(wish, before, now) if wish.notes else None)


def _contacts() -> tuple[RelatedContactInformation, ...]:
    """Both contacts that a booking needs (R16)."""
    return tuple(
        RelatedContactInformation(role=role, name="A Buyer", number="+1 555 0100", email_address="buyer@buyer.example")
        for role in BUYER_ROLES
    )


def _notes(wish: Buyer, before: Sequence[Note], now: datetime) -> tuple[Note, ...]:
    """Append the Buyer's notes to those that are there (R43)."""
    added = (
        Note(id=str(number), author="A Buyer", date=now, source=BuyerSeller.BUYER, text=text)
        for number, text in enumerate(wish.notes, len(before) + 1)
    )
    return (*before, *added)
