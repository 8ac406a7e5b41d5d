"""What a command to the WFM may speak of, and the names a pack calls it by."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from bridge.domain.model import Appointment, Command, CommandId, CommandKind, Job, JobRef, TicketStatus, WorkOrder
from bridge.domain.patch import apply_patch
from bridge.mapping import document
from bridge.mapping.document.base import field_column, field_name
from bridge.mapping.reading.fields import Record, compile_field, recalled_field
from bridge.mapping.reading.references import field_lookups, reference_getter
from bridge.mef.enums import ContactRole
from bridge.mef.models import AppointmentCreate, AppointmentUpdate, Note, RelatedContactInformation, TimePeriod


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandContext:
    """Everything known when a command is rendered.

    `correlation` is what the reply is known by, where that is not `command`. `slot` is the token of the offered slot,
    empty where there was none. `contacts` are the Buyer's, and so are the `notes` on a booking. `window` is the one
    asked for; of a search for several `periods`, from the first to the last of them. `record` is what is remembered of
    the job, by field. `each` is what something repeated is being written for.
    """

    command: CommandId
    correlation: str | None = None
    job: JobRef
    work_order: WorkOrder
    appointment: Appointment | None = None
    visit: str | None = None
    window: TimePeriod | None = None
    slot: Mapping[str, object] = field(default_factory=dict)
    contacts: tuple[RelatedContactInformation, ...] = ()
    notes: tuple[Note, ...] = ()
    periods: tuple[TimePeriod, ...] = ()
    each: object = None
    record: Mapping[str, object] = field(default_factory=dict)
    note: str | None = None
    ticket: str | None = None
    ticket_status: TicketStatus | None = None
    now: datetime

    @property
    def correlation_id(self) -> str:
        """What the reply to this command is known by."""
        return self.correlation or self.command


def context_of(
    command: Command, job: Job, work_order: WorkOrder, appointment: Appointment | None, slot: Mapping[str, object]
) -> CommandContext:
    """Say what is known when a Buyer's command is written. `appointment` is the one it concerns."""
    contacts, notes = _said(command.request, appointment)
    return CommandContext(
        command=command.id,
        job=command.job,
        work_order=work_order,
        appointment=appointment,
        visit=command.visit,
        window=command.window or (appointment.valid_for if appointment is not None else None),
        slot=slot,
        contacts=contacts,
        notes=notes,
        record=job.record,
        note="\n".join(note.text for note in notes) or None,
        now=command.created_at,
    )


def _said(
    request: AppointmentCreate | AppointmentUpdate | None, appointment: Appointment | None
) -> tuple[tuple[RelatedContactInformation, ...], tuple[Note, ...]]:
    """Give the contacts and the notes that a Buyer's request leads to."""
    if isinstance(request, AppointmentCreate):
        return request.related_contact_information, request.note or ()
    if appointment is None:
        return (), ()
    return (apply_patch(appointment, request) if request is not None else appointment).contacts, ()


Find = Callable[[CommandContext], object]


class Type(Enum):
    """What a reference gives, as far as a template must know it."""

    TEXT = "text"
    MOMENT = "a date and time"
    ANY = "any value"


@dataclass(frozen=True, slots=True)
class Reference:
    """A compiled reference. `certain_for` lists the commands for which it is never absent."""

    find: Find
    type: Type
    certain_for: frozenset[CommandKind]


_ALWAYS = frozenset(CommandKind)
_WITH_WINDOW = frozenset({CommandKind.SEARCH, CommandKind.BOOK, CommandKind.RESCHEDULE})
_WITH_APPOINTMENT = frozenset({CommandKind.RESCHEDULE})
_NEVER: frozenset[CommandKind] = frozenset()
_NOTE = frozenset({CommandKind.NOTE})
_TICKET = frozenset({CommandKind.TICKET})

_FIXED: Mapping[str, Reference] = {
    "command": Reference(lambda c: c.command, Type.TEXT, _ALWAYS),
    "correlation": Reference(lambda c: c.correlation_id, Type.TEXT, _ALWAYS),
    "job": Reference(lambda c: c.job.key, Type.TEXT, _ALWAYS),
    "work_order": Reference(lambda c: c.work_order.id, Type.TEXT, _ALWAYS),
    "buyer": Reference(lambda c: c.work_order.buyer, Type.TEXT, _ALWAYS),
    "appointment": Reference(lambda c: c.appointment.id if c.appointment else None, Type.TEXT, _WITH_APPOINTMENT),
    "visit": Reference(lambda c: c.visit, Type.TEXT, _NEVER),
    "window.start": Reference(lambda c: c.window.start_date_time if c.window else None, Type.MOMENT, _WITH_WINDOW),
    "window.end": Reference(lambda c: c.window.end_date_time if c.window else None, Type.MOMENT, _WITH_WINDOW),
    "note": Reference(lambda c: c.note, Type.TEXT, _NOTE),
    "ticket": Reference(lambda c: c.ticket, Type.TEXT, _TICKET),
    "ticket_status": Reference(lambda c: c.ticket_status, Type.TEXT, _TICKET),
    "now": Reference(lambda c: c.now, Type.MOMENT, _ALWAYS),
}
_CONTACT = re.compile(r"contact\.([A-Za-z]+)\.([A-Za-z_]+)")
CONTACT_ROLES = (ContactRole.BUYER_APPOINTMENT, ContactRole.APPOINTMENT_PLACE, ContactRole.SELLER_APPOINTMENT)
_SURE = ("name", "number", "email_address")
CONTACT_ATTRIBUTES = ("name", "number", "email_address", "number_extension", "organization")


@dataclass(frozen=True, slots=True)
class Each:
    """Things that something in a command is written for; `kinds` are the commands that have them."""

    find: Callable[[CommandContext], Sequence[object]]
    attributes: Mapping[str, Reference]
    kinds: frozenset[CommandKind]


def _each(attribute: str, type_: Type, certain_for: frozenset[CommandKind] = _ALWAYS) -> Reference:
    return Reference(lambda context: getattr(context.each, attribute), type_, certain_for)


EACH: Mapping[str, Each] = {
    "notes": Each(
        lambda c: c.notes,
        {
            "text": _each("text", Type.TEXT),
            "author": _each("author", Type.TEXT),
            "date": _each("date", Type.MOMENT),
            "id": _each("id", Type.TEXT),
        },
        frozenset({CommandKind.BOOK, CommandKind.RESCHEDULE}),
    ),
    "periods": Each(
        lambda c: c.periods,
        {"start": _each("start_date_time", Type.MOMENT), "end": _each("end_date_time", Type.MOMENT)},
        frozenset({CommandKind.SEARCH}),
    ),
    "contacts": Each(
        lambda c: c.contacts,
        {
            "role": _each("role", Type.TEXT),
            **{name: _each(name, Type.TEXT, _ALWAYS if name in _SURE else _NEVER) for name in CONTACT_ATTRIBUTES},
        },
        frozenset({CommandKind.BOOK, CommandKind.RESCHEDULE}),
    ),
}
_OF_EACH = {f"each.{name}": reference for each in EACH.values() for name, reference in each.attributes.items()}
_SLOT = re.compile(r"slot\.([a-z][a-z0-9_]*)")

NAMES = (
    *_FIXED,
    "field.<name>",
    "field.<name>.<column>",
    "slot.<name>",
    "contact.<role>.<attribute>",
    "each.<attribute>",
)


def find_reference(name: str) -> Reference | None:
    """Compile a reference by its name in a pack; None where there is no such thing."""
    if name in _FIXED:
        return _FIXED[name]
    if name in _OF_EACH:
        return _OF_EACH[name]
    if match := _SLOT.fullmatch(name):
        return Reference(_slot(match[1]), Type.ANY, _NEVER)
    if field_name(name) is not None:
        return Reference(_never, Type.ANY, _NEVER)
    if match := _CONTACT.fullmatch(name):
        return Reference(_contact(match[1], match[2]), Type.TEXT, _NEVER)
    return None


def slot_name(reference: str) -> str | None:
    """Give the token's name in `slot.<name>`."""
    match = _SLOT.fullmatch(reference)
    return match[1] if match else None


def contact_parts(reference: str) -> tuple[str, str] | None:
    """Give the role and the attribute in `contact.<role>.<attribute>`."""
    match = _CONTACT.fullmatch(reference)
    return (match[1], match[2]) if match else None


def _never(_: CommandContext) -> None:
    """What is remembered of a field is found as its pack reads it: `compile_remembered`."""


def _slot(name: str) -> Find:
    return lambda context: context.slot.get(name)


def _contact(role: str, attribute: str) -> Find:
    def find(context: CommandContext) -> object:
        for contact in context.contacts:
            if contact.role == role:
                return getattr(contact, attribute)
        return None

    return find


def compile_remembered(pack: document.PackDocument) -> Mapping[str, Callable[[Record], object]]:
    """Make what finds the fields that commands and replies ask for, by their names there.

    These are `field.<name>` and `field.<name>.<column>`. It gives what the job's messages said of a field before, typed
    as in a message.
    """
    return {reference: _remembered(reference, pack) for reference in pack.field_references}


def _remembered(reference: str, pack: document.PackDocument) -> Callable[[Record], object]:
    name, column = field_name(reference) or "", field_column(reference)
    recall = recalled_field(compile_field(name, pack.fields[name], pack))
    if column is None:
        return recall
    get = reference_getter(f"{name}.{column}", field_lookups(pack))
    return lambda record: get({name: recall(record)})
