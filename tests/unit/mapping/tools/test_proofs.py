"""What the proofs say of a decision table, in words that tell what to write."""

from typing import Any

import pytest

from bridge.mapping.checker import prove
from bridge.yaml_source import Finding
from tests.unit.mapping.tools.packs import document, small

CODE = {"path": "$.code", "type": "code", "required": True, "values": ["a", "b", "c", "d"]}
REASON = {"path": "$.reason", "type": "code", "table": "reasons"}
REASONS = {"reasons": {"key": "code", "rows": [{"code": "C1", "fault": "buyer"}, {"code": "T1", "fault": "seller"}]}}
COUNT = {"path": "$.count", "type": "integer", "required": True}
SEEN = {"then": {"ignore": "seen"}}


def proven(*rules: dict[str, Any]) -> tuple[Finding, ...]:
    named = [{"rule": f"r{index}", **SEEN, **rule} for index, rule in enumerate(rules)]
    source = small({"code": CODE, "reason": REASON, "count": COUNT}, named, tables=REASONS)
    return prove(document(source), source)


def messages(*rules: dict[str, Any]) -> list[str]:
    return [f"{one.kind}: {one.message}" for one in proven(*rules)]


def gaps(*rules: dict[str, Any]) -> list[str]:
    ending = "; add a rule, or accept it with a last rule `then: {park: <why>}`"
    told = messages(*rules)
    assert all(one.startswith("gap: no rule fits when ") and one.endswith(ending) for one in told), told
    return [one.removeprefix("gap: no rule fits when ").removesuffix(ending) for one in told]


def test_a_code_that_no_rule_covers_is_a_gap() -> None:
    assert gaps({"when": {"code": ["a", "b"]}}) == ["code is c or d"]


def test_a_last_rule_that_parks_accepts_what_is_left() -> None:
    assert messages({"when": {"code": "a"}}, {"then": {"park": "nobody knows"}}) == []


def test_a_gap_names_only_the_columns_that_matter() -> None:
    assert gaps({"when": {"code": ["a", "b"]}}, {"when": {"code": "c", "reason.fault": "buyer"}}) == [
        "code is d",
        "code is c, and reason is T1 or absent",
    ]


def test_the_current_state_is_part_of_a_gap() -> None:
    assert gaps({"when": {"work_order_state": {"not": "planned"}}}) == ["work_order_state is planned"]


def test_a_closed_visit_on_an_open_work_order_cannot_be() -> None:
    """R24: an Appointment stands only while the WorkOrder is planned or under way."""
    standing = {"appointment_status": ["confirmed", "inProgress"]}
    ended = ["open", "completed", "cancelled", "unableToComplete"]
    found = proven({"when": {**standing, "work_order_state": ended}}, {})
    assert [one.kind for one in found] == ["unreachable"]


def test_a_rule_that_several_others_shadow_names_them() -> None:
    told = messages({"when": {"code": ["a", "b"]}}, {"when": {"code": ["c", "d"]}}, {})
    assert told == [
        "unreachable: rules 'r0', 'r1' together take every message that this rule fits; move it before, or take it out"
    ]


def test_conditions_that_never_hold_together_are_told() -> None:
    told = messages({"when": {"reason": "C1", "reason.fault": "seller"}}, {})
    assert told == ["unreachable: its conditions never hold together; take one out"]


def test_numbers_that_no_cell_names_are_covered_too() -> None:
    assert gaps({"when": {"count": [1, 2]}}) == ["count is 0 or 3"]


@pytest.mark.parametrize(
    ("then", "reason"),
    [
        ({"work_order": "open", "appointment": "confirmed"}, "Appointment confirmed on a WorkOrder that is open"),
        ({"work_order": "completed", "appointment": "inProgress"}, "on a WorkOrder that is completed"),
    ],
)
def test_a_goal_that_no_state_machine_allows_is_told(then: dict[str, Any], reason: str) -> None:
    (told,) = messages({"then": {**then, "creates": True}})
    assert told.startswith("impossible-outcome: this can never happen: ")
    assert reason in told


def test_a_goal_out_of_reach_from_where_the_rule_stands_is_told() -> None:
    (told,) = messages({"when": {"work_order_state": "completed"}, "then": {"work_order": "open"}}, {})
    assert "it has ended" in told


def test_a_pack_may_say_what_to_do_instead() -> None:
    kept = {"work_order": "open", "on_illegal": "keep"}
    assert messages({"when": {"work_order_state": "completed"}, "then": kept}, {}) == []
