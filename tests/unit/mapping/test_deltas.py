"""Delta messages: what a message leaves out is what the job's record says."""

import json
from dataclasses import replace
from typing import Any

import pytest

from bridge.domain.model import Job, JobRef
from bridge.mapping.pack import Awaits, Ignored, Reading, Translated, Unmapped
from bridge.packtools.case_report import differences
from bridge.packtools.sandbox import RawMessage, Sandbox
from tests.unit.mapping.builders import NOON, translate, translated, unmapped
from tests.unit.mapping.patches import fields_of, history, known_job, outcome, pack_with, problems
from tests.unit.packtools.test_case_runner import run

DELTAS = """
inbound: {deltas: true}
fields:
  kind: {path: $.kind}
  status: {path: $.status, nulls: absent, empty: keep}
  reason: {path: $.reason, remember: false}
  was: {previous: status}
  moved: {changed: [status, kind]}
"""


def values(result: Translated | Ignored) -> object:
    told: Any = result.explanation["fields"]
    return tuple(told[name]["value"] for name in ("status", "reason", "was", "moved"))


def test_absent_keeps_null_clears_and_a_field_of_the_message_only_is_never_kept() -> None:
    seen = history(
        pack_with(DELTAS),
        [{"status": "new", "reason": "x"}, {}, {"status": ""}, {"status": "old"}, {"status": None}, {}],
        values,
    )
    assert seen == [
        ("new", "x", None, True),
        ("new", None, "new", False),
        ("new", None, "new", False),
        ("old", None, "new", True),
        (None, None, "old", True),
        (None, None, None, False),
    ]


def test_a_kept_value_is_explained() -> None:
    pack = pack_with(DELTAS)
    job = Job(ref=JobRef("toy", "J"), record={"status": "new"})
    told: Any = translated(pack, {"job": "J"}, job).explanation["fields"]
    assert told["status"] == {"path": "$.status", "kept": True, "raw": "new", "value": "new"}


def test_the_message_may_say_itself_what_changed() -> None:
    pack = pack_with(
        """
inbound: {deltas: true, changed_names: $.header.changedFields}
fields:
  kind: {path: $.payload.Kind}
  moved: {changed: kind}
"""
    )
    job = Job(ref=JobRef("toy", "J"), record={"kind": "A"})
    assert fields_of(pack, {"payload": {"Kind": "A"}, "header": {"changedFields": ["Kind"]}}, job)["moved"] is True
    assert fields_of(pack, {"payload": {"Kind": "B"}, "header": {"changedFields": ["Other"]}}, job)["moved"] is False
    assert fields_of(pack, {"payload": {"Kind": "B"}, "header": {"changedFields": []}}, job)["moved"] is True


WRITES = """
inbound: {deltas: {unless: [{path: $.form, fits: whole}]}, version: {path: $.v, optional: true}}
fields:
  a: {path: [$.a, $.b.a], nulls: absent}
  c: {path: $.c, empty: keep}
  both: {join: [a, c]}
  wrote: {writes: [a]}
  wrote_both: {writes: both}
  cleared: {empties: both}
"""


@pytest.mark.parametrize(
    ("message", "known", "wrote"),
    [
        ({}, {"a": "1"}, (False, False, False)),
        ({"a": "1"}, {"a": "1"}, (True, True, False)),
        ({"c": "2"}, {}, (False, True, False)),
        ({"a": None}, {"a": "1"}, (True, True, True)),
        ({"a": None}, {}, (True, True, True)),
        ({"b": None, "c": "2"}, {"a": "1"}, (True, True, True)),
        ({"c": ""}, {"c": "1"}, (False, False, False)),
        ({"form": "whole"}, {"a": "1"}, (True, True, True)),
        ({"form": "whole", "a": "1", "c": "2"}, {}, (True, True, False)),
    ],
)
def test_what_a_message_writes_is_what_it_says_itself(
    message: dict[str, Any], known: dict[str, str], wrote: tuple[bool, ...]
) -> None:
    found = fields_of(pack_with(WRITES), message, Job(ref=JobRef("toy", "J"), record=known))
    assert (found["wrote"], found["wrote_both"], found["cleared"]) == wrote


def test_a_late_message_writes_nothing_that_was_told_since() -> None:
    job = known_job(a="1", c="2")
    job = replace(job, versions={"job": 5}, field_versions={"a": {"job": 5}, "c": {"job": 1}})
    found = fields_of(pack_with(WRITES), {"v": 3, "a": None, "c": "3"}, job)
    assert (found["wrote"], found["wrote_both"], found["cleared"], found["a"]) == (False, True, False, "1")


def test_a_wfm_that_sends_snapshots_keeps_a_record_of_what_is_looked_back_on_only() -> None:
    pack = pack_with("fields: {kind: {path: $.kind}, other: {path: $.other}, moved: {changed: kind}}")
    assert history(
        pack, [{"kind": "A", "other": "B"}], lambda r: r.update.record if isinstance(r, Translated) else 0
    ) == [{"kind": "A"}]


def test_an_ignored_delta_is_remembered() -> None:
    pack = pack_with(DELTAS + "rules: [{rule: no, then: {ignore: x}}]")
    assert history(pack, [{"status": "A"}, {}], lambda r: r.record if isinstance(r, Ignored) else 0) == [
        {"status": "A"},
        {"status": "A"},
    ]


@pytest.mark.parametrize(
    ("patch", "problem"),
    [
        ("fields: {a: {path: $.a, nulls: keep}}", "misplaced: nulls: keep needs inbound: {deltas: true}"),
        ("fields: {a: {previous: b}}", "unknown-field: there is no field 'b'; there is from, to, kind, a"),
        ("fields: {m: {changed: x}, x: {path: $.x}}", "wrong-order: field x is read after m; write it above"),
        (
            "fields: {x: {header: x}, m: {changed: x}}",
            "wrong-source: only a field with a path is remembered; x is not",
        ),
        ("fields: {x: {attribution: true}}", "missing-key: the pack has no section attribution"),
        (
            "fields: {x: {path: $.x}, m: {writes: x}}",
            "misplaced: a complete message says all there is: ask whether a field is present; writes needs deltas",
        ),
        (
            "inbound: {deltas: true}\nfields: {m: {empties: x}, x: {path: $.x}}",
            "wrong-order: field x is read after m; write it above",
        ),
        (
            "inbound: {deltas: true}\nfields: {x: {path: $.x}, h: {header: h}, j: {join: [x, h]}, m: {writes: [x, j]}}",
            "wrong-source: only a field with a path is remembered; h is not; j is made of it",
        ),
        ("inbound: {deltas: true}\nfields: {m: {empties: x}}", "unknown-field: there is no field 'x'; there is"),
    ],
)
def test_what_cannot_be_made_is_told(patch: str, problem: str) -> None:
    assert [found for found in problems(patch) if found.startswith(problem)]


def test_previous_is_of_the_type_of_its_field() -> None:
    pack = pack_with(
        "fields: {n: {path: $.n, type: integer}, was: {previous: n}}\n"
        "rules: [{rule: grew, when: {was: {below: 5}, n: {at_least: 5}}, then: {hold: x}}]"
    )
    job = Job(ref=JobRef("toy", "J"), record={"n": "4"})
    assert outcome(pack, {"n": 5}, job) == "grew"
    assert outcome(pack, {"n": 4}, job) == "parked: no rule fits this message"


def test_a_list_that_no_database_can_hold_is_not_remembered() -> None:
    pack = pack_with("inbound: {deltas: true}\nfields: {t: {path: $.t, type: list, item: $.what}}")
    assert "cannot be remembered" in unmapped(pack, {"job": "J", "t": [{"what": "A", "more": "\x00"}]}).reason
    deep = b'{"job": "J", "t": [{"what": "A", "more": ' + b"[" * 900 + b"]" * 900 + b"}]}"
    reading = pack.read(deep, "", {})
    assert isinstance(reading, Reading)
    result = pack.translate(reading, Job(ref=reading.job))
    assert isinstance(result, Unmapped)
    assert "cannot be remembered" in result.reason


# A job that is not known yet

AHEAD = """
inbound: {deltas: true}
fields:
  event: {path: $.event, type: code, values: [made, seen, told, odd], required: true, remember: false}
  site: {path: $.site, required: true}
  area: {path: $.area, type: code, table: areas}
  due: {path: $.due, type: datetime, format: "%Y-%m-%d %H:%M", zone: {value: area.zone}}
tables: {areas: {key: name, rows: [{name: north, zone: Europe/Oslo}]}}
rules:
  - {rule: odd, when: {event: odd}, then: {park: Look at it}}
  - {rule: seen, when: {event: seen}, then: {ignore: Nothing happens}}
  - {rule: made, when: {event: made}, then: {work_order: open, creates: true}}
  - {rule: told, when: {event: told}, then: {hold: More is told}}
"""


@pytest.mark.parametrize(
    ("message", "came"),
    [
        ({"event": "told"}, "waits: job J is not known yet; this message alone does not tell site"),
        ({"event": "told", "site": "S"}, "waits: job J is not known yet"),
        (
            {"event": "told", "site": "S", "due": "2026-03-06 08:00"},
            "waits: job J is not known yet; this message alone does not tell due",
        ),
        ({}, "waits: job J is not known yet; this message alone does not tell event, site"),
        ({"event": "told", "from": "2026-03-06T08:00:00+0000"}, "waits: job J is not known yet; this message alone"),
        ({"event": "seen"}, "ignored by seen"),
        ({"event": "odd"}, "parked: Look at it"),
        ({"event": "made"}, "parked: rule made: field site ($.site): a value is required; it is missing"),
        ({"event": "made", "site": "S"}, "made"),
        ({"event": "told", "site": [1]}, "parked: field site ($.site): expected text"),
    ],
)
def test_a_delta_of_an_unknown_job_waits_for_it_unless_its_rule_says_otherwise(
    message: dict[str, Any], came: str
) -> None:
    assert outcome(pack_with(AHEAD), message).startswith(came)


def test_a_delta_of_a_known_job_tells_what_is_missing() -> None:
    missing = "parked: field site ($.site): a value is required; it is missing"
    assert outcome(pack_with(AHEAD), {"event": "told"}, known_job()) == missing
    assert outcome(pack_with(AHEAD), {"event": "told"}, known_job(site="S")) == "told"


def test_a_snapshot_of_an_unknown_job_must_be_complete() -> None:
    snapshots = AHEAD.replace("inbound: {deltas: true}\n", "").replace(", remember: false", "")
    assert outcome(pack_with(snapshots), {"event": "told"}).startswith("parked: field site")


def test_what_waits_is_explained() -> None:
    result = translate(pack_with(AHEAD), {"job": "J", "event": "told", "site": "S"})
    assert isinstance(result, Awaits)
    assert result.rule == result.explanation["rule"] == "told"
    assert result.explanation["reason"] == result.reason


def test_a_waiting_delta_is_taken_up_in_the_book_when_its_job_comes() -> None:
    pack = pack_with(AHEAD + "work_order: {task: {value: site}}")
    book = Sandbox(pack)

    def hear(**message: object) -> list[str]:
        return [str(one.outcome) for one in book.apply(RawMessage(body=json.dumps(message).encode()), NOON)]

    assert hear(job="J", event="told", area="north") == ["waiting"]
    assert hear(job="J", event="told", due="2026-03-06 08:00") == ["waiting"]
    assert hear(job="J", event="made", site="S") == ["applied", "unchanged", "unchanged"]
    assert book.job(JobRef("toy", "J")).record == {"site": "S", "area": "north", "due": "2026-03-06 08:00"}


AFTER_A_MOVE = """
inbound: {deltas: true}
fields:
  status: {path: $.status, type: code, values: [new, planned], required: true}
  technician: {path: $.technician}
rules:
  - {rule: created, when: {status: new}, then: {work_order: open, creates: true}}
  - {rule: planned, then: {work_order: planned, appointment: confirmed}}
appointment:
  seller_contact:
    assigned:
      {if_present: technician, name: {value: technician}, number: "1", email_address: t@toy.example}
commands:
  search:
    body: {}
  book:
    exchange: toy.commands
    routing_key: book
    body: {}
    reply: {status: $.rc, accepted: [ok], refused: refusals}
  reschedule:
    exchange: toy.commands
    routing_key: move
    body: {}
    reply: {status: $.rc, accepted: [ok], refused: refusals}
"""
FIRST, SECOND, THIRD = ([f"2026-03-{day:02}T08:00:00.000Z", f"2026-03-{day:02}T10:00:00.000Z"] for day in (10, 11, 12))


def told(window: list[str], **more: object) -> dict[str, object]:
    return {"from": window[0].replace(".000Z", "+0000"), "to": window[1].replace(".000Z", "+0000"), **more}


def test_a_delta_that_does_not_tell_the_window_moves_no_visit_that_a_buyer_has_moved() -> None:
    """What it bears is the window of before; the rest of it is news."""
    steps = [
        {"message": {"job": "J", "status": "new"}, "expect": {"work_order": "open"}},
        {"message": {"job": "J", "status": "planned", **told(FIRST)}, "expect": {"window": FIRST}},
        {"buyer": {"reschedule": SECOND}, "reply": {"rc": "ok"}, "expect": {"window": SECOND}},
        {
            "message": {"job": "J", "technician": "Eva"},
            "expect": {
                "appointment": "confirmed",
                "window": SECOND,
                "sees": {"appointment": {"seller_contact": {"name": "Eva"}}},
            },
        },
        {"message": {"job": "J", **told(THIRD)}, "expect": {"appointment": "cancelled", "appointment_required": True}},
        {"buyer": {"book": FIRST}, "reply": {"rc": "ok"}, "expect": {"appointment": "confirmed", "window": FIRST}},
        {"message": {"job": "J", "technician": "Tom"}, "expect": {"appointment": "confirmed", "window": FIRST}},
    ]
    assert differences(run(*steps, pack=pack_with(AFTER_A_MOVE))) == []
