"""Draws the table of docs/pack-reference.md that says what a rule's goal does, by asking `decide`.

Each goal meets each situation that a job can be in, with each thing that a message may say of the visit's window. A
situation is found, not made up: it is where decisions lead from a job that nobody knows yet.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Final, NamedTuple

from bridge.domain.decide import decide
from bridge.domain.model import (
    AppointmentId,
    BuyerId,
    Decision,
    Goal,
    Ids,
    Job,
    JobRef,
    JobUpdate,
    MessageId,
    MovedBy,
    Outcome,
    Transition,
    Visit,
    WorkOrderDetails,
    WorkOrderId,
)
from bridge.domain.work_order import TERMINAL
from bridge.mef.enums import AppointmentStatus, EventType, TimeDurationUnits, WorkOrderState
from bridge.mef.models import GeographicSiteRef, TimeDuration, TimePeriod

_START: Final = datetime(2026, 3, 5, tzinfo=UTC)
_DETAILS: Final = WorkOrderDetails(
    place=(GeographicSiteRef(id="site", role="site"),),
    duration=TimeDuration(time_duration_value=1, time_duration_units=TimeDurationUnits.HOUR),
    contacts=(),
    related_entity=(),
    task=("task",),
)


class Said(StrEnum):
    """What a message, or the job's record, says of the visit's window. `SAME` is what the Buyer's Appointment has."""

    NONE = "none"
    SAME = "the same"
    OTHER = "another"


class Situation(NamedTuple):
    """What the Buyer has: the state of the WorkOrder, None before there is one, and of its open Appointment, if any."""

    work_order: WorkOrderState | None
    appointment: AppointmentStatus | None

    @property
    def windows(self) -> Sequence[Said]:
        """What there is to tell of the window."""
        return tuple(Said) if self.appointment is not None else (Said.NONE, Said.OTHER)


Effect = tuple[str, ...]
"""What happens, a step a notification, in order; or the one word for why nothing does."""

SINGLE: Final = (
    *(Goal(appointment=status) for status in AppointmentStatus),
    *(Goal(work_order=state) for state in WorkOrderState),
)
GOALS: Final = (
    SINGLE[0],
    replace(SINGLE[0], moved_by=MovedBy.AGREEMENT),
    *SINGLE[1:],
    *(Goal(work_order=state, appointment=status) for state in WorkOrderState for status in AppointmentStatus),
)


@cache
def situations() -> Mapping[Situation, Job]:
    """Give every situation that goals of one object lead to, each with a job that is in it."""
    unknown = Job(ref=JobRef("pack", "job"))
    found, todo = {_situation(unknown): unknown}, [unknown]
    while todo:
        job = todo.pop(0)
        for goal in SINGLE:
            after = decided(job, goal, Said.OTHER).job
            if _situation(after) not in found:
                found[_situation(after)] = after
                todo.append(after)
    return dict(sorted(found.items(), key=lambda pair: [_rank(state) for state in pair[0]]))


def effect(situation: Situation, goal: Goal, said: Said) -> Effect:
    """Say what happens where a message has this goal."""
    decision = decided(situations()[situation], goal, said)
    if decision.outcome is not Outcome.APPLIED:
        return (str(decision.outcome),)
    hops = {"A": _hops(decision, "appointment"), "W": _hops(decision, "workOrder")}
    return tuple(_step(notification.event_type, hops) for notification in decision.notifications)


def shown() -> Iterator[Goal]:
    """Give the goals of one object, and those of both that one of them leads to by itself."""
    ends = {
        (after.work_order and after.work_order.state, after.appointment.status)
        for before in situations().values()
        for goal in SINGLE
        for said in Said
        if (after := decided(before, goal, said).job).appointment not in (None, before.appointment)
    }
    for goal in GOALS:
        if None in (goal.work_order, goal.appointment) or (goal.work_order, goal.appointment) in ends:
            yield goal


def tables() -> str:
    """Return both tables in Markdown: where no visit stands, and where one does."""
    known = [situation for situation in situations() if situation.work_order not in (None, *TERMINAL)]
    return "\n\n".join(
        "\n".join(_table([situation for situation in known if (situation.appointment is None) is without]))
        for without in (True, False)
    )


def _table(columns: Sequence[Situation]) -> Iterator[str]:
    yield f"| Goal | {' | '.join(map(_name, columns))} |"
    yield "|---" * (1 + len(columns)) + "|"
    for goal in shown():
        yield f"| {_goal(goal)} | {' | '.join(_cell(column, goal) for column in columns)} |"


def decided(job: Job, goal: Goal, said: Said) -> Decision:
    """Decide on a message that comes an hour after the last one, which may open a WorkOrder."""
    now = _START + timedelta(hours=1 + len(job.record))
    visit = job.open_appointment
    same = visit.valid_for if visit is not None else None
    window = {Said.NONE: None, Said.SAME: same, Said.OTHER: _hour(now + timedelta(days=2))}[said]
    update = JobUpdate(
        job=job.ref,
        message=MessageId(now.isoformat()),
        rule="rule",
        pack_version="1",
        goal=goal,
        details=_DETAILS,
        buyer=BuyerId("buyer"),
        creates=True,
        visit=Visit(window=window),
        occurred_at=now,
        record={**job.record, now.isoformat(): True},
    )
    return decide(job, update, Ids(WorkOrderId(f"wo-{now}"), AppointmentId(f"ap-{now}")), now)


def _hour(start: datetime) -> TimePeriod:
    return TimePeriod(start_date_time=start, end_date_time=start + timedelta(hours=1))


def _situation(job: Job) -> Situation:
    work_order, visit = job.work_order, job.open_appointment
    return Situation(work_order.state if work_order else None, visit.status if visit else None)


def _rank(state: WorkOrderState | AppointmentStatus | None) -> int:
    return -1 if state is None else list[StrEnum](type(state)).index(state)


def _hops(decision: Decision, resource: str) -> Iterator[Transition]:
    """The hops that are notified as such: a new WorkOrder has an event of its own."""
    is_new = resource == "appointment"
    return (hop for hop in decision.transitions if hop.resource == resource and (is_new or hop.source is not None))


def _step(event: EventType, hops: Mapping[str, Iterator[Transition]]) -> str:
    match event:
        case EventType.APPOINTMENT_STATUS_CHANGE:
            return f"A {next(hops['A']).target}"
        case EventType.WORK_ORDER_STATE_CHANGE:
            return f"W {next(hops['W']).target}"
        case EventType.WORK_ORDER_CREATE:
            return "created"
        case EventType.WORK_ORDER_APPOINTMENT_REQUIRED:
            return "asked"
        case EventType.APPOINTMENT_ATTRIBUTE_VALUE_CHANGE:
            return "changed"


def _cell(situation: Situation, goal: Goal) -> str:
    """Say what happens, by what is said of the window where that makes a difference."""
    by_effect: dict[Effect, list[Said]] = {}
    for said in situation.windows:
        by_effect.setdefault(effect(situation, goal, said), []).append(said)
    if len(by_effect) == 1:
        return ", ".join(*by_effect)
    return "<br>".join(f"*{_windows(situation, said)}:* {', '.join(steps)}" for steps, said in by_effect.items())


def _windows(situation: Situation, said: Sequence[Said]) -> str:
    if situation.appointment is None:
        return "a window" if Said.OTHER in said else "no window"
    return "another window" if said == [Said.OTHER] else f"{' or '.join(said)}"


def _name(situation: Situation) -> str:
    visit = f" + `{situation.appointment}`" if situation.appointment is not None else ""
    return f"`{situation.work_order}`{visit}"


def _goal(goal: Goal) -> str:
    named = {"work_order": goal.work_order, "appointment": goal.appointment}
    keys = [f"{key}: {value}" for key, value in named.items() if value is not None]
    keys += [f"moved_by: {goal.moved_by}"] if goal.moved_by is not MovedBy.SELLER else []
    return f"`{', '.join(keys)}`"
