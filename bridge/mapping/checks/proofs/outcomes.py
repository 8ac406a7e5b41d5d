"""Outcomes that can be: a rule's goal must be reachable by the real state machines in a situation the rule decides."""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import product
from typing import Final

from bridge.domain.decide import decide
from bridge.domain.model import (
    Appointment,
    AppointmentId,
    BuyerId,
    Goal,
    Ids,
    Job,
    JobRef,
    JobUpdate,
    MessageId,
    OnIllegal,
    Outcome,
    Visit,
    WorkOrder,
    WorkOrderDetails,
    WorkOrderId,
)
from bridge.mapping.checks.proofs.situations import MefState
from bridge.mapping.document import Then
from bridge.mef.enums import AppointmentStatus, TimeDurationUnits, WorkOrderState
from bridge.mef.models import GeographicSiteRef, TimeDuration, TimePeriod

_REASONS = {"hold", "ignore", "park"}


def goal_of(then: Then, on_illegal: OnIllegal) -> Goal | None:
    """Give the goal of a rule as far as it is the same for every message, None where it has none."""
    if not then.written - _REASONS:
        return None
    return Goal(
        work_order=then.work_order,
        appointment=then.status,
        on_illegal=then.on_illegal or on_illegal,
        if_any=then.appointment_if_any is not None,
    )


def impossible_outcome(then: Then, on_illegal: OnIllegal, states: Iterable[MefState]) -> str | None:
    """Say why a goal is reached from none of the states, None where it is, or where the pack says what to do instead.

    A message for a job that is not known waits for it, so it says nothing of the goal.
    """
    goal = goal_of(then, on_illegal)
    known = [state for state in states if then.creates or state[0] is not None]
    if goal is None or not known:
        return None
    reasons: dict[str, None] = {}
    for state, visit in product(known, (True, False)):
        reason = _obstacle(goal, then.creates, state, visit=visit)
        if reason is None:
            return None
        reasons[reason] = None
    return f"this can never happen: {'; '.join([*filter(None, reasons)][:2]) or _NEVER}"


_NEVER = "the standard has no such state of a WorkOrder with its Appointment"


def _obstacle(goal: Goal, creates: bool, state: MefState, *, visit: bool) -> str | None:
    """Say what keeps the goal from being reached, None where nothing does."""
    decision = decide(job_in(state), update_to(goal, creates=creates, visit=visit), IDS, MOMENT)
    if decision.outcome is Outcome.PARKED:
        return decision.reason.removeprefix(RULE_PREFIX)
    if goal.on_illegal is not OnIllegal.PARK or _is_reached(goal, state_of(decision.job)):
        return None
    return ""


def _is_reached(goal: Goal, state: MefState) -> bool:
    return goal.is_reached(*state)


# Of sound values, so that nothing need be built that validates them.
MOMENT: Final = datetime(2026, 1, 1, tzinfo=UTC)
IDS: Final = Ids(WorkOrderId("new"), AppointmentId("new"))
WINDOW: Final = TimePeriod.model_construct(start_date_time=MOMENT, end_date_time=MOMENT.replace(hour=4))
LATER: Final = TimePeriod.model_construct(
    start_date_time=MOMENT.replace(day=2), end_date_time=MOMENT.replace(day=2, hour=4)
)

RULE: Final = "rule"
RULE_PREFIX: Final = f"rule {RULE}: "
"""How a decision begins its reasons; it says nothing of an abstract update."""

_REF = JobRef("pack", "job")
_BUYER = BuyerId("buyer")
_SITE = GeographicSiteRef.model_construct(id="site", role="site")
_DETAILS = WorkOrderDetails(
    place=(_SITE,),
    duration=TimeDuration.model_construct(time_duration_value=1, time_duration_units=TimeDurationUnits.HOUR),
    contacts=(),
    related_entity=(),
    task=("task",),
)


def job_in(state: MefState) -> Job:
    """Make a job of which the Buyer sees just this."""
    work_order, appointment = state
    return Job(
        ref=_REF,
        work_order=_work_order(work_order) if work_order is not None else None,
        appointment=_appointment(appointment) if appointment is not None else None,
    )


def state_of(job: Job) -> MefState:
    """Give what the Buyer sees of a job."""
    return (
        job.work_order.state if job.work_order is not None else None,
        job.appointment.status if job.appointment is not None else None,
    )


def update_to(goal: Goal, *, creates: bool, visit: bool, another: bool = False) -> JobUpdate:
    """Make an update with this goal; `visit`: it speaks of the job's visit, or of `another` one."""
    spoken_of = Visit(ref="another", window=LATER) if another else Visit(ref="visit", window=WINDOW)
    return JobUpdate(
        job=_REF,
        message=MessageId("message"),
        rule=RULE,
        pack_version="version",
        goal=goal,
        details=_DETAILS,
        buyer=_BUYER,
        creates=creates,
        visit=spoken_of if visit else Visit(),
    )


def _work_order(state: WorkOrderState) -> WorkOrder:
    return WorkOrder(
        id=WorkOrderId("known"),
        job=_REF,
        buyer=_BUYER,
        state=state,
        appointment_required=False,
        details=_DETAILS,
        created_at=MOMENT,
        changed_at=MOMENT,
    )


def _appointment(status: AppointmentStatus) -> Appointment:
    return Appointment(
        id=AppointmentId("known"),
        work_order=WorkOrderId("known"),
        buyer=_BUYER,
        status=status,
        valid_for=WINDOW,
        place=_SITE,
        contacts=(),
        visit="visit",
        created_at=MOMENT,
        changed_at=MOMENT,
    )
