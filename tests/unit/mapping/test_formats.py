"""Codes, moments and durations in every way a WFM writes them, and what is said of those that do not fit."""

from datetime import UTC, datetime, timedelta

import pytest

from bridge.mapping.formats.datetimes import Dst, check_written_format, moment_reader, moment_writer
from bridge.mapping.formats.durations import duration_reader, whole_units
from bridge.mef.enums import TimeDurationUnits
from bridge.mef.moments import rfc3339
from tests.unit.mapping.builders import translated
from tests.unit.mapping.patches import fields_of, outcome, pack_with, problems

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
NOON_MS = 1772712000000


@pytest.mark.parametrize(
    ("raw", "unit", "minutes"),
    [
        (90, "minutes", 90),
        ("90", "minutes", 90),
        ("1.5", "hours", 90),
        ("1,5", "hours", 90),
        (1.5, "hours", 90),
        (5400, "seconds", 90),
        ("1", "days", 1440),
        ("01:30", "clock", 90),
        ("1:30:00", "clock", 90),
        ("PT1H30M", "iso", 90),
        ("P1DT90M", "iso", 1530),
        ("1970-01-01 04:00:00", "date", 240),
        ("1970-01-02T00:00:00Z", "date", 1440),
    ],
)
def test_a_duration_is_read(raw: object, unit: str, minutes: int) -> None:
    assert duration_reader(unit)(raw) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("raw", "unit"),
    [
        (None, "minutes"),
        (True, "minutes"),
        ("", "minutes"),
        (-1, "minutes"),
        (1e300, "days"),
        (float("inf"), "days"),
        ("9" * 30, "seconds"),
        ("1:60", "clock"),
        ("P", "iso"),
        ("PT", "iso"),
        ("P1Y", "iso"),
        ("1969-12-31 00:00:00", "date"),
        ("9999-01-01 00:00:00", "date"),
        (4, "date"),
        ({}, "iso"),
    ],
)
def test_what_is_no_duration_is_refused(raw: object, unit: str) -> None:
    with pytest.raises(ValueError, match="it is"):
        duration_reader(unit)(raw)


def test_a_duration_is_rounded_up_to_the_unit_the_buyer_sees() -> None:
    assert whole_units(timedelta(minutes=90), TimeDurationUnits.HOUR) == 2
    with pytest.raises(ValueError, match="MONTH"):
        whole_units(timedelta(days=31), TimeDurationUnits.MONTH)


def test_a_duration_field_is_the_duration_of_the_work_order() -> None:
    patch = """
fields: {lead: {path: $.lead, type: duration, format: clock, required: true}}
work_order: {duration: {amount: {value: lead}, unit: MIN}}
"""
    duration = translated(pack_with(patch), {"job": "J", "lead": "01:30"}).update.details.duration
    assert (duration.time_duration_value, duration.time_duration_units) == (90, TimeDurationUnits.MIN)
    assert "expected a duration (it is not like 01:30" in outcome(pack_with(patch), {"lead": "x"})


@pytest.mark.parametrize(
    ("raw", "pattern"),
    [
        (NOON_MS // 1000, "epoch"),
        (str(NOON_MS // 1000), "epoch"),
        (NOON_MS, "epoch_ms"),
        (f"/Date({NOON_MS}+0100)/", "json_date"),
        (f"/Date({NOON_MS})/", "json_date"),
        ("2026-03-05T12:00:00.000Z", "iso"),
        ("2026-03-05T13:00:00+01:00", "iso"),
        ("2026-03-05 13:00", "iso"),
    ],
)
def test_a_moment_is_read_in_each_named_format(raw: object, pattern: str) -> None:
    assert moment_reader(pattern, "Europe/Warsaw")(raw, []) == NOON


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("epoch", NOON_MS // 1000),
        ("epoch_ms", NOON_MS),
        ("json_date", f"/Date({NOON_MS}+0100)/"),
        ("iso", "2026-03-05T13:00:00+01:00"),
        ("%d.%m.%Y %H:%M", "05.03.2026 13:00"),
    ],
)
def test_a_moment_is_written_in_each_format_and_read_again(pattern: str, text: object) -> None:
    written = moment_writer(pattern, "Europe/Warsaw")(NOON)
    assert written == text
    assert moment_reader(pattern, "Europe/Warsaw")(written, []) == NOON


@pytest.mark.parametrize("raw", [10**17, "9" * 80, True, None, "1,772", "/Date(x)/", [], "1" * 18])
@pytest.mark.parametrize("pattern", ["epoch", "epoch_ms", "json_date", "iso"])
def test_what_is_no_moment_is_refused(raw: object, pattern: str) -> None:
    with pytest.raises(ValueError, match="it "):
        moment_reader(pattern, "UTC")(raw, [])


@pytest.mark.parametrize(
    ("dst", "moment", "flag"),
    [("earlier", "2026-10-25T00:30:00Z", "the first"), ("later", "2026-10-25T01:30:00Z", "the second")],
)
def test_the_policy_says_which_of_two_hours_is_meant(dst: Dst, moment: str, flag: str) -> None:
    remarks: list[str] = []
    read = moment_reader("%Y-%m-%d %H:%M", "Europe/Warsaw", dst)
    assert read("2026-10-25 02:30", remarks) == datetime.fromisoformat(moment)
    assert flag in remarks[0]
    assert read("2026-03-29 02:30", []) == datetime.fromisoformat("2026-03-29T01:30:00Z")


@pytest.mark.parametrize("text", ["2026-10-25 02:30", "2026-03-29 02:30"])
def test_the_policy_may_be_to_park(text: str) -> None:
    pack = pack_with(
        """
zone: Europe/Warsaw
policies: {dst: park}
fields: {at: {path: $.at, type: datetime, format: "%Y-%m-%d %H:%M"}}
"""
    )
    assert outcome(pack, {"at": text}).startswith("parked: field at ($.at)")


@pytest.mark.parametrize(
    ("raw", "code"), [("17", "17"), (17, "17"), (17.0, "17"), ("017", "17"), (" done ", "DONE"), ("Finished", "DONE")]
)
def test_a_loose_code_is_known_however_it_is_written(raw: object, code: str) -> None:
    pack = pack_with(
        'fields: {s: {path: $.s, type: code, values: ["17", DONE, "0"], loose: true, synonyms: {finished: DONE}}}'
    )
    assert fields_of(pack, {"s": raw})["s"] == code
    assert fields_of(pack, {"s": "00"})["s"] == "0"
    assert outcome(pack, {"s": "18"}).startswith("parked")


@pytest.mark.parametrize(
    "field",
    [
        "values: [A, B], loose: true, synonyms: {a: A, first: A, First: A}",
        "values: [A, a], synonyms: {first: A, First: a}",
    ],
)
def test_spellings_of_one_code_may_be_alike(field: str) -> None:
    assert problems(f"fields: {{s: {{path: $.s, type: code, {field}}}}}") == []


def test_codes_that_are_alike_are_told_once_where_an_earlier_value_is_asked_for_too() -> None:
    s = "{path: $.s, type: code, values: [A, a], loose: true}"
    inside = f"{{path: $.i, type: items, fields: {{s: {s}}}}}"
    told = "duplicate-code: 'a' and 'A' are the same with loose: true; take one of them out, or loose"
    assert problems(f"fields: {{s: {s}, was: {{previous: s}}}}") == [told]
    assert problems(f"fields: {{i: {inside}}}") == [told]


def test_an_unlisted_code_may_be_kept_without_a_row() -> None:
    pack = pack_with(
        """
fields: {t: {path: $.t, type: code, table: staff}, name: {value: t.name}, group: {value: t.crew}}
tables: {staff: {key: crew, on_miss: keep, rows: [{crew: A, name: First}]}}
"""
    )
    assert fields_of(pack, {"t": "A"}) | {} == {"kind": None, "t": "A", "name": "First", "group": "A"}
    assert fields_of(pack, {"t": "Z"})["name"] is None


def test_one_table_leads_to_the_next() -> None:
    pack = pack_with(
        """
fields:
  tech: {path: $.tech, type: code, table: techs}
  depot: {value: tech.depot, type: code, table: depots}
  phone: {value: depot.phone}
tables:
  techs: {key: id, rows: [{id: T1, depot: N}]}
  depots: {key: id, rows: [{id: N, phone: "123"}]}
"""
    )
    assert fields_of(pack, {"tech": "T1"})["phone"] == "123"


@pytest.mark.parametrize("zone", ["Mars/Base", "x" * 300, "../../etc/passwd", "\x00"])
def test_a_zone_that_does_not_exist_parks_the_message(zone: str) -> None:
    pack = pack_with("fields: {tz: {path: $.tz}, at: {path: $.at, type: datetime, format: iso, zone: {value: tz}}}")
    assert outcome(pack, {"tz": zone, "at": "2026-03-05 13:00"}).startswith("parked: field")


def test_a_zone_may_be_minutes_east_of_greenwich() -> None:
    pack = pack_with(
        """
fields:
  off: {path: $.off, type: integer}
  at: {path: $.at, type: datetime, format: iso, zone: {minutes: off}}
"""
    )
    assert fields_of(pack, {"off": "-300", "at": "2026-03-05 07:00"})["at"] == "2026-03-05T12:00:00+00:00"
    assert outcome(pack, {"off": 5000, "at": "2026-03-05 07:00"}).startswith("parked")
    assert outcome(pack, {"at": "2026-03-05 07:00"}).startswith("parked")


WITHOUT_ZONE = """
fields:
  tz: {{path: $.tz}}
  off: {{path: $.off, type: integer}}
  start: {{path: $.start, type: datetime, format: iso, zone: UTC}}
  at: {{path: $.at, type: datetime, {}}}
"""


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("format: iso, zone: {value: tz}", "2026-03-05T13:00:00+01:00"),
        ("format: iso, zone: {minutes: off}", "2026-03-05T12:00:00Z"),
        ('format: "%d.%m.%Y %H:%M %z", zone: {value: tz}', "05.03.2026 13:00 +0100"),
        ("format: epoch, zone: {value: tz}", "1772712000"),
        ("format: iso, zone: {value: tz}, not_before: start", "2026-03-05T12:00:00Z"),
    ],
)
def test_a_text_with_its_own_offset_needs_no_zone(spec: str, text: str) -> None:
    message = {"start": "2026-03-05T11:00:00Z", "at": text}
    assert fields_of(pack_with(WITHOUT_ZONE.format(spec)), message)["at"] == "2026-03-05T12:00:00+00:00"


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("format: iso, zone: {value: tz}", "2026-03-05T13:00:00"),
        ("format: iso, zone: {value: tz}", "soon"),
        ("format: iso, zone: {value: tz}", 5),
        ("format: iso, zone: {value: tz}", "2026-03-05T13:00:00Z" + "0" * 60),
        ("format: iso, zone: {value: tz}, not_before: start", "2026-03-05T10:00:00Z"),
    ],
)
def test_an_absent_zone_that_is_needed_parks_the_message(spec: str, text: object) -> None:
    """The next day, too, is one by the clock on the wall, which may change that night."""
    message = {"start": "2026-03-05T11:00:00Z", "at": text}
    reason = "parked: field at ($.at): expected a date and time with a zone; the zone is absent"
    assert outcome(pack_with(WITHOUT_ZONE.format(spec)), message).startswith(reason)


def test_the_end_of_the_calendar_needs_no_zone_and_parks_the_message() -> None:
    pack = pack_with(WITHOUT_ZONE.format("format: iso, zone: {value: tz}"))
    assert "outside the calendar" in outcome(pack, {"at": "0001-01-01T00:00:00+14:00"})


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ("{path: $.a, type: duration}", "missing-key: a duration needs a format: seconds, minutes"),
        ("{path: $.a, type: duration, format: epoch}", "wrong-value: a duration needs a format: seconds,"),
        ('{path: $.a, type: duration, format: "%H:%M"}', "wrong-value: a duration needs a format: seconds,"),
        ("{path: $.a, type: datetime, format: clock, zone: UTC}", "wrong-value: 'clock' is a format of durations"),
        ("{path: $.a, format: iso}", "misplaced: format belongs to type datetime or duration"),
        ("{path: $.a, loose: true}", "misplaced: loose belongs to type code"),
        ("{path: $.a, type: code, values: [A], synonyms: {b: B}}", "unknown-code: there is no code 'B'"),
        ("{join: [kind, later]}", "unknown-field: there is no field 'later'"),
        ("{first: [kind, later]}", "unknown-field: there is no field 'later'"),
        ("{first: [kind, f]}", "wrong-order: field f is read after f; write it above"),
        ("{first: [kind, kind.name]}", "unknown-column: field kind has no table, so there is no kind.name"),
        ("{first: [kind, from]}", "wrong-type: expected fields of one type; from is datetime, this field text"),
        ("{first: [kind, from], type: datetime, format: iso}", "wrong-type: expected fields of one type; kind is text"),
        ("{first: [from, to], format: iso}", "misplaced: the fields of first are of type datetime already; take"),
        ("{first: [from, to], zone: UTC}", "misplaced: the fields of first are of type datetime already; take zone"),
        ("{first: [kind, kind], type: duration}", "missing-key: a duration needs a format"),
        ("{first: [kind]}", "wrong-value"),
        ("{first: kind}", "wrong-type"),
        ("{path: $.a, type: datetime, format: iso, zone: {minutes: kind}}", "wrong-type: expected a field of type"),
        ("{path: $.a, type: datetime, format: iso, zone: {}}", "wrong-value: write a zone such as"),
        ("{path: $.a, value: kind}", "wrong-source: write exactly one of path"),
    ],
)
def test_a_field_that_cannot_be_read_is_told(field: str, problem: str) -> None:
    assert any(told.startswith(problem) for told in problems(f"fields: {{kind: {{path: $.k}}, f: {field}}}"))


@pytest.mark.parametrize("tasks", [[{"what": {}}], [{"what": ["x"]}], "x", {"what": {}}, [{"what": "\x00"}]])
def test_a_list_of_things_that_are_no_texts_is_refused(tasks: object) -> None:
    pack = pack_with("fields: {t: {path: $.t, type: list, item: $.what}}")
    assert outcome(pack, {"t": tasks}).startswith("parked: field t ($.t): expected a list")
    assert fields_of(pack, {"t": [{"what": "A"}, {}, 5, {"what": None}, {"what": 7}]})["t"] == ["A", "7"]


def test_what_belongs_to_lists_is_misplaced_elsewhere() -> None:
    assert problems("fields: {t: {path: $.t, item: $.x, limit: 3}}") == [
        "misplaced: item belongs to type list; this field is of type text",
        "misplaced: limit belongs to type list or items; this field is of type text",
    ]


NIGHT = """
fields:
  from: {path: $.from, type: datetime, format: "%Y-%m-%d %H:%M", zone: Europe/Warsaw}
  to: {path: $.to, type: datetime, format: "%Y-%m-%d %H:%M", zone: Europe/Warsaw, not_before: from}
"""


@pytest.mark.parametrize(
    ("start", "end", "utc"),
    [
        ("2026-03-05 22:00", "2026-03-05 06:00", "2026-03-06T05:00:00.000Z"),
        ("2026-03-28 22:00", "2026-03-28 06:00", "2026-03-29T04:00:00.000Z"),  # the night is an hour shorter
        ("2026-10-24 22:00", "2026-10-24 06:00", "2026-10-25T05:00:00.000Z"),  # and one longer
        ("2026-03-05 22:00", "2026-03-05 23:00", "2026-03-05T22:00:00.000Z"),
    ],
)
def test_a_time_after_midnight_is_the_next_day_by_the_clock_on_the_wall(start: str, end: str, utc: str) -> None:
    visit = translated(pack_with(NIGHT), {"job": "J", "from": start, "to": end}).update.visit
    assert visit.window is not None
    assert rfc3339(visit.window.end_date_time) == utc


def test_a_time_after_the_last_midnight_of_the_calendar_is_parked() -> None:
    told = outcome(pack_with(NIGHT), {"from": "9999-12-31 22:00", "to": "9999-12-31 06:00"})
    assert told.startswith("parked: field to ($.to): expected a date and time like")
    assert "outside the calendar" in told


@pytest.mark.parametrize("pattern", ["%Y-%m-%d", "%H:%M", "%d.%m.", "iso", "epoch", "%Y-%m-%dT%H:%M:%S%z"])
def test_a_command_may_write_a_part_of_a_moment(pattern: str) -> None:
    assert check_written_format(pattern) == pattern


@pytest.mark.parametrize("pattern", ["", "today", "%", "%Q", "100 %%", "%Y-%m-%d %"])
def test_a_format_that_writes_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"is not a date format|writes no part"):
        check_written_format(pattern)
