"""Whatever the pack: what the proofs say of its rules is what the compiled rules do, message by message."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from random import Random
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.decide import decide
from bridge.domain.model import BuyerId, Command, CommandId, CommandKind, Goal, Job, OnIllegal, Outcome, WorkOrderId
from bridge.mapping.checks.checker import check, prove
from bridge.mapping.checks.proofs.boxes import Box, left_over
from bridge.mapping.checks.proofs.early import tolerant
from bridge.mapping.checks.proofs.gaps import gaps_of
from bridge.mapping.checks.proofs.outcomes import IDS, MOMENT, WINDOW, goal_of, job_in, state_of
from bridge.mapping.checks.proofs.situations import MefState, Situation, Space, mef_states, space_of, view_of
from bridge.mapping.checks.proofs.witnesses import value_of
from bridge.mapping.document import PackDocument
from bridge.mapping.pack import Pack, Reading, Translated, Unmapped, compile_pack
from bridge.mapping.reading.references import STATE_COLUMNS
from tests.unit.examples import examples
from tests.unit.mapping.random_packs import DELTAS, MADE_OF, TAKEN_BACK, VALUES, attributions, pack_of, rule_lists, ways
from tests.unit.packtools.packs import document

MOST = 40  # messages by chance for each pack, and situations that are played of each box
SAID: dict[str, object] = {"code": "a", "remark": "else", "moved": False, "asked_by": "seller"}
SAID |= {"tells": False, "clears": False}
"""What a message says where nobody asks."""


def message_of(situation: Situation) -> dict[str, object]:
    """What a message, a record and commands must say for this to be the situation."""
    said = {name: value_of(situation[name]) for name in VALUES if name in situation}
    if said.get("parts"):
        said["parts"] = [{}]  # what the proof knows of items is only if there are any
    return SAID | {name: _as_json(one) for name, one in said.items()}


def _as_json(one: object) -> object:
    if isinstance(one, datetime):
        return one.isoformat()
    return list(one) if isinstance(one, tuple) else one


@dataclass(frozen=True)
class Played:
    """A pack of which messages come in one way."""

    pack: Pack
    way: str

    def __call__(self, said: dict[str, object], state: MefState, **visit: object) -> Any:
        """What comes of a message for a job in this state."""
        body = {name: value for name, value in said.items() if value is not None and name not in ("moved", "asked_by")}
        body |= {key: value for name in MADE_OF if name in body for key, value in MADE_OF[name](body.pop(name)).items()}
        known: dict[str, object] = {}
        if self.way == "a delta that tells half of it":  # and the other half was told before
            others = [name for name in body if name not in ("code", "sub")]  # what belongs to a code is told with it
            known = {name: body.pop(name) for name in others[::2]}
            body |= {} if said["moved"] or "sub" in body else {"code": "-"}
        if self.way == "a delta that says so":
            body["form"] = "part"
        if self.way == "a delta that takes the rest back":
            known = {name: VALUES[name][0] for name in TAKEN_BACK if said.get(name) is None}
            body["again"] = True
        if self.way == "a complete message":  # of which nothing is known that it does not tell
            body, known = {"form": "whole", **body}, {name: VALUES[name][0] for name in said if name not in body}
        if self.way in DELTAS:
            tells, clears = body.pop("tells", False) or known.pop("tells", False), body.pop("clears", False)
            clears = clears or known.pop("clears", False)
            body |= {**({"mark": "x"} if tells else {}), **({"sign": None} if clears else {})}
        reading = self.pack.read(orjson.dumps({"job": "job", **body, **visit}), "", {})
        assert isinstance(reading, Reading)
        job = job_of(said, state)
        return self.pack.translate(reading, replace(job, record=known | job.record))


def job_of(said: dict[str, object], state: MefState) -> Job:
    code = "other" if said["moved"] else said["code"]
    record: dict[str, object] = {} if code is None else {"code": code}
    return replace(job_in(state), record=record, commands=(COMMAND,) if said["asked_by"] == "buyer" else ())


COMMAND = Command(
    id=CommandId("command"),
    kind=CommandKind.RESCHEDULE,
    job=job_in((None, None)).ref,
    work_order=WorkOrderId("known"),
    buyer=BuyerId("buyer"),
    created_at=MOMENT,
    expires_at=MOMENT,
)


def rule_of(result: Any) -> str | None:
    if isinstance(result, Translated):
        return result.update.rule
    assert not isinstance(result, Unmapped) or result.rule or result.reason == "no rule fits this message"
    return str(result.rule) if result.rule else None


VISIT = {
    "visit": "visit",
    "start": WINDOW.start_date_time.isoformat(),
    "end": WINDOW.end_date_time.isoformat(),
}


def possible(played: Played, said: dict[str, object], state: MefState, goal: Goal | None) -> bool:
    """Tell whether the message leads where its rule says, with or without a visit, or the pack says what to do."""
    return any(leads_there(job_in(state), played(said, state, **visit), goal) for visit in ({}, VISIT))


def leads_there(job: Job, result: Any, goal: Goal | None) -> bool:
    if not isinstance(result, Translated) or goal is None:
        return True
    update = result.update
    if goal.names_state and not update.goal.names_state:  # it is withheld, as the message tells nothing new
        update = replace(update, goal=goal, repeats=False)
    decision = decide(job, update, IDS, MOMENT)
    there = update.goal.is_reached(*state_of(decision.job))
    return decision.outcome is not Outcome.PARKED and (there or goal.on_illegal is not OnIllegal.PARK)


def situations_in(space: Space, box: Box) -> Iterator[tuple[dict[str, object], MefState]]:
    """Messages and states in a box: each situation of each variable once, the others being the first there is."""
    choices = [variable.values(mask) for variable, mask in zip(space.variables, box, strict=True)]
    first = [one[0] for one in choices]
    picks = [first, *([*first[:i], one, *first[i + 1 :]] for i, values in enumerate(choices) for one in values[1:])]
    for pick in picks:
        known = {name: value for situation in pick for name, value in situation.items()}
        states = [
            state for state in mef_states() if STATE_COLUMNS[0] not in known or view_of(state).items() <= known.items()
        ]
        yield from ((message_of(known), state) for state in states)


def reached(space: Space) -> list[list[Box]]:
    return [left_over([box] if all(box) else [], space.rules[:index]) for index, box in enumerate(space.rules)]


def is_decided_early(played: Played, space: Space, rule: dict[str, Any], index: int) -> bool:
    """Tell whether a delta before its job is ignored by a rule that has no other message; each of them is played."""
    found = [
        said
        for box in reached(space)[index]
        for said, state in situations_in(space, box)
        if state[0] is None and "ignore" in rule["then"]
    ]
    for said in found:
        if played.way in DELTAS and (said["code"] is not None or not said["moved"]):  # what has changed is there
            assert rule_of(played(said, (None, None))) == rule["rule"], said
    return bool(found)


def is_decided(rule: dict[str, Any], state: MefState) -> bool:
    """A message for a job that is not known yet waits; it is no proof of anything."""
    return bool(state[0] is not None or rule["then"].get("creates"))


def places(found: Any, kind: str) -> set[tuple[int, int]]:
    return {(one.line, one.column) for one in found if one.kind == kind}


def compiled(source: Any) -> tuple[PackDocument, Pack]:
    doc = document(source)
    found = {one.kind for one in check(doc, source)}
    assert found <= {"unreachable", "no-creates"}, found
    return doc, compile_pack(doc, source.data)


@examples(60)
@given(rule_lists, attributions, ways)
def test_gaps_dead_rules_and_impossible_outcomes_are_what_happens(
    rules: list[dict[str, Any]], attribution: dict[str, Any], way: str
) -> None:
    """Each situation of which a proof speaks is played: it is the rule's, or no rule's, and leads there or does not."""
    source = pack_of(rules, attribution, way)
    doc, pack = compiled(source)
    played = Played(pack, way)
    space, dead, impossible = space_of(doc), set(), set()
    for index, (rule, boxes) in enumerate(zip(rules, reached(space), strict=True)):
        leads: list[bool] = []
        goal = goal_of(doc.rules[index].then, doc.policies.on_illegal)
        for said, state in (one for box in boxes for one in situations_in(space, box)):
            assert rule_of(played(said, state)) == rule["rule"], (said, state)
            leads += [possible(played, said, state, goal)] if is_decided(rule, state) and not any(leads) else []
        before = not boxes and doc.inbound.deltas and is_decided_early(played, space_of(tolerant(doc)), rule, index)
        dead |= set() if boxes or before else {source.position(("rules", index))}
        impossible |= {source.position(("rules", index, "then"))} if leads and not any(leads) else set()
    gaps = gaps_of(space)
    for said, state in (one for box in gaps for one in islice(situations_in(space, box), MOST)):
        assert rule_of(played(said, state)) is None, (said, state)
    found = prove(doc, source)
    assert places(found, "unreachable") == dead
    assert places(found, "impossible-outcome") == impossible
    assert ("gap" in {one.kind for one in found}) == bool(gaps)


@examples(60)
@given(rule_lists, attributions, ways, st.randoms(use_true_random=False))
def test_no_message_falls_into_a_gap_or_to_a_dead_rule_that_was_not_told(
    rules: list[dict[str, Any]], attribution: dict[str, Any], way: str, random: Random
) -> None:
    """Messages that the proofs know nothing of: what happens to them was told."""
    source = pack_of(rules, attribution, way)
    doc, pack = compiled(source)
    played = Played(pack, way)
    space = space_of(doc)
    has_gap, alive = bool(gaps_of(space)), [bool(boxes) for boxes in reached(space)]
    names = [rule["rule"] for rule in rules]
    for _ in range(MOST):
        said = {name: random.choice(values) for name, values in VALUES.items()}
        state = random.choice(mef_states())
        rule = rule_of(played(said, state))
        assert has_gap if rule is None else alive[names.index(rule)], (said, state)
