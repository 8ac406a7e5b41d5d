"""Commands write what the job told before: typed, by the pack as it is now."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from bridge.domain.model import CommandId, CommandKind, JobRef
from bridge.mapping.commands.command import Unrenderable
from bridge.mapping.commands.context import CommandContext
from bridge.mapping.pack import Ignored, Pack, Translated
from tests.unit.mapping.builders import work_order
from tests.unit.mapping.patches import history, pack_with, problems

PACK = """
fields:
  region: {path: $.region, type: code, values: [NORTH, SOUTH], loose: true, synonyms: {N: NORTH}, empty: absent}
  crew: {path: $.crew, default: anybody}
  rank: {path: $.rank, type: integer}
  urgent: {path: $.urgent, type: boolean, yes: [Y], no: [N]}
  due: {path: $.due, type: datetime, format: "%d.%m.%Y %H:%M", zone: Europe/Warsaw}
  area: {path: $.area, type: code, table: areas}
  tz: {path: $.tz}
  label: {join: [crew, rank]}
  secret: {path: $.secret, remember: false}
  parts: {path: $.parts, type: list, split: ","}
  local: {path: $.local, type: datetime, format: "%H:%M %d.%m.%Y", zone: {value: region}}
tables:
  depots: {key: region, rows: [{region: NORTH, depot: D1}, {region: SOUTH, depot: D2}]}
  areas: {key: area, rows: [{area: East, zone: America/New_York, call: E}, {area: West, zone: America/Los_Angeles}]}
  half: {key: region, rows: [{region: NORTH, depot: D1}]}
commands:
  search:
  cancel:
    body: BODY
"""
ALL = {
    "region": {"value": "field.region", "default": "ALL"},
    "depot": {"value": "field.region", "table": "depots", "column": "depot", "default": "D0"},
    "team": {"value": "field.crew"},
    "rank": {"value": "field.rank", "omit": True},
    "urgent": {"value": "field.urgent", "omit": True},
    "due": {"value": "field.due", "omit": True, "format": "%Y-%m-%d %H:%M", "zone": "UTC"},
    "moment": {"value": "field.due", "omit": True},
    "any": {"value": ["field.rank", "field.region", "job"]},
}


def patch(body: Mapping[str, object]) -> str:
    return PACK.replace("BODY", json.dumps({"crew": None, **body}))


def written(record: Mapping[str, object], pack: Pack | None = None) -> dict[str, Any]:
    pack = pack or pack_with(patch(ALL))
    body = pack.render(CommandKind.CANCEL, context(record)).body
    told: dict[str, Any] = {key: value for key, value in orjson.loads(body).items() if key != "visit"}
    return told


def context(record: Mapping[str, object]) -> CommandContext:
    return CommandContext(
        command=CommandId("c-1"),
        job=JobRef("toy", "J"),
        work_order=work_order(),
        record=record,
        now=datetime(2026, 3, 5, 12, tzinfo=UTC),
    )


def test_a_job_that_told_nothing() -> None:
    """A field's own default stands in, else that of the entry."""
    assert written({}) == {"region": "ALL", "depot": "D0", "team": "anybody", "any": "J"}


def test_a_value_is_written_as_the_pack_types_it() -> None:
    record = {"region": "n", "crew": 7, "rank": "012", "urgent": "Y", "due": "05.03.2026 13:00"}
    assert written(record) == {
        "region": "NORTH",
        "depot": "D1",
        "team": "7",
        "rank": 12,
        "urgent": True,
        "due": "2026-03-05 12:00",
        "moment": "2026-03-05T12:00:00.000Z",
        "any": 12,
    }


@pytest.mark.parametrize(
    "record",
    [
        {"region": "WEST", "rank": "many", "urgent": "?", "due": "soon", "crew": {"deep": []}},
        {"region": None, "rank": None, "urgent": None, "due": None, "crew": None},
        {"region": [], "rank": 2**70, "urgent": {}, "due": 1e308, "crew": "\x00"},
    ],
)
def test_what_does_not_fit_any_more_is_absent(record: dict[str, object]) -> None:
    """The pack was changed since it was remembered. A visit must be cancelled all the same."""
    assert written(record) == written({})


def test_a_column_of_what_was_told_is_written() -> None:
    pack = pack_with(patch({"call": {"value": ["field.area.call", "field.area"], "default": "none"}}))
    told = [written(record, pack) for record in ({"area": "East"}, {"area": "West"}, {"area": "North"}, {})]
    assert [one["call"] for one in told] == ["E", "West", "none", "none"]


@pytest.mark.parametrize(
    ("record", "clock"),
    [({"area": "East"}, "07:00"), ({"area": "West"}, "04:00"), ({}, "13:00"), ({"area": "North"}, "13:00")],
)
def test_a_time_is_written_in_the_zone_that_the_job_told(record: dict[str, object], clock: str) -> None:
    """The pack's zone stands in where it has told none."""
    body = {"at": {"value": "now", "format": "%H:%M", "zone": "field.area.zone"}}
    assert written(record, pack_with("zone: Europe/Warsaw" + patch(body)))["at"] == clock


def test_a_zone_that_is_none_is_told_with_its_name() -> None:
    body = {"at": {"value": "now", "format": "%H:%M", "zone": "field.tz"}}
    pack = pack_with("zone: Europe/Warsaw" + patch(body))
    assert written({"tz": "Asia/Tokyo"}, pack)["at"] == "21:00"
    with pytest.raises(Unrenderable, match=r"the zone field\.tz: 'Mars/Base'"):
        written({"tz": "Mars/Base"}, pack)


def test_what_a_command_writes_is_remembered_with_the_job() -> None:
    """And only that: the record of a pack whose messages are whole holds what somebody looks back on."""
    pack = pack_with(patch({"region": {"value": "field.region", "omit": True}}))
    assert history(pack, [{"region": "n", "crew": "A"}, {"crew": "B"}], record_of) == [{"region": "n"}, {}]


def test_deltas_leave_what_they_do_not_speak_of() -> None:
    pack = pack_with("inbound: {deltas: true}" + patch({"region": {"value": "field.region", "omit": True}}))
    *_, last = history(pack, [{"region": "n"}, {"crew": "B"}], record_of)
    assert isinstance(last, dict)
    assert written(last, pack)["region"] == "NORTH"


def record_of(result: Translated | Ignored) -> object:
    return result.update.record if isinstance(result, Translated) else result.record


def entry(name: str, **more: object) -> str:
    return patch({"x": {"value": name, **more}})


@pytest.mark.parametrize(
    ("patch", "problem"),
    [
        (entry("field.regoin", omit=True), "unknown-field: there is no field 'regoin'; did you mean 'region'?"),
        (entry("field.Region", omit=True), "unknown-value: there is no value 'field.Region'"),
        (entry("field.crew", omit=True, table="depots", column="depot"), "missing-code: field.crew may be anything"),
        (entry("field.region"), "may-be-absent: field.region may be absent in cancel; give a default"),
        (entry("field.area.call"), "may-be-absent: field.area.call may be absent in cancel; give a default"),
        (entry("field.area.cal", omit=True), "unknown-column: there is no column 'cal'; did you mean 'call'?"),
        (entry("field.rank.x", omit=True), "unknown-column: field rank has no table, so there is no rank.x"),
        (entry("now", format="%H:%M", zone="field.arae.zone"), "unknown-field: there is no field 'arae'"),
        (entry("now", format="%H:%M", zone="field.due"), "wrong-type: expected the name of a time zone"),
        (entry("now", zone="field.tz"), "misplaced: a zone needs a format"),
        (entry("now", format="%H:%M", zone="area.zone"), "wrong-value: 'area.zone' is not a time zone"),
        (
            "zone: Europe/Warsaw" + entry("now", format="%H:%M", zone="field.area.call"),
            "wrong-value: 'E' is not a time zone",
        ),
        (
            entry("now", format="%H:%M", zone="field.tz"),
            "may-be-absent: field.tz may be absent in cancel; write the pack's zone, which stands in for it",
        ),
        (
            entry("field.label", omit=True),
            "not-remembered: only what is read by a path is remembered, and label is not",
        ),
        (entry("field.secret", omit=True), "not-remembered: secret is not remembered; take its remember: false away"),
        (entry("field.parts", omit=True), "not-remembered: a command can write text, code, integer, boolean, datetime"),
        (entry("field.local", omit=True), "not-remembered: local cannot be read without its message"),
        (entry("field.region", omit=True, format="%Y"), "misplaced: only a date and time has a format"),
        (
            entry("field.region", omit=True, table="half", column="depot"),
            "missing-code: table half has no row for SOUTH",
        ),
    ],
)
def test_a_mistake_is_told_with_what_to_write(patch: str, problem: str) -> None:
    (found,) = problems(patch)
    assert found.startswith(problem)
