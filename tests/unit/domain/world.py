"""A small world around the pure domain, for random histories: one job, its WFM, its Buyer, and a store that remembers.

Everything that happens goes through `decide`, `settle` and `expire`, as in the use cases, and every step ends with the
rules that must hold whatever was said (see `_check`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bridge.domain import appointment as appointment_machine
from bridge.domain import work_order as work_order_machine
from bridge.domain.booking import can_be_adopted
from bridge.domain.decide import decide
from bridge.domain.model import (
    Accepted,
    Appointment,
    AppointmentId,
    CancelVisit,
    Command,
    CommandId,
    CommandKind,
    CommandState,
    Decision,
    Ids,
    Job,
    JobUpdate,
    Outcome,
    Refused,
    Transition,
    Visit,
    WorkOrder,
    WorkOrderId,
)
from bridge.domain.requests import check_booking, check_cancel, check_update
from bridge.domain.settlement import Settlement, expire, settle
from bridge.mef.enums import AppointmentStatus, EventType, WorkOrderState
from bridge.mef.models import AppointmentUpdate, TimePeriod
from tests.unit.domain.builders import (
    NOW,
    SELLER,
    a_booking,
    a_booking_request,
    a_cancel,
    a_reschedule,
    a_scheduled_visit,
    an_unknown_job,
    an_update,
)

REMEMBERED = (CommandState.PENDING, CommandState.EXPIRED, CommandState.COMPENSATED)
NOT_DONE = (CommandState.EXPIRED, CommandState.COMPENSATED)
STANDING = (WorkOrderState.PLANNED, WorkOrderState.IN_PROGRESS)
STEP = timedelta(minutes=1)
TELLS = {
    "workOrder": EventType.WORK_ORDER_STATE_CHANGE,
    "appointment": EventType.APPOINTMENT_STATUS_CHANGE,
}


Step = tuple[Any, ...]
Goals = tuple[WorkOrderState | None, AppointmentStatus | None]


@dataclass
class World:
    """What has happened to the job so far."""

    job: Job = field(default_factory=an_unknown_job)
    now: datetime = NOW
    commands: dict[CommandId, Command] = field(default_factory=dict)
    waiting: list[JobUpdate] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    ended: dict[str, WorkOrder | Appointment] = field(default_factory=dict)
    carried_out: set[CommandId] = field(default_factory=set)
    cancelled_in_wfm: list[CancelVisit] = field(default_factory=list)
    made: int = 0

    # what can happen

    def assert_rules_hold(self, *steps: Step) -> None:
        """Let steps happen one after another: the name of a method below, and its arguments. Each checks the rules."""
        for name, *arguments in steps:
            getattr(self, name)(*arguments)

    def hear(self, update: JobUpdate) -> None:
        """The WFM says something."""
        self._tick()
        self._decide(update)

    def report(self, goals: Goals, window: TimePeriod | None, age: timedelta) -> None:
        """The WFM says something of the visit that stands, or stood last, with its reference and, mostly, window."""
        appointment = self.job.appointment
        if appointment is None:
            return
        self._tick()
        window = appointment.valid_for if window is None else window
        self._decide(an_update(*goals, window=window, visit=appointment.visit, occurred_at=self.now - age))

    def announce(self, nth: int) -> None:
        """The WFM announces the visit of a booking it carried out, whatever the Buyer was told of it."""
        booking = self._pick(nth, CommandKind.BOOK)
        if booking is None or booking.window is None or booking.state is CommandState.REFUSED:
            return
        self._tick()
        self.carried_out.add(booking.id)
        update = a_scheduled_visit(booking.window, visit_of(booking), occurred_at=self.now)
        seen = self._is_seen(update.visit)
        outcome = self._decide(update)
        if booking.state in NOT_DONE and not seen and not mistaken(booking) and outcome is not Outcome.WAITING:
            assert any(same_visit_cancelled(effect, update.visit) for effect in self.cancelled_in_wfm)

    def begin(self, nth: int) -> None:
        """The technician begins with the visit of a booking that the WFM carried out: whatever was told, it is seen."""
        booking = self._pick(nth, CommandKind.BOOK)
        if booking is None or booking.id not in self.carried_out or mistaken(booking):
            return
        self._tick()
        takes_it = can_be_adopted(self.job)
        visit = visit_of(booking)
        begun = (WorkOrderState.IN_PROGRESS, AppointmentStatus.IN_PROGRESS)
        outcome = self._decide(an_update(*begun, window=booking.window, visit=visit, occurred_at=self.now))
        if booking.state in NOT_DONE and takes_it and outcome is not Outcome.WAITING:
            assert self.job.open_appointment is not None
            assert (self.job.open_appointment.visit, self.job.open_appointment.status) == (visit, begun[1])

    def book(self, window: TimePeriod) -> None:
        """The Buyer books."""
        self._tick()
        request = a_booking_request(window)
        if self.job.work_order is None or check_booking(self.job, request, self.now):
            return
        self._issue(a_booking(window=window, request=request, work_order=self.job.work_order.id))

    def reschedule(self, window: TimePeriod) -> None:
        """The Buyer moves his Appointment."""
        self._tick()
        appointment, request = self.job.appointment, AppointmentUpdate(valid_for=window)
        if appointment is None or check_update(self.job, appointment, request, frozenset({"validFor"}), self.now):
            return
        if window != appointment.valid_for:
            self._issue(a_reschedule(window=window, appointment=appointment.id, visit=appointment.visit))

    def cancel(self) -> None:
        """The Buyer cancels his Appointment."""
        self._tick()
        appointment = self.job.appointment
        if appointment is not None and not check_cancel(self.job, appointment):
            self._issue(a_cancel(appointment=appointment.id, visit=appointment.visit))

    def reply(self, nth: int, reply: Accepted | Refused, named: bool) -> None:
        """The WFM answers a command: in time, too late or once more."""
        command = self._pick(nth)
        if command is None:
            return
        self._tick()
        if command.id in self.carried_out and isinstance(reply, Refused):
            return  # a WFM that makes a visit and then denies it is beyond help
        if isinstance(reply, Accepted) and named:
            reply = replace(reply, visit=visit_of(command) if command.kind is CommandKind.BOOK else command.visit)
        settlement = settle(self.job, command, reply, SELLER, self._ids(), self.now)
        if command.kind is CommandKind.BOOK and isinstance(reply, Accepted):
            self._check_accepted(command, reply, settlement)
        self._settle(settlement, asked=command)

    def expire(self, nth: int) -> None:
        """The deadline of a command passes."""
        command = self._pick(nth)
        if command is None or command.state is not CommandState.PENDING:
            return
        self._tick()
        self._settle(expire(self.job, command), asked=command)

    # how it is carried out

    def _decide(self, update: JobUpdate) -> Outcome:
        before = self.job
        decision = decide(self.job, update, self._ids(), self.now)
        if decision.outcome in (Outcome.PARKED, Outcome.WAITING):
            assert decision.job == before
            assert (decision.transitions, decision.notifications, decision.effects) == ((), (), ())
        if decision.outcome is Outcome.WAITING:
            self.waiting.append(update)
        if makes_appointment(decision):
            bookings = [c for c in self.commands.values() if c.kind is CommandKind.BOOK]
            adopted = {command.id for command in decision.job.granted}
            not_done = [c for c in bookings if c.state in NOT_DONE and not mistaken(c) and c.id not in adopted]
            assert update.visit.ref not in [visit_of(booking) for booking in not_done]
        self._take(decision)
        return decision.outcome

    def _settle(self, settlement: Settlement, asked: Command) -> None:
        self.commands[asked.id] = settlement.command
        self._take(settlement.decision, booked=asked.kind is CommandKind.BOOK)
        waiting, self.waiting = self.waiting, []
        for update in waiting:
            self._decide(update)

    def _take(self, decision: Decision, *, booked: bool = False) -> None:
        before, self.job = self.job, decision.job
        for command in (*decision.job.commands, *decision.job.granted):
            self.commands[command.id] = command
        self._remember_commands()
        for effect in decision.effects:
            if isinstance(effect, CancelVisit):
                self.cancelled_in_wfm.append(effect)
        self._check_transitions(decision.transitions)
        self._check_notifications(before, decision, booked=booked)
        self._check()

    def _issue(self, command: Command) -> None:
        self.made += 1
        command = replace(command, id=CommandId(f"{command.kind}-{self.made}"), created_at=self.now)
        self.commands[command.id] = command
        self._remember_commands()

    def _remember_commands(self) -> None:
        """The store loads with a job the commands of which the WFM may still speak."""
        remembered = tuple(c for c in self.commands.values() if c.state in REMEMBERED)
        self.job = replace(self.job, commands=remembered)

    def _pick(self, nth: int, kind: CommandKind | None = None) -> Command | None:
        candidates = [c for c in self.commands.values() if kind is None or c.kind is kind]
        return candidates[nth % len(candidates)] if candidates else None

    def _is_seen(self, visit: Visit) -> bool:
        current = self.job.open_appointment
        return current is not None and visit.is_of(current)

    def _ids(self) -> Ids:
        self.made += 1
        return Ids(WorkOrderId(f"wo-{self.made}"), AppointmentId(f"ap-{self.made}"))

    def _tick(self) -> None:
        self.now += STEP

    # what must hold

    def _check_transitions(self, transitions: Sequence[Transition]) -> None:
        """Each hop is in its table and starts where the object's last one ended."""
        for hop in transitions:
            assert self.states.get(hop.id) == hop.source
            if hop.source is None:
                assert hop.target in (WorkOrderState.OPEN, AppointmentStatus.CONFIRMED)
            elif hop.resource == "workOrder":
                source, target = WorkOrderState(hop.source), WorkOrderState(hop.target)
                assert (source, target) in work_order_machine.HOPS
            else:
                status, reached = AppointmentStatus(hop.source), AppointmentStatus(hop.target)
                assert (status, reached) in appointment_machine.HOPS
            self.states[hop.id] = hop.target

    def _check_notifications(self, before: Job, decision: Decision, *, booked: bool) -> None:
        """Each hop is told exactly once, in order; a booking is announced by its response instead."""
        expected = [
            (EventType.WORK_ORDER_CREATE if (hop.resource, hop.source) == ("workOrder", None) else tells, hop.id)
            for hop in decision.transitions
            for tells in (TELLS[hop.resource],)
            if not (booked and (hop.resource, hop.source) == ("appointment", None))
        ]
        told = [(n.event_type, n.id) for n in decision.notifications]
        changes = {*TELLS.values(), EventType.WORK_ORDER_CREATE}
        assert [event for event in told if event[0] in changes] == expected
        required = [id_ for event, id_ in told if event is EventType.WORK_ORDER_APPOINTMENT_REQUIRED]
        assert required == newly_required(before, decision)
        for event, id_ in told:
            if event is EventType.APPOINTMENT_ATTRIBUTE_VALUE_CHANGE:
                assert before.appointment is not None
                assert id_ == before.appointment.id
                assert before.appointment.status in appointment_machine.OPEN

    def _check(self) -> None:
        work_order, current = self.job.work_order, self.job.open_appointment
        if work_order is None:
            return
        known = [*self.job.ended_appointments, *([self.job.appointment] if self.job.appointment else [])]
        assert sum(a.status in appointment_machine.OPEN for a in known) == (current is not None)  # R20
        assert [a.id for a in known if a.work_order == work_order.id] == list(work_order.appointments)  # R22
        if current is not None:
            assert current.work_order == work_order.id
            assert work_order.state in STANDING  # R24
        if work_order.appointment_required:
            assert (work_order.state, current) == (WorkOrderState.OPEN, None)  # R23
        assert self.states[work_order.id] == work_order.state
        assert all(self.states[a.id] == a.status for a in known)
        self._check_ended([a for a in known if a.status in appointment_machine.TERMINAL])
        self._check_ended([work_order] if work_order.state in work_order_machine.TERMINAL else [])
        assert len({effect.command for effect in self.cancelled_in_wfm}) == len(self.cancelled_in_wfm)

    def _check_ended(self, objects: Sequence[WorkOrder | Appointment]) -> None:
        """What has ended never changes again, but for our own note of a visit that the WFM still holds."""
        for each in objects:
            seen = replace(each, disregarded_window=None) if isinstance(each, Appointment) else each
            assert self.ended.setdefault(each.id, seen) == seen

    def _check_accepted(self, booking: Command, reply: Accepted, settlement: Settlement) -> None:
        """An accepted booking is seen if the Buyer waits for it, and else cancelled in the WFM, unless it is in use."""
        decision, state = settlement.decision, settlement.command.state
        assert not makes_appointment(decision) or (booking.state, state) == (
            CommandState.PENDING,
            CommandState.ACCEPTED,
        )
        took_back = any(isinstance(effect, CancelVisit) for effect in decision.effects)
        assert took_back == (state is CommandState.COMPENSATED and booking.state is not CommandState.COMPENSATED)
        visit = Visit(ref=reply.visit or booking.visit, window=reply.window or booking.window)
        if booking.state is CommandState.EXPIRED and not self._is_seen(visit):
            assert took_back


def mistaken(booking: Command) -> bool:
    """Whether another visit in the same window was announced first and taken for this booking's: nothing can tell."""
    return booking.visit not in (None, visit_of(booking))


def same_visit_cancelled(effect: CancelVisit, visit: Visit) -> bool:
    """Whether an effect cancels this visit in the WFM."""
    return effect.visit == visit.ref if effect.visit is not None else effect.window == visit.window


def makes_appointment(decision: Decision) -> bool:
    """Whether the Buyer sees a new Appointment."""
    return any((hop.resource, hop.source) == ("appointment", None) for hop in decision.transitions)


def visit_of(command: Command) -> str:
    """How the WFM calls the visit that a booking made."""
    return f"visit of {command.id}"


def newly_required(before: Job, decision: Decision) -> list[str]:
    """The WorkOrder that a decision has made ask for an Appointment, if any; also for another one after a visit."""
    asks, asked = decision.job.work_order, before.work_order
    if asks is None or not asks.appointment_required:
        return []
    still = asked is not None and asked.id == asks.id and asked.appointment_required
    return [] if still and not makes_appointment(decision) else [asks.id]
