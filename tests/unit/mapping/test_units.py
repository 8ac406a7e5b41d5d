"""The unit of a WorkOrder's duration: always the same, or what a code or a table says, which is always a real one."""

from typing import Any

import pytest

from bridge.mef.enums import TimeDurationUnits
from bridge.mef.models import TimeDuration
from tests.unit.mapping.builders import translated
from tests.unit.mapping.patches import outcome, pack_with, problems
from tests.unit.mapping.test_docs_examples import pack_of

FIELDS = """
fields:
  amount: {path: $.amount, type: integer, default: 1}
  span: {path: $.span, type: duration, format: minutes, required: true}
  any: {path: $.any, required: true}
  at: {path: $.at, type: datetime, format: iso, zone: UTC, required: true}
  unit: {path: $.unit, type: code, required: true, values: [MIN, HOUR, MONTH], synonyms: {m: MIN}}
  maybe: {path: $.maybe, type: code, values: [MIN, DAY]}
  kind: {path: $.kind, type: code, required: true, table: kinds}
  loose_kind: {path: $.kind, type: code, required: true, table: loose_kinds}
  open_kind: {path: $.kind, type: code, required: true, table: open_kinds}
tables:
  kinds: {key: kind, rows: [{kind: H, unit: HOUR, colour: MIN}, {kind: D, unit: DAY, colour: red}]}
  loose_kinds: {key: kind, on_miss: default, default: {unit: SEC}, rows: [{kind: H, unit: HOUR}]}
  open_kinds: {key: kind, on_miss: keep, rows: [{kind: HOUR, unit: HOUR}]}
"""


def patch(amount: str, unit: str) -> str:
    return f"{FIELDS}work_order: {{duration: {{amount: {amount}, unit: {unit}}}}}"


MESSAGE = {"job": "J", "any": "x", "at": "2026-03-05T12:00:00Z", "span": 90, "unit": "HOUR", "kind": "H"}


@pytest.mark.parametrize(
    ("amount", "unit", "message", "duration"),
    [
        ("3", "HOUR", {}, (3, "HOUR")),
        ("{value: amount}", "{value: unit}", {"amount": 2}, (2, "HOUR")),
        ("{value: amount}", "{value: unit}", {"amount": 2, "unit": "m"}, (2, "MIN")),
        ("{value: amount}", "{value: unit}", {"unit": "MONTH"}, (1, "MONTH")),
        ("{value: amount}", "{value: kind.unit}", {"kind": "D"}, (1, "DAY")),
        ("{value: amount}", "{value: maybe, default: SEC}", {}, (1, "SEC")),
        ("{value: amount}", "{value: [maybe, kind.unit]}", {"maybe": "DAY"}, (1, "DAY")),
        ("{value: span}", "{value: kind.unit}", {}, (2, "HOUR")),
        ("{value: span}", "{value: maybe, default: HOUR}", {"maybe": "MIN"}, (90, "MIN")),
    ],
)
def test_a_duration_is_told_in_the_unit_that_was_said(
    amount: str, unit: str, message: dict[str, Any], duration: tuple[int, str]
) -> None:
    details = translated(pack_with(patch(amount, unit)), MESSAGE | message).update.details
    assert details is not None
    value, told = duration
    assert details.duration == TimeDuration(time_duration_value=value, time_duration_units=TimeDurationUnits(told))


def test_a_table_may_have_a_unit_for_whatever_comes() -> None:
    fields = FIELDS.replace("table: kinds", "table: loose_kinds")
    pack = pack_with(f"{fields}work_order: {{duration: {{amount: 1, unit: {{value: loose_kind.unit}}}}}}")
    details = translated(pack, MESSAGE | {"kind": "other"}).update.details
    assert details is not None
    assert details.duration.time_duration_units is TimeDurationUnits.SEC


def test_the_example_of_the_docs_tells_hours() -> None:
    details = translated(pack_of("units"), {"job": "J", "duration": 2, "durationType": "Hours"}).update.details
    assert details is not None
    assert details.duration == TimeDuration(time_duration_value=2, time_duration_units=TimeDurationUnits.HOUR)


def test_a_unit_is_told_once_and_where_it_is_written() -> None:
    assert problems(patch("1", "{value: at}")) == ["wrong-type: expected text; at is datetime"]


def test_a_unit_that_nobody_declared_parks_the_message() -> None:
    told = outcome(pack_with(patch("1", "{value: unit}")), MESSAGE | {"unit": "FORTNIGHT"})
    assert told == 'parked: field unit ($.unit): expected one of MIN, HOUR, MONTH; came "FORTNIGHT"'


@pytest.mark.parametrize(
    ("amount", "unit", "problem"),
    [
        ("1", "MINS", "wrong-value: got 'MINS'; did you mean 'MIN'?"),
        ("1", "{value: maybe, default: DAYS}", "wrong-value: got 'DAYS'; did you mean 'DAY'?"),
        ("1", "{value: maybe}", "may-be-absent: maybe may be absent"),
        ("1", "{value: nowhere}", "unknown-field: there is no field 'nowhere'"),
        ("1", "{value: kind.units}", "unknown-column: there is no column 'units'; did you mean 'unit'?"),
        ("1", "{value: kind.colour}", "wrong-value: kind.colour may be 'red'; expected NS, US, MS, SEC, MIN"),
        ("1", "{value: kind}", "wrong-value: kind may be 'H'; expected NS, US"),
        ("1", "{value: any}", "wrong-type: expected a code or column that is always one of NS, US"),
        ("1", "{value: open_kind}", "wrong-type: expected a code or column that is always one of NS, US"),
        ("1", "{value: open_kind.unit}", "may-be-absent: open_kind.unit may be absent"),
        ("1", "{value: at}", "wrong-type: expected text; at is datetime"),
        (
            "{value: span}",
            "MONTH",
            "wrong-value: a duration cannot be told in MONTH; write US, MS, SEC, MIN, HOUR, DAY or WEEK",
        ),
        (
            "{value: span}",
            "{value: unit}",
            "wrong-value: unit may be 'MONTH'; expected US, MS, SEC, MIN, HOUR, DAY or WEEK",
        ),
    ],
)
def test_a_unit_that_may_be_none_of_the_standard_is_told(amount: str, unit: str, problem: str) -> None:
    kind, _, words = problem.partition(": ")
    assert any(one.startswith(f"{kind}: ") and words in one for one in problems(patch(amount, unit)))
