"""The WFM's own status graph walked against the standard's state machines, with the real rules and decisions.

A history is a path through the WFM's graph. Worth a look are those where the bridge must add hops that the WFM never
spoke of, where a message is parked, and where the WFM's status changes and the Buyer hears nothing.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bridge.domain.appointment import OPEN
from bridge.domain.decide import decide
from bridge.domain.model import Decision, Outcome
from bridge.mapping.checks.abstract import IDS, MOMENT, RULE_PREFIX, job_in, state_of, update_to
from bridge.mapping.checks.boxes import Box, left_over, meet
from bridge.mapping.checks.outcomes import goal_of
from bridge.mapping.checks.situations import MEF, MefState, Space, space_of
from bridge.mapping.document import PackDocument, Rule
from bridge.mef.enums import AppointmentStatus


class Kind(StrEnum):
    """What is worth a look in a history."""

    HOPS = "hops"
    PARKED = "parked"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class History:
    """A shortest history that ends in something worth a look. `steps` are the WFM's codes; `why` is a sentence."""

    kind: Kind
    steps: tuple[str, ...]
    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a job is: the WFM's code, and what the Buyer sees."""

    code: str
    seen: MefState


def histories(document: PackDocument) -> tuple[History, ...]:
    """Walk the pack's `lifecycle`, shortest histories first; each kind, rule and reason is told once."""
    lifecycle = document.lifecycle
    if lifecycle is None:
        return ()
    walk = _Walk(document, space_of(document), lifecycle.field)
    queue = deque[tuple[str, MefState, tuple[str, ...]]]((code, (None, None), (code,)) for code in lifecycle.initial)
    found: dict[tuple[Kind, str, str], History] = {}
    reached: set[_Place] = set()
    while queue:
        code, seen, steps = queue.popleft()
        for step in walk.steps(code, seen):
            for kind, why in step.remarks():
                found.setdefault((kind, step.rule, why), History(kind, steps, step.rule, why))
            place = _Place(code, step.after)
            if place not in reached:
                reached.add(place)
                queue.extend((after, step.after, (*steps, after)) for after in lifecycle.next.get(code, ()))
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class _Step:
    """What one message does; `decision` is None where the pack ignores or parks it, with `why`."""

    rule: str
    after: MefState
    decision: Decision | None
    parked: bool
    why: str

    def remarks(self) -> Iterator[tuple[Kind, str]]:
        """Tell what is worth a look."""
        if self.parked:
            yield Kind.PARKED, self.why
        elif self.decision is None or not self.decision.notifications:
            yield Kind.HIDDEN, self.why or "nothing that the Buyer sees changes"
        else:
            yield from self._hops()

    def _hops(self) -> Iterator[tuple[Kind, str]]:
        """Hops beyond the first of one object: the WFM jumped over a state that the standard has."""
        if self.decision is None:
            return
        for resource in ("workOrder", "appointment"):
            hops = [one for one in self.decision.transitions if one.resource == resource]
            if len(hops) > 1:
                yield (
                    Kind.HOPS,
                    " -> ".join([hops[0].source or "new", *(hop.target for hop in hops)]) + f" ({resource})",
                )


class _Walk:
    """Finds the rules that may decide on a message with a code."""

    def __init__(self, document: PackDocument, space: Space, field: str) -> None:
        self._document = document
        self._space = space
        self._field = field

    def steps(self, code: str, seen: MefState) -> Iterator[_Step]:
        """Give what a message with this code may do, whatever else is in it."""
        left = [self._situation(code, seen)]
        for rule, box in zip(self._document.rules, self._space.rules, strict=True):
            if any(meet(one, box) is not None for one in left):
                yield from self._outcomes(rule, seen)
            left = left_over(left, [box])
        if left:
            yield _Step("-", seen, None, parked=True, why="no rule fits")

    def _situation(self, code: str, seen: MefState) -> Box:
        return tuple(
            _bit(variable.classes, code)
            if variable.name == self._field
            else _bit(variable.classes, seen)
            if variable.name == MEF
            else variable.full
            for variable in self._space.variables
        )

    def _outcomes(self, rule: Rule, seen: MefState) -> Iterator[_Step]:
        goal = goal_of(rule.then, self._document.policies.on_illegal)
        if goal is None:
            why = rule.then.park or rule.then.ignore or rule.then.hold or ""
            yield _Step(rule.rule, seen, None, parked=rule.then.park is not None, why=why)
            return
        again = goal.appointment is AppointmentStatus.CONFIRMED and seen[1] not in (None, *OPEN)  # after a visit's end
        update = update_to(goal, creates=rule.then.creates, visit=goal.appointment is not None, another=again)
        decision = decide(job_in(seen), update, IDS, MOMENT)
        parked = decision.outcome in (Outcome.PARKED, Outcome.WAITING)
        why = decision.reason.removeprefix(RULE_PREFIX)
        yield _Step(rule.rule, state_of(decision.job), decision, parked=parked, why=why)


def _bit(classes: Sequence[Sequence[object]], value: object) -> int:
    return sum(1 << index for index, values in enumerate(classes) if value in values)
