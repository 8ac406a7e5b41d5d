"""The WFM's status graph walked against the standard: which histories need a look, each with a shortest example."""

from typing import Any

from bridge.mapping.checker import check
from bridge.mapping.lifecycle import History, histories
from bridge.yaml_source import Finding
from tests.unit.mapping.tools.packs import document, small

CODE = {"path": "$.code", "type": "code", "required": True, "values": ["new", "plan", "drive", "done", "back"]}
RULES = [
    {"rule": "new", "when": {"code": "new"}, "then": {"work_order": "open", "creates": True}},
    {"rule": "plan", "when": {"code": "plan"}, "then": {"work_order": "planned"}},
    {"rule": "drive", "when": {"code": "drive"}, "then": {"ignore": "on the way"}},
    {"rule": "done", "when": {"code": "done"}, "then": {"work_order": "completed"}},
    {"rule": "back", "when": {"code": "back"}, "then": {"work_order": "planned"}},
]
NEXT = {"new": ["plan"], "plan": ["drive"], "drive": ["done"], "done": ["back"]}


def walked(**lifecycle: Any) -> tuple[History, ...]:
    source = small({"code": CODE}, RULES, lifecycle={"field": "code", "initial": "new", "next": NEXT, **lifecycle})
    assert check(document(source), source) == ()
    return histories(document(source))


def found(**lifecycle: Any) -> tuple[Finding, ...]:
    source = small({"code": CODE}, RULES, lifecycle={"field": "code", "initial": "new", "next": NEXT, **lifecycle})
    return check(document(source), source)


def test_histories_that_jump_park_or_stay_silent_are_told_with_a_shortest_example() -> None:
    assert [(one.kind, one.steps, one.rule, one.why) for one in walked()] == [
        ("hidden", ("new", "plan", "drive"), "drive", "on the way"),
        ("hops", ("new", "plan", "drive", "done"), "done", "planned -> inProgress -> completed (workOrder)"),
        (
            "parked",
            ("new", "plan", "drive", "done", "back"),
            "back",
            "WorkOrder completed -> planned: it has ended",
        ),
    ]


def test_a_message_before_the_one_that_creates_the_job_waits() -> None:
    told = walked(initial=["new", "plan"])
    assert ("parked", ("plan",)) in [(one.kind, one.steps) for one in told]


def test_a_round_trip_in_the_graph_ends() -> None:
    assert walked(next={**NEXT, "back": ["plan", "new"]})


def test_a_pack_without_a_lifecycle_has_no_histories() -> None:
    source = small({"code": CODE}, RULES)
    assert histories(document(source)) == ()


def test_codes_of_the_graph_are_those_of_the_field() -> None:
    assert [(one.kind, one.message) for one in found(next={**NEXT, "plan": ["drivve"]})] == [
        ("unreached-code", "no history leads to drive, done, back; add them to initial or to what may follow a code"),
        ("unknown-code", "there is no code 'drivve'; did you mean 'drive'?"),
    ]
    assert [one.kind for one in found(field="cod")] == ["unknown-field"]
    assert [one.kind for one in found(field="visit")] == ["wrong-type"]
