"""The decision table: each kind of cell, first rule wins, and what failed before it."""

import pytest

from bridge.domain.model import Goal, Job, JobRef, OnIllegal
from bridge.mapping.document import Cell, Rule, Table
from bridge.mapping.formats.paths import MISSING
from bridge.mapping.formats.values import Misread
from bridge.mapping.reading.cells import raw_test
from bridge.mapping.reading.references import states_of, table_lookup
from bridge.mapping.rules import Ignore, Park, cell_test, cell_text, compile_rules
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from tests.unit.mapping.builders import NOON, job

NO_JOB = Job(ref=JobRef("p", "j"))


@pytest.mark.parametrize(
    ("cell", "fits", "fails"),
    [
        ({"present": True}, [{}, {"a": 1}, [], "A"], [MISSING, None]),
        ({"present": False}, [MISSING, None], [{}, [1], "A"]),
        ({"not": "A"}, [MISSING, "B"], [{}, [], "A"]),
    ],
)
def test_a_list_or_an_object_in_a_message_is_present_and_nothing_else(
    cell: object, fits: list[object], fails: list[object]
) -> None:
    test = raw_test(Cell.model_validate(cell))
    assert [test(raw) for raw in fits] == [True] * len(fits)
    assert [test(raw) for raw in fails] == [False] * len(fails)


def test_a_moment_in_a_message_is_compared_whatever_its_offset_and_nothing_else_fits() -> None:
    test = raw_test(Cell.model_validate({"at_least": "2026-03-05T13:00:00+01:00", "below": "2026-03-06T00:00:00Z"}))
    fits = ["2026-03-05T12:00:00Z", "2026-03-05T07:00-05:00", "2026-03-05T23:59:59.999+0000"]
    early, late = ["2026-03-05T11:59:59Z", "0001-01-01T00:00:00+14:00"], ["2026-03-06T00:00Z", "2026-03-06T01:00+01:00"]
    none: list[object] = [
        "2026-03-05T12:30:00",
        "soon",
        "",
        "2026-03-05T12:00:00Z\0",
        1772712000,
        True,
        None,
        MISSING,
        [],
    ]
    assert [test(raw) for raw in fits] == [True] * 3
    assert [raw for raw in (*early, *late, *none) if test(raw)] == []


@pytest.mark.parametrize(
    ("cell", "fits", "fails", "text"),
    [
        ("A", ["A"], ["B", None, ""], '"A"'),
        (["A", "B"], ["A", "B"], ["C", None], '"A" or "B"'),
        ({"any": ["A"]}, ["A"], ["B"], '"A"'),
        ({"not": "A"}, ["B", None], ["A"], 'not "A"'),
        ({"not": ["A", "B"]}, ["C", None], ["A", "B"], 'not "A" or "B"'),
        ({"present": True}, ["A", "", 0, False, ()], [None], "present"),
        ({"present": False}, [None], ["A", ""], "absent"),
        (True, [True], [False, None], "true"),
        (5, [5], [6, None], "5"),
        ({"at_least": 5}, [5, 6], [4, None, "5", True, NOON], "at least 5"),
        ({"above": 5, "below": 7}, [6], [5, 7], "above 5 and below 7"),
        ({"at_most": "2026-03-05T12:00:00Z"}, [NOON], [NOON.replace(hour=13), 3], "at most 2026-03-05T12:00:00.000Z"),
        ({"starts_with": "No"}, ["nope", "NO"], ["yes", None, 5], 'starts with "No"'),
        ({"ends_with": ["ß", "x"]}, ["STRASS", "x"], ["y"], 'ends with "ß" or ends with "x"'),
        (
            {"contains_word": "no access"},
            ["No access!", "x no access"],
            ["no accessory", "", "piano access"],
            'contains word "no access"',
        ),
        ("open", [WorkOrderState.OPEN], [WorkOrderState.PLANNED, None], '"open"'),
    ],
)
def test_a_cell_fits_what_it_says(cell: object, fits: list[object], fails: list[object], text: str) -> None:
    compiled = Cell.model_validate(cell)
    assert [cell_test(compiled)(value) for value in fits] == [True] * len(fits)
    assert [cell_test(compiled)(value) for value in fails] == [False] * len(fails)
    assert cell_text(compiled) == text


def rules(*rows: dict[str, object]) -> list[Rule]:
    return [Rule.model_validate({"rule": f"r{index}", **row}) for index, row in enumerate(rows)]


def test_the_first_rule_that_holds_decides_and_the_failed_cells_before_it_are_told() -> None:
    table = compile_rules(
        rules(
            {"when": {"a": "1", "b": "2"}, "then": {"ignore": "x"}},
            {"when": {"b": "3"}, "then": {"ignore": "y"}},
            {"when": {}, "then": {"ignore": "z"}},
        ),
        {},
        OnIllegal.PARK,
    )
    explained: list[object] = []
    rule = table.decide({"a": "1", "b": "3"}, explained)
    assert rule is not None
    assert rule.name == "r1"
    assert explained == [{"rule": "r0", "column": "b", "expected": '"2"', "came": "3"}]


def test_no_rule_may_hold() -> None:
    table = compile_rules(rules({"when": {"a": "1"}, "then": {"ignore": "x"}}), {}, OnIllegal.PARK)
    assert table.decide({"a": None}, []) is None


def test_a_column_may_be_a_column_of_the_fields_table() -> None:
    faults = Table.model_validate({"key": "code", "rows": [{"code": "C01", "fault": "buyer"}, {"code": "X"}]})
    table = compile_rules(
        rules(
            {"when": {"reason.fault": "buyer"}, "then": {"ignore": "x"}},
            {"when": {"reason.fault": {"present": False}}, "then": {"ignore": "y"}},
        ),
        {"reason": table_lookup(faults)},
        OnIllegal.PARK,
    )
    names = [rule.name for reason in ("C01", "X", None) if (rule := table.decide({"reason": reason}, []))]
    assert names == ["r0", "r1", "r1"]


@pytest.mark.parametrize(
    ("known", "name"),
    [
        (NO_JOB, "r2"),
        (job(WorkOrderState.IN_PROGRESS), "r0"),
        (job(WorkOrderState.PLANNED, AppointmentStatus.CONFIRMED), "r1"),
        (job(WorkOrderState.OPEN, AppointmentStatus.CANCELLED), "r3"),
    ],
)
def test_a_column_may_be_the_current_state(known: Job, name: str) -> None:
    table = compile_rules(
        rules(
            {"when": {"work_order_state": "inProgress"}, "then": {"ignore": "x"}},
            {"when": {"appointment_status": ["confirmed", "inProgress"]}, "then": {"ignore": "x"}},
            {"when": {"work_order_state": {"present": False}}, "then": {"ignore": "x"}},
            {"then": {"ignore": "x"}},
        ),
        {},
        OnIllegal.PARK,
    )
    rule = table.decide(states_of(known), [])
    assert rule is not None
    assert rule.name == name


@pytest.mark.parametrize(
    ("then", "outcome"),
    [
        ({"ignore": "why"}, Ignore("why")),
        ({"park": "why"}, Park("why")),
        (
            {"work_order": "planned"},
            Goal(work_order=WorkOrderState.PLANNED, on_illegal=OnIllegal.FOLLOW_UP),
        ),
        (
            {"appointment": "missed", "on_illegal": "keep"},
            Goal(appointment=AppointmentStatus.MISSED, on_illegal=OnIllegal.KEEP),
        ),
        ({"appointment_required": True}, Goal(appointment_required=True, on_illegal=OnIllegal.FOLLOW_UP)),
        ({"appointment_required": False}, Goal(appointment_required=False, on_illegal=OnIllegal.FOLLOW_UP)),
        ({"appointment_required": {"value": "yes"}}, Goal(appointment_required=True, on_illegal=OnIllegal.FOLLOW_UP)),
    ],
)
def test_an_outcome_is_a_goal_or_a_reason_and_the_packs_policy_holds_unless_the_rule_has_its_own(
    then: dict[str, object], outcome: object
) -> None:
    table = compile_rules(rules({"then": then}), {}, OnIllegal.FOLLOW_UP)
    assert table.rules[0].outcome_for({"yes": True}) == outcome


def test_appointment_required_from_an_absent_field_is_told() -> None:
    table = compile_rules(rules({"then": {"appointment_required": {"value": "yes"}}}), {}, OnIllegal.PARK)
    with pytest.raises(Misread, match="expected true or false; came null"):
        table.rules[0].outcome_for({"yes": None})
