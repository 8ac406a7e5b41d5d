"""The WFM's own status graph walked against the standard's state machines, with the real rules and decisions.

A history is a path through the WFM's graph. Worth a look are those where the bridge must add hops that the WFM never
spoke of, where a message is parked, and where the WFM's status changes and the Buyer hears nothing. A message that says
no status, or the same again, is no transition of that graph: it may come at any time, and change what the Buyer sees.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bridge.domain.appointment import OPEN
from bridge.domain.decide import decide
from bridge.domain.model import Decision, Outcome
from bridge.mapping.checks.proofs.boxes import Box, is_left, meet
from bridge.mapping.checks.proofs.outcomes import IDS, MOMENT, RULE_PREFIX, goal_of, job_in, state_of, update_to
from bridge.mapping.checks.proofs.situations import MEF, MefState, Space, Variable, space_of, view_of
from bridge.mapping.document import Lifecycle, PackDocument, Rule
from bridge.mef.enums import AppointmentStatus


class Kind(StrEnum):
    """What is worth a look in a history."""

    HOPS = "hops"
    PARKED = "parked"
    HIDDEN = "hidden"


NO_STATUS: Final = "(no status)"


@dataclass(frozen=True, slots=True)
class History:
    """A shortest history that ends in something worth a look. `steps` are the WFM's codes; `why` is a sentence.

    A message that says no status is the step `NO_STATUS`.
    """

    kind: Kind
    steps: tuple[str, ...]
    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a job is: the WFM's code, and what the Buyer sees."""

    code: str
    seen: MefState


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A message on its way: where it finds the job, the WFM's code after it, and what rules see of its status."""

    seen: MefState
    code: str
    status: object
    steps: tuple[str, ...]
    changes: bool


def histories(document: PackDocument) -> tuple[History, ...]:
    """Walk the pack's `lifecycle`, shortest histories first; each kind, rule and reason is listed once."""
    lifecycle = document.lifecycle
    if lifecycle is None:
        return ()
    walk = _Walk(document, space_of(document), lifecycle)
    queue = deque(walk.first())
    found: dict[tuple[Kind, str, str], History] = {}
    reached: set[_Place] = set()
    while queue:
        arrival = queue.popleft()
        for step in walk.steps(arrival):
            for kind, why in step.remarks(changes=arrival.changes):
                found.setdefault((kind, step.rule, why), History(kind, arrival.steps, step.rule, why))
            place = _Place(arrival.code, step.after)
            if place not in reached:
                reached.add(place)
                queue.extend(walk.after(place, arrival.steps))
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class _Step:
    """What one message does; `decision` is None where the pack ignores or parks it, with `why`."""

    rule: str
    after: MefState
    decision: Decision | None
    parked: bool
    why: str

    def remarks(self, *, changes: bool) -> Iterator[tuple[Kind, str]]:
        """Tell what is worth a look; silence is where the WFM's status `changes`."""
        if self.parked:
            yield Kind.PARKED, self.why
        elif self.decision is None or not self.decision.notifications:
            if changes:
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
    """Finds the messages that may come, and the rules that may decide on them."""

    def __init__(self, document: PackDocument, space: Space, lifecycle: Lifecycle) -> None:
        self._document = document
        self._space = space
        self._lifecycle = lifecycle
        self._known: dict[tuple[object, MefState], tuple[_Step, ...]] = {}
        self._masks: dict[tuple[str, object], int] = {}
        self._deciding: dict[tuple[Box, tuple[tuple[int, Box], ...]], tuple[int | None, ...]] = {}
        self._reached: dict[tuple[int, MefState], tuple[_Step, ...]] = {}

    def first(self) -> Iterator[_Arrival]:
        """Give the messages that a job may begin with."""
        for code in self._lifecycle.initial:
            yield _Arrival((None, None), code, code, (code,), changes=True)

    def after(self, place: _Place, steps: tuple[str, ...]) -> Iterator[_Arrival]:
        """Give the messages that may follow: with a next code, and without a status where there are such."""
        for code in self._lifecycle.next.get(place.code, ()):
            yield _Arrival(place.seen, code, code, (*steps, code), changes=code != place.code)
        for status in self._unsaid(place.code):
            yield _Arrival(place.seen, place.code, status, (*steps, NO_STATUS), changes=False)

    def _unsaid(self, code: str) -> tuple[object, ...]:
        """Give what rules see where a message says no status: the last one, a default, nothing; or that never comes."""
        spec, deltas = self._document.fields[self._lifecycle.field], self._document.inbound.deltas
        kept = (code,) if deltas and _is_kept(self._lifecycle.field, self._document) else ()
        if kept and deltas.every:
            return kept
        if spec.default is not None:
            return (*kept, spec.default)
        return kept if spec.required else (*kept, None)

    def steps(self, arrival: _Arrival) -> tuple[_Step, ...]:
        """Give what a message may do, whatever else is in it; many histories lead to the same status and state."""
        key = arrival.status, arrival.seen
        if key not in self._known:
            self._known[key] = tuple(self._steps(*key))
        return self._known[key]

    def _steps(self, status: object, seen: MefState) -> Iterator[_Step]:
        for index in self._deciding_in(self._situation(status, seen)):
            if index is None:
                yield _Step("-", seen, None, parked=True, why="no rule fits")
            else:
                yield from self._outcomes_of(index, seen)

    def _deciding_in(self, start: Box) -> tuple[int | None, ...]:
        """Give the rules that decide somewhere in a box, None at the end where none fits.

        Most statuses and states are the same to most rules: what differs only where the rules do not is found once.
        """
        met = [
            (index, shared) for index, box in enumerate(self._space.rules) if (shared := meet(start, box)) is not None
        ]
        split = [at for at, mask in enumerate(start) if any(box[at] != mask for _, box in met)]
        inside = tuple(start[at] for at in split)
        key = inside, tuple((index, tuple(box[at] for at in split)) for index, box in met)
        if key not in self._deciding:
            self._deciding[key] = tuple(_deciding(*key))
        return self._deciding[key]

    def _outcomes_of(self, index: int, seen: MefState) -> tuple[_Step, ...]:
        key = index, seen
        if key not in self._reached:
            self._reached[key] = tuple(self._outcomes(self._document.rules[index], seen))
        return self._reached[key]

    def _situation(self, status: object, state: MefState) -> Box:
        return tuple(self._mask(variable, status, state) for variable in self._space.variables)

    def _mask(self, variable: Variable, status: object, state: MefState) -> int:
        """Give the classes of a variable that may be; that of what the Buyer sees knows of nothing else."""
        key = variable.name, state if variable.name == MEF else status
        if key not in self._masks:
            known = view_of(state) if variable.name == MEF else {self._lifecycle.field: status}
            self._masks[key] = variable.mask_where(known)
        return self._masks[key]

    def _outcomes(self, rule: Rule, seen: MefState) -> Iterator[_Step]:
        goal = goal_of(rule.then, self._document.policies.on_illegal)
        if goal is None:
            why = rule.then.park or rule.then.ignore or rule.then.hold or ""
            yield _Step(rule.rule, seen, None, parked=rule.then.park is not None, why=why)
            return
        again = goal.appointment is AppointmentStatus.CONFIRMED and seen[1] not in (None, *OPEN)  # after a visit's end
        for visit in (True, False) if goal.if_any else (goal.appointment is not None,):
            # What a rule holds is applied in the end, or never happened: the walk takes it as applied.
            update = update_to(goal, creates=rule.then.creates, visit=visit, another=again)
            decision = decide(job_in(seen), update, IDS, MOMENT)
            parked = decision.outcome in (Outcome.PARKED, Outcome.WAITING)
            why = decision.reason.removeprefix(RULE_PREFIX)
            yield _Step(rule.rule, state_of(decision.job), decision, parked=parked, why=why)


def _deciding(start: Box, rules: Sequence[tuple[int, Box]]) -> Iterator[int | None]:
    taken: list[Box] = []
    for index, box in rules:
        if is_left(box, taken):  # else others take all of it already
            taken.append(box)
            yield index
    if is_left(start, taken):
        yield None


def _is_kept(name: str, document: PackDocument) -> bool:
    """Tell whether a field keeps its last value where deltas are silent, or is made of nothing but such fields."""
    spec = document.fields[name]
    made_of = (spec.value, spec.of, *(spec.first or ()), *(spec.join or ()), *(spec.same or ()))
    parts = [one.partition(".")[0] for one in made_of if one is not None]
    return (spec.path is not None and spec.remember) or (bool(parts) and all(_is_kept(one, document) for one in parts))
