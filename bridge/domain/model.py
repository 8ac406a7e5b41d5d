"""The values the core decides on. All are frozen: a decision returns new ones and changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple, NewType

from bridge.domain.ages import Age, Ages, VisitAge, highest
from bridge.domain.appointment import OPEN
from bridge.domain.replacing import replace
from bridge.mef.enums import AppointmentStatus, Error422Code, EventType, WorkOrderState
from bridge.mef.models import (
    AppointmentCreate,
    AppointmentUpdate,
    AttachmentValue,
    Note,
    Place,
    RelatedContactInformation,
    RelatedEntity,
    TimeDuration,
    TimePeriod,
)

WorkOrderId = NewType("WorkOrderId", str)
AppointmentId = NewType("AppointmentId", str)
BuyerId = NewType("BuyerId", str)
CommandId = NewType("CommandId", str)
MessageId = NewType("MessageId", str)


CONTENT_TYPE: Final = "content-type"
CONTENT_ENCODING: Final = "content-encoding"
"""Headers that stand for AMQP's properties of these names: they say how the body of a message is written."""


class JobRef(NamedTuple):
    """A job of one WFM: the pack that speaks to it and the WFM's own key."""

    pack: str
    key: str


class Ids(NamedTuple):
    """Fresh identifiers a decision may use; making them is the caller's business."""

    work_order: WorkOrderId
    appointment: AppointmentId


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOrderDetails:
    """What the Buyer sees of a WorkOrder besides its state (7.2.2.1).

    `bookable` he only learns by trying: whether he may book a visit for it.
    """

    place: tuple[Place, ...]
    duration: TimeDuration
    contacts: tuple[RelatedContactInformation, ...]
    related_entity: tuple[RelatedEntity, ...]
    task: tuple[str, ...]
    note: tuple[Note, ...] = ()
    planned_execution_date: datetime | None = None
    bookable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOrder:
    """A WorkOrder as the bridge keeps it. `appointments` lists all of its Appointments, oldest first."""

    id: WorkOrderId
    job: JobRef
    buyer: BuyerId
    state: WorkOrderState
    appointment_required: bool
    details: WorkOrderDetails
    appointments: tuple[AppointmentId, ...] = ()
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """An Appointment as the bridge keeps it.

    `visit` is the WFM's own reference of the visit, where it has one. `disregarded_window` is a window that the WFM may
    still announce for this visit without saying anything new: what `valid_for` was before the Buyer's last reschedule,
    or, on a cancelled Appointment, where the Seller moved the visit to by itself (R27).
    """

    id: AppointmentId
    work_order: WorkOrderId
    buyer: BuyerId
    status: AppointmentStatus
    valid_for: TimePeriod
    place: Place
    contacts: tuple[RelatedContactInformation, ...]
    note: tuple[Note, ...] = ()
    attachment: tuple[AttachmentValue, ...] = ()
    visit: str | None = None
    disregarded_window: TimePeriod | None = None
    created_at: datetime
    changed_at: datetime

    @property
    def window(self) -> TimePeriod:
        """The window of its visit."""
        return self.valid_for

    @property
    def moved_window(self) -> TimePeriod | None:
        """The window in which the WFM still has a visit that its Seller moved (R27); None where it has none.

        For the Buyer the Appointment is cancelled and he was asked to book again. His next booking moves this visit,
        because the WFM has one already.
        """
        cancelled = self.status is AppointmentStatus.CANCELLED and self.visit is not None
        return self.disregarded_window if cancelled else None


class CommandKind(StrEnum):
    """What the bridge can ask of a WFM. The values are the keys of a pack's `commands`."""

    SEARCH = "search"
    BOOK = "book"
    RESCHEDULE = "reschedule"
    CANCEL = "cancel"
    NOTE = "note"
    TICKET = "ticket"


class CommandState(StrEnum):
    """How far a command is. All but `pending` are final; `failed` was never handed to the broker."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    EXPIRED = "expired"
    COMPENSATED = "compensated"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A Buyer's request on its way to the WFM, kept durably from before it is sent.

    `window` is the window asked for (book, reschedule). `visit` is the WFM's reference of the visit, as far as known.
    `expires_at` is when the Buyer is told 504. `appointment` is the one to change; on a booking, the one whose visit
    the WFM still holds after the Seller moved it (R27). `correlation_id` is the one of the Buyer's request;
    notifications of the outcome carry it on. A compensated booking whose visit may still stand in the WFM was asked
    back `tries` times and will be again at `try_again_at`, which is None once the visit is known to be gone. The WFM
    may repeat a command that it has accepted, or not answered in time, until `echo_until`, which is None once it has.
    """

    id: CommandId
    kind: CommandKind
    job: JobRef
    work_order: WorkOrderId
    buyer: BuyerId
    state: CommandState = CommandState.PENDING
    appointment: AppointmentId | None = None
    window: TimePeriod | None = None
    request: AppointmentCreate | AppointmentUpdate | None = None
    visit: str | None = None
    correlation_id: str = ""
    created_at: datetime
    expires_at: datetime
    tries: int = 0
    try_again_at: datetime | None = None
    echo_until: datetime | None = None

    @property
    def asked_as(self) -> CommandKind:
        """The pack's command that asks the WFM for it."""
        if self.kind is CommandKind.BOOK and self.appointment is not None:
            return CommandKind.RESCHEDULE
        return self.kind

    @property
    def is_pending(self) -> bool:
        """Is its reply still awaited?"""
        return self.state is CommandState.PENDING


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All that a decision needs to know of one job: the aggregate.

    `appointment` is the open one, else the latest. `ended_appointments` are the others. `versions` holds the highest
    version applied per object key ("job" or one the pack declares). `record` is the last known WFM record, onto which
    deltas merge; `field_versions` is the age of each of its fields, and `ages` are those of its states and visits.
    `commands` are the outstanding ones: pending, or come to nothing so lately that the WFM may still speak of them.
    `granted` are those that it accepted and may yet repeat in a message of its own. `open_siblings` counts other
    WorkOrders of the same trouble ticket that have not ended. `holds`: messages of it are held for a superseding one.
    """

    ref: JobRef
    work_order: WorkOrder | None = None
    appointment: Appointment | None = None
    ended_appointments: tuple[Appointment, ...] = ()
    versions: Mapping[str, int] = field(default_factory=dict)
    record: Mapping[str, object] = field(default_factory=dict)
    field_versions: Mapping[str, Age] = field(default_factory=dict)
    ages: Ages = field(default_factory=Ages)
    commands: tuple[Command, ...] = ()
    granted: tuple[Command, ...] = ()
    open_siblings: int = 0
    holds: bool = False

    @property
    def heard(self) -> Mapping[str, int]:
        """The highest versions of all messages that came, applied or not."""
        return highest(self.versions, self.ages.heard) if self.ages.heard else self.versions

    @property
    def open_appointment(self) -> Appointment | None:
        """The Appointment that is confirmed or in progress, if any (R20: never more than one)."""
        standing = self.appointment
        return standing if standing is not None and standing.status in OPEN else None

    @property
    def appointments(self) -> tuple[Appointment, ...]:
        """All of its Appointments, the current one last."""
        return self.ended_appointments if self.appointment is None else (*self.ended_appointments, self.appointment)

    @property
    def past_appointments(self) -> tuple[Appointment, ...]:
        """Those of its Appointments that have ended, the latest first."""
        past = self.ended_appointments if self.open_appointment is not None else self.appointments
        return past[::-1]

    def find_appointment(self, id_: AppointmentId | None) -> Appointment | None:
        """Return the Appointment with this id."""
        return next((one for one in self.appointments if one.id == id_), None)

    def find_command(self, id_: CommandId) -> Command | None:
        """Return the outstanding command with this id."""
        return next((one for one in self.commands if one.id == id_), None)

    def age_of(self, appointment: Appointment) -> VisitAge:
        """Tell when the visit of an Appointment was agreed, moved or ended; by our own clock where nobody kept it."""
        known = self.ages.visits.get(appointment.id)
        return known or VisitAge(earliest=None, latest=appointment.changed_at)

    def awaits(self, *kinds: CommandKind) -> bool:
        """Tell whether the reply to a command of these kinds is still awaited."""
        return any(one.is_pending and one.kind in kinds for one in self.commands)

    def aged(self, before: "Job", age: VisitAge) -> Ages:
        """Give its ages, where the visits that are not as they were `before` came to be so at this one."""
        were = {one.id: (one.status, one.valid_for, one.disregarded_window) for one in before.appointments}
        are = {one.id: (one.status, one.valid_for, one.disregarded_window) for one in self.appointments}
        changed = [id_ for id_, is_now in are.items() if were.get(id_) != is_now]
        if not changed:
            return self.ages
        known: dict[str, VisitAge] = {**self.ages.visits, **dict.fromkeys(changed, age)}
        return replace(self.ages, visits={id_: known[id_] for id_ in are if id_ in known})

    def with_command(self, command: Command) -> "Job":
        """Take a command in: in the place of the one with its id, else as the newest."""
        if self.find_command(command.id) is None:
            return replace(self, commands=(*self.commands, command))
        return replace(self, commands=tuple(command if one.id == command.id else one for one in self.commands))

    def without_command(self, id_: CommandId) -> "Job":
        """Forget a command."""
        return replace(self, commands=tuple(one for one in self.commands if one.id != id_))


class OnIllegal(StrEnum):
    """A pack's policy for a goal that no legal path leads to."""

    PARK = "park"
    KEEP = "keep"
    FOLLOW_UP = "follow_up"


class MovedBy(StrEnum):
    """Whose doing it is that a visit has another window: the Seller's alone (R27), or agreed with the customer."""

    SELLER = "seller"
    AGREEMENT = "agreement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """Where a WFM message wants the objects to be; None leaves one alone.

    `moved_by` says who has moved the confirmed visit, where its window is another one. `if_any`: the Appointment is
    spoken of only where there is a visit, one that stands or one of which the message has the window.
    """

    work_order: WorkOrderState | None = None
    appointment: AppointmentStatus | None = None
    appointment_required: bool | None = None
    on_illegal: OnIllegal = OnIllegal.PARK
    moved_by: MovedBy = MovedBy.SELLER
    if_any: bool = False

    def is_reached(self, state: WorkOrderState | None, status: AppointmentStatus | None) -> bool:
        """Tell whether this is what the Buyer sees there."""
        has_none = self.if_any and status not in OPEN
        return self.work_order in (None, state) and (self.appointment in (None, status) or has_none)

    def where(self, *, visit: bool) -> "Goal":
        """Give the goal where there is a visit, or none."""
        if not self.if_any:
            return self
        return replace(self, appointment=self.appointment if visit else None, if_any=False)

    @property
    def names_state(self) -> bool:
        """Tell whether it says what has become of the job, and not only what is known of it."""
        return self.work_order is not None or self.appointment is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What a message says about the visit: the WFM's reference, the agreed window, the Seller's contacts and notes.

    `writes_window`: the message itself tells the window. Of a delta that does not, it is the last that the WFM told.
    `writes_ref` says the same of the reference.
    """

    ref: str | None = None
    window: TimePeriod | None = None
    writes_window: bool = True
    writes_ref: bool = True
    contacts: tuple[RelatedContactInformation, ...] = ()
    note: tuple[Note, ...] = ()

    def is_of(self, known: Appointment | Command) -> bool:
        """Tell whether it is the visit of an Appointment, or the one that a command asks for.

        By the WFM's reference where both have one, else by the window.
        """
        if known.visit is not None and self.ref is not None:
            return known.visit == self.ref
        return known.window is not None and known.window == self.window

    def names(self, known: Appointment | Command) -> bool:
        """Tell whether the message itself says that it is the visit of this."""
        ref, window = self.ref if self.writes_ref else None, self.window if self.writes_window else None
        return replace(self, ref=ref, window=window).is_of(known)

    def may_be_of(self, known: Appointment | Command) -> bool:
        """Tell whether nothing says that it is another visit: a job has one at a time, and many WFMs don't name it."""
        return known.visit is None or self.ref is None or known.visit == self.ref


@dataclass(frozen=True, slots=True, kw_only=True)
class JobUpdate:
    """A WFM message in canonical form: what a pack makes of it.

    `details` is complete (deltas are already merged). `creates` says that the message may open a WorkOrder. `rule` and
    `pack_version` name what produced it. `ties_are_stale`: a version that was applied already is old news. `flags` are
    remarks for the operator, such as an ambiguous local time. `late`: an older delta than what is applied, of which is
    left what no later one has told. `grounds` is the age of what its goal rests on, where the pack knows it; `is_own`:
    something of that is remembered of no message; `repeats`: the message tells nothing that a rule asks for. `withheld`
    says which states its goal would have named, and why it does not. `wait`: how long after its arrival it is held for
    a superseding message, which makes it never have happened.
    """

    job: JobRef
    message: MessageId
    rule: str
    pack_version: str
    goal: Goal
    details: WorkOrderDetails
    buyer: BuyerId
    creates: bool = False
    visit: Visit = field(default_factory=Visit)
    occurred_at: datetime | None = None
    versions: Mapping[str, int] = field(default_factory=dict)
    ties_are_stale: bool = False
    record: Mapping[str, object] = field(default_factory=dict)
    field_versions: Mapping[str, Age] = field(default_factory=dict)
    late: bool = False
    grounds: Age = field(default_factory=dict)
    repeats: bool = False
    is_own: bool = False
    withheld: str = ""
    wait: timedelta | None = None
    flags: tuple[str, ...] = ()

    @property
    def names_state(self) -> bool:
        """Tell whether the message itself says what has become of the job."""
        return self.goal.names_state and not self.repeats

    def has_visit(self, job: Job) -> bool:
        """Tell whether there is a visit to speak of: one that stands, or one of which the window is known."""
        return job.open_appointment is not None or self.visit.window is not None

    def moves(self, job: Job) -> bool:
        """Tell whether the message itself has another window for the visit that it says is agreed."""
        current, visit = job.open_appointment, self.visit
        is_agreed = self.goal.appointment is AppointmentStatus.CONFIRMED and visit.writes_window
        return is_agreed and current is not None and visit.window not in (None, current.valid_for)

    def takes_place_elsewhen(self, job: Job) -> bool:
        """Tell whether the message itself has another window for a visit that has begun, or that it says has."""
        current, visit = job.open_appointment, self.visit
        if current is None or not visit.writes_window or visit.window in (None, current.valid_for):
            return False
        is_over = current.status is AppointmentStatus.IN_PROGRESS or self.goal.appointment in _TAKES_PLACE
        return is_over and visit.may_be_of(current)

    def is_begun_as_agreed(self, job: Job) -> bool:
        """Tell whether it begins, or ends, the confirmed visit in another window that both sides have agreed on.

        The window that a Buyer's reschedule has left is none.
        """
        current = job.open_appointment
        if current is None or self.goal.moved_by is not MovedBy.AGREEMENT or self.goal.appointment not in _AS_AGREED:
            return False
        is_new = self.visit.window != current.disregarded_window
        return is_new and current.status is AppointmentStatus.CONFIRMED and self.takes_place_elsewhen(job)


_AS_AGREED: Final = (AppointmentStatus.IN_PROGRESS, AppointmentStatus.COMPLETED)
_TAKES_PLACE: Final = (*_AS_AGREED, AppointmentStatus.MISSED, AppointmentStatus.FAILED)


class TicketStatus(StrEnum):
    """Trouble ticket statuses the bridge asks the WFM to set (R25 and Figure 5)."""

    PENDING = "pending"
    IN_PROGRESS = "inProgress"
    RESOLVED = "resolved"


class Outcome(StrEnum):
    """What became of a WFM message."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    ECHO = "echo"
    STALE = "stale"
    IGNORED = "ignored"
    WAITING = "waiting"
    PARKED = "parked"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Transition:
    """One legal hop; `source` is None when the object was created."""

    resource: str
    id: str
    source: str | None
    target: str


@dataclass(frozen=True, slots=True)
class Notification:
    """One MEF event to be announced to the Buyer's listeners, in the order of the tuple it stands in."""

    event_type: EventType
    id: str
    buyer: BuyerId


@dataclass(frozen=True, slots=True)
class SetTicketStatus:
    """Effect: tell the WFM the new status of the trouble ticket behind a WorkOrder."""

    ticket: str
    status: TicketStatus
    work_order: WorkOrderId


@dataclass(frozen=True, slots=True)
class CancelVisit:
    """Effect: take a late-accepted booking back in the WFM, so that no ghost visit is left.

    `command` is the booking.
    """

    command: CommandId
    visit: str | None
    window: TimePeriod | None
    work_order: WorkOrderId


@dataclass(frozen=True, slots=True)
class AddNote:
    """Effect: pass a Buyer's new note on to the WFM."""

    text: str
    appointment: AppointmentId
    work_order: WorkOrderId


WfmEffect = SetTicketStatus | CancelVisit | AddNote


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a decision wants done. `job` is the state to store; the rest are effects, in order.

    `ended` is the state of the WorkOrder that a follow-up WorkOrder replaced, to be stored before `job`. `due_at` is
    given where the message is held for a superseding one: until then.
    """

    outcome: Outcome
    job: Job
    ended: Job | None = None
    reason: str = ""
    due_at: datetime | None = None
    transitions: tuple[Transition, ...] = ()
    notifications: tuple[Notification, ...] = ()
    effects: tuple[WfmEffect, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """A violated business rule, answered as an `Error422` item. `path` is a JSON Pointer into the Buyer's body."""

    code: Error422Code
    reason: str
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The WFM agreed. `visit` is its reference; `window` is what it really agreed to, when it says so.

    `version` is the one that the job has since then, when it says so: what bears a lower one was said before.
    """

    visit: str | None = None
    window: TimePeriod | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The WFM said no, translated by the pack into a code, a reason of at most 255 characters and a JSON Pointer.

    `final`: it will never say yes, as the visit has begun or is over.
    """

    code: Error422Code
    reason: str
    path: str | None = None
    final: bool = False


@dataclass(frozen=True, slots=True)
class OfferedSlot:
    """A window the WFM offers, with the token it must be booked by. MEF TimeSlots have no id.

    Of equal windows that of the lowest `rank` is taken; one without a rank comes last.
    """

    window: TimePeriod
    token: Mapping[str, object]
    rank: float | None = None


@dataclass(frozen=True, slots=True)
class Offered:
    """The WFM's answer to a search.

    A window that lies partly outside the requested period is cut to it where at least `shortest` is left; None leaves
    it out.
    """

    slots: tuple[OfferedSlot, ...]
    shortest: timedelta | None = None


Reply = Accepted | Refused | Offered
