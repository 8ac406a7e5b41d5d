"""Whatever the pack: what the proofs say of its rules is what the compiled rules do, message by message."""

from itertools import product
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.domain.decide import decide
from bridge.domain.model import Job, OnIllegal, Outcome
from bridge.mapping.checker import check, prove
from bridge.mapping.checks.abstract import IDS, MOMENT, WINDOW, job_in, state_of
from bridge.mapping.checks.proofs import gaps_of
from bridge.mapping.checks.situations import Other, Space, mef_states, space_of
from bridge.mapping.compiler import compile_pack
from bridge.mapping.pack import Pack, Reading, Translated, Unmapped
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from tests.unit.mapping.tools.packs import document, small

TABLES = {
    "reasons": {
        "key": "code",
        "rows": [{"code": "C1", "fault": "buyer"}, {"code": "T1", "fault": "seller"}, {"code": "N1"}],
    },
    "crews": {"key": "id", "on_miss": "default", "default": {"kind": "own"}, "rows": [{"id": "9", "kind": "hired"}]},
}
FIELDS = {
    "code": {"path": "$.code", "type": "code", "required": True, "values": ["a", "b", "c"]},
    "reason": {"path": "$.reason", "type": "code", "table": "reasons"},
    "crew": {"path": "$.crew", "type": "code", "table": "crews"},
    "urgent": {"path": "$.urgent", "type": "boolean", "default": False},
    "count": {"path": "$.count", "type": "integer"},
}
VALUES: dict[str, list[object]] = {
    "code": ["a", "b", "c"],
    "reason": ["C1", "T1", "N1", None],
    "crew": ["9", "x", None],
    "urgent": [True, False],
    "count": [0, 1, 2, 3, None],
}
SCALARS: dict[str, list[Any]] = {
    "code": ["a", "b", "c"],
    "reason": ["C1", "T1", "N1"],
    "reason.fault": ["buyer", "seller"],
    "crew.kind": ["own", "hired"],
    "urgent": [True, False],
    "count": [1, 2],
    "work_order_state": [str(state) for state in WorkOrderState],
    "appointment_status": [str(status) for status in AppointmentStatus],
}


def cells(column: str) -> st.SearchStrategy[Any]:
    some = st.lists(st.sampled_from(SCALARS[column]), min_size=1, max_size=3, unique=True)
    presence = st.booleans().map(lambda present: {"present": present})
    return st.one_of(some, some, some.map(lambda values: {"not": values}), presence)


def conditions(columns: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={column: cells(column) for column in columns})


goals = st.fixed_dictionaries(
    {},
    optional={
        "work_order": st.sampled_from(SCALARS["work_order_state"]),
        "appointment": st.sampled_from(SCALARS["appointment_status"]),
        "creates": st.booleans(),
        "on_illegal": st.sampled_from(["park", "keep", "follow_up"]),
    },
).map(lambda then: then or {"ignore": "nothing"})


def rules_on(columns: list[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    pairs = st.lists(st.tuples(conditions(columns), goals), min_size=1, max_size=7)
    return pairs.map(lambda ps: [{"rule": f"r{i}", "when": when, "then": then} for i, (when, then) in enumerate(ps)])


rule_lists = st.lists(st.sampled_from(sorted(SCALARS)), max_size=3, unique=True).flatmap(rules_on)


def messages(columns: set[str]) -> list[dict[str, object]]:
    """Every message, as far as the fields that the rules ask about can tell messages apart."""
    fields = sorted({column.partition(".")[0] for column in columns} & VALUES.keys())
    return [
        {"code": "a", **{name: value for name, value in zip(fields, values, strict=True) if value is not None}}
        for values in product(*(VALUES[name] for name in fields))
    ]


def run(pack: Pack, message: dict[str, object], job: Job) -> Translated | Any:
    reading = pack.read(orjson.dumps({"job": "job", **message}), "", {})
    assert isinstance(reading, Reading)
    return pack.translate(reading, job)


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


def possible(pack: Pack, message: dict[str, object], state: Any) -> bool:
    """Tell whether the message leads where it says, be it with or without a visit, or the pack says what to do."""
    job = job_in(state)
    return any(leads_there(job, run(pack, {**message, **visit}, job)) for visit in ({}, VISIT))


def leads_there(job: Job, result: Any) -> bool:
    if not isinstance(result, Translated):
        return True
    goal, decision = result.update.goal, decide(job, result.update, IDS, MOMENT)
    state, status = state_of(decision.job)
    there = goal.work_order in (None, state) and goal.appointment in (None, status)
    return decision.outcome is not Outcome.PARKED and (there or goal.on_illegal is not OnIllegal.PARK)


def is_decided(rule: dict[str, Any], state: Any) -> bool:
    """A message for a job that is not known yet waits; it is no proof of anything."""
    return bool(state[0] is not None or rule["then"].get("creates"))


def is_in_a_gap(space: Space, gaps: list[tuple[int, ...]], message: dict[str, object], state: Any) -> bool:
    bits = []
    for variable in space.variables:
        value = message.get(variable.name) if variable.name in VALUES else state
        bits.append(1 << class_of(value, variable.classes))
    return any(all(bit & mask for bit, mask in zip(bits, box, strict=True)) for box in gaps)


def class_of(value: object, classes: tuple[tuple[object, ...], ...]) -> int:
    """A value that the space has no member for is like the last one there is: another text, or a larger number."""
    members = [(index, member) for index, values in enumerate(classes) for member in values]
    same = [index for index, member in members if member == value and type(member) is type(value)]
    others = [index for index, member in members if isinstance(member, Other)]
    numbers = sorted((member, index) for index, member in members if type(member) is int)
    return (same or others or [numbers[-1][1]])[0]


@settings(deadline=None)
@given(rule_lists)
def test_gaps_dead_rules_and_impossible_outcomes_are_what_happens(rules: list[dict[str, Any]]) -> None:
    source = small(FIELDS, rules, tables=TABLES)
    doc = document(source)
    assert {one.kind for one in check(doc, source)} <= {"unreachable"}
    space, pack = space_of(doc), compile_pack(doc, source.data)
    columns = {column for rule in rules for column in rule["when"]}
    fired: dict[str, bool | None] = {}
    by_name = {rule["rule"]: rule for rule in rules}
    gaps, gap_found = gaps_of(space), False
    for message, state in product(messages(columns), mef_states()):
        rule = rule_of(run(pack, message, job_in(state)))
        assert (rule is None) == is_in_a_gap(space, gaps, message, state), (message, state)
        gap_found |= rule is None
        if rule is not None:
            fired.setdefault(rule, None)
            if not fired[rule] and is_decided(by_name[rule], state):
                fired[rule] = possible(pack, message, state)
    found = prove(doc, source)
    kinds = {one.kind for one in found}
    assert ("gap" in kinds) == gap_found
    assert places(found, "unreachable") == {
        source.position(("rules", i)) for i, rule in enumerate(rules) if rule["rule"] not in fired
    }
    assert places(found, "impossible-outcome") == {
        source.position(("rules", i, "then")) for i, rule in enumerate(rules) if fired.get(rule["rule"]) is False
    }


def places(found: Any, kind: str) -> set[tuple[int, int]]:
    return {(one.line, one.column) for one in found if one.kind == kind}
