"""What was recorded, done once more to jobs in memory: the WFM's messages, and Buyers' commands with their replies.

A command keeps the id it had. What it speaks of is that of these jobs: under another pack the Buyer might have seen
something else, and might not have been able to ask at all.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bridge.domain.model import (
    Accepted,
    Appointment,
    Command,
    CommandId,
    CommandKind,
    CommandState,
    Job,
    JobRef,
    Outcome,
    Problem,
    Refused,
    WorkOrder,
)
from bridge.domain.requests import check_booking, check_cancel, check_update
from bridge.domain.settlement import Settlement
from bridge.flows.bus_messages import to_bus_message
from bridge.flows.ports.journal_entry import RecordedEntry
from bridge.flows.replies import known_by
from bridge.mapping.commands.command import Unrenderable
from bridge.mapping.commands.context import context_of
from bridge.mapping.pack import NoSuchCommand, ReplyRead
from bridge.mef.enums import Error422Code
from bridge.mef.models import AppointmentCreate, AppointmentUpdate
from bridge.packtools.sandbox import Happened, RawMessage, Sandbox

ASKED = "asked"
"""The outcome of a command that goes to the WFM; of its reply it is the state of the command."""

NOT_ASKED = "not outstanding"
"""The outcome of a reply or a deadline, where the command was never asked or is settled."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the WFM with a name for people, and when it came."""

    name: str
    words: RawMessage
    at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """A Buyer's command as it was stored."""

    name: str
    command: Command
    at: datetime


@dataclass(frozen=True, slots=True)
class Replied:
    """The WFM's reply to a command."""

    name: str
    command: Command
    body: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Expired:
    """The deadline of a command; nothing happens to one that is settled before."""

    name: str
    command: Command
    at: datetime


Event = Message | Asked | Replied | Expired


class AnyToken(Mapping[str, object]):
    """Stands in for the token of an offered slot, which is not recorded: each member of it is its name in the pack."""

    def __getitem__(self, name: str) -> object:
        return f"slot.{name}"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def replay(book: Sandbox, event: Event) -> list[Happened]:
    """Do one thing once more; tell what came of it, first of itself, then of what waited for it.

    What is due by then has been applied before, with `take_due`.
    """
    if isinstance(event, Message):
        return book.apply(event.words, event.at)
    ref = JobRef(book.pack.name, event.command.job.key)
    if isinstance(event, Asked):
        return [_ask(book, book.job(ref), event.command, event.at)]
    known = book.job(ref).find_command(event.command.id)
    if known is None or (isinstance(event, Expired) and not known.is_pending):
        return [Happened(job=ref, outcome=NOT_ASKED)]
    if isinstance(event, Expired):
        return _settled(*book.expire(known, event.at))
    return _reply(book, book.job(ref), known, event.body, event.at)


def _ask(book: Sandbox, job: Job, recorded: Command, now: datetime) -> Happened:
    if job.work_order is None:
        return _impossible(job, "there is no WorkOrder")
    appointment = book.concerned(job, recorded.kind)
    command = _of_this_book(job, job.work_order, recorded, appointment)
    problems = _problems(job, command, appointment, now)
    if problems:
        return _impossible(job, problems[0].reason)
    try:
        context = context_of(command, job, job.work_order, appointment, AnyToken())
        sent = to_bus_message(book.pack, command.asked_as, context, cause="")
    except (NoSuchCommand, Unrenderable) as error:
        return _impossible(job, str(error))
    book.put(job.with_command(command))
    return Happened(job=job.ref, outcome=ASKED, commands=(sent,))


def _impossible(job: Job, why: str) -> Happened:
    return Happened(job=job.ref, outcome=f"not possible: {why}", reason=why)


def _of_this_book(job: Job, work_order: WorkOrder, recorded: Command, appointment: Appointment | None) -> Command:
    return replace(
        recorded,
        job=job.ref,
        work_order=work_order.id,
        buyer=work_order.buyer,
        state=CommandState.PENDING,
        appointment=appointment.id if appointment is not None else None,
        visit=appointment.visit if appointment is not None else None,
        tries=0,
        try_again_at=None,
        echo_until=None,
    )


def _problems(job: Job, command: Command, appointment: Appointment | None, now: datetime) -> list[Problem]:
    request = command.request
    if command.kind is CommandKind.BOOK and isinstance(request, AppointmentCreate):
        return check_booking(job, request, now)
    if appointment is None:
        return [_NO_APPOINTMENT]
    if isinstance(request, AppointmentUpdate):
        return check_update(job, appointment, request, frozenset({"validFor"}), now)
    return check_cancel(job, appointment)


_NO_APPOINTMENT = Problem(Error422Code.OTHER_ISSUE, "there is no Appointment")


def _reply(book: Sandbox, job: Job, command: Command, body: bytes, now: datetime) -> list[Happened]:
    read = book.pack.read_reply(command.asked_as, body, job.record)
    if not isinstance(read, ReplyRead):
        return [Happened(job=job.ref, outcome=Outcome.PARKED, reason=read.reason)]
    if not isinstance(read.reply, Accepted | Refused):
        return [Happened(job=job.ref, outcome=Outcome.PARKED, reason="not a reply to this command")]
    return _settled(*book.settle(command, read.reply, now))


def _settled(settlement: Settlement, happened: Sequence[Happened]) -> list[Happened]:
    return [replace(happened[0], outcome=_outcome(settlement)), *happened[1:]]


def _outcome(settlement: Settlement) -> str:
    problems = "; ".join(f"{one.code} {one.path or ''}: {one.reason}" for one in settlement.problems)
    return f"{settlement.command.state}: {problems}" if problems else str(settlement.command.state)


_OF_COMMANDS = ("commands.", "replies.")
"""How the rules begin of journal entries that are about commands; no rule of a pack has a dot."""

_ORDER = (Message, Asked, Replied, Expired)


def events_of(entries: Sequence[RecordedEntry], commands: Sequence[Command]) -> list[Event]:
    """Put what was recorded of one pack in order. What never reached the broker did not happen."""
    asked = {command.id: command for command in commands if command.state is not CommandState.FAILED}
    in_order = sorted(entries, key=lambda one: one.number)
    events = [*_messages(in_order), *_replies(in_order, asked), *_deadlines(asked)]
    return sorted(events, key=lambda event: (event.at, _ORDER.index(type(event))))


def _messages(entries: Sequence[RecordedEntry]) -> list[Event]:
    """The parts of one message have an entry each, and so has a message that was parked and taken up again."""
    found = {
        (entry.raw.body, entry.raw.received_at): Message(
            f"no. {recorded.number}",
            RawMessage(body=entry.raw.body, routing_key=entry.raw.routing_key, headers=entry.raw.headers),
            entry.raw.received_at,
        )
        for recorded in entries
        if not ((entry := recorded.entry).rule or "").startswith(_OF_COMMANDS)
    }
    return list(found.values())


def _replies(entries: Sequence[RecordedEntry], asked: Mapping[CommandId, Command]) -> list[Event]:
    """Those that could not be read count, too: another pack may read them."""
    return [
        Replied(f"no. {recorded.number}", command, entry.raw.body, entry.raw.received_at)
        for recorded in entries
        if ((entry := recorded.entry).rule or "").startswith(_OF_COMMANDS)
        and not (known := known_by(entry.raw.correlation_id)).is_compensation
        and (command := asked.get(known.command)) is not None
    ]


def _deadlines(asked: Mapping[CommandId, Command]) -> list[Event]:
    events: list[Event] = []
    for command in asked.values():
        name = f"{command.kind} {command.id}"
        events.append(Asked(name, command, command.created_at))
        if command.state is not CommandState.PENDING:
            events.append(Expired(f"deadline of {name}", command, command.expires_at))
    return events
