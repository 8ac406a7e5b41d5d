"""Outcomes that can be: a rule's goal must be reachable by the real state machines in a situation the rule decides."""

from collections.abc import Iterable
from itertools import product

from bridge.domain.decide import decide
from bridge.domain.model import Goal, OnIllegal, Outcome
from bridge.mapping.checks.proofs.abstract import IDS, MOMENT, RULE_PREFIX, job_in, state_of, update_to
from bridge.mapping.checks.proofs.situations import MefState
from bridge.mapping.document import Then

_REASONS = {"hold", "ignore", "park"}


def goal_of(then: Then, on_illegal: OnIllegal) -> Goal | None:
    """Give the goal of a rule as far as it is the same for every message, None where it has none."""
    if not then.written - _REASONS:
        return None
    return Goal(work_order=then.work_order, appointment=then.appointment, on_illegal=then.on_illegal or on_illegal)


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
    return goal.work_order in (None, state[0]) and goal.appointment in (None, state[1])
