"""The WFM's status graph walked against the standard: which histories need a look, each with a shortest example."""

from typing import Any

from bridge.mapping.checks.checker import check
from bridge.mapping.checks.proofs.histories import History, histories
from bridge.yaml_source import Finding
from tests.unit.packtools.packs import FRAME, document, small

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
        (
            "unreached-code",
            (
                "no history leads to drive, done, back; add them to lifecycle.initial, or to what may follow a code in "
                "lifecycle.next"
            ),
        ),
        ("unknown-code", "there is no code 'drivve'; did you mean 'drive'?"),
    ]
    assert [one.kind for one in found(field="cod")] == ["unknown-field"]
    assert [one.kind for one in found(field="visit")] == ["wrong-type"]


EVENT = {"path": "$.event", "type": "code", "values": ["cancel", "remark"], "remember": False}
WITH_EVENTS = [
    {"rule": "cancelled", "when": {"event": "cancel"}, "then": {"work_order": "cancelled"}},
    {"rule": "new", "when": {"code": "new"}, "then": {"work_order": "open", "creates": True}},
    {"rule": "done", "when": {"code": "done"}, "then": {"work_order": "completed"}},
    {"rule": "else", "when": {"code": {"present": False}}, "then": {"ignore": "nothing new"}},
]


def walked_with_events(code: dict[str, Any], next_: dict[str, list[str]], **inbound: Any) -> list[tuple[str, ...]]:
    fields = {"code": {"path": "$.code", "type": "code", "values": ["new", "done"], **code}, "event": EVENT}
    lifecycle = {"field": "code", "initial": "new", "next": next_}
    source = small(fields, WITH_EVENTS, lifecycle=lifecycle, inbound={**FRAME["inbound"], **inbound})
    assert {one.kind for one in check(document(source), source)} <= {"unreachable"}
    return [(one.kind, *one.steps, one.rule) for one in histories(document(source))]


def test_a_message_without_a_status_may_change_what_the_buyer_sees_at_any_time() -> None:
    assert ("parked", "new", "(no status)", "done", "done") in walked_with_events({}, {"new": ["done"]})
    assert ("parked", "new", "done", "(no status)", "cancelled") in walked_with_events({}, {"new": ["done"]})


def test_a_message_without_a_status_hides_no_change_of_it() -> None:
    told = walked_with_events({}, {"new": ["done"]})
    assert [one for one in told if one[0] == "hidden" and "(no status)" in one[-2:]] == []
    assert "else" not in {one[-1] for one in told}


def test_the_same_status_again_hides_no_change_of_it() -> None:
    assert ("hidden", "new", "new", "new") not in walked_with_events({"required": True}, {"new": ["new", "done"]})
    assert ("hidden", "new", "done", "done") not in walked_with_events({"required": True}, {"new": ["done"]})


def test_a_status_that_must_be_there_is_always_said() -> None:
    told = walked_with_events({"required": True}, {"new": ["done"]})
    assert told
    assert all("(no status)" not in one for one in told)


def test_a_delta_without_a_status_keeps_the_last_one() -> None:
    """What rules see of `code` is never absent, so the rule for an absent one is never the one that decides."""
    told = walked_with_events({"required": True}, {"new": ["done"]}, deltas=True)
    assert ("parked", "new", "done", "(no status)", "cancelled") in told
    made = walked_with_events({"path": "$.status"}, {"new": ["done"]}, deltas=True)
    assert "else" not in {one[-1] for one in [*told, *made]}


def test_a_status_that_is_not_there_may_have_a_default() -> None:
    codes = {"values": ["new", "hold", "done"], "default": "done"}
    told = walked_with_events(codes, {"new": ["hold"], "hold": ["done"]})
    assert ("hops", "new", "(no status)", "done") in told
