"""Delta messages: what a message leaves out is what the job's record says."""

from dataclasses import replace
from typing import Any

import pytest

from bridge.domain.decide import learned
from bridge.domain.model import Job, JobRef
from bridge.mapping.pack import Ignored, Reading, Translated, Unmapped
from tests.unit.mapping.builders import translated, unmapped
from tests.unit.mapping.patches import fields_of, history, outcome, pack_with, problems

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


def test_a_stale_ignored_delta_is_not_remembered() -> None:
    job = Job(ref=JobRef("toy", "J"), versions={"job": 5}, record={"a": 1})
    assert learned(job, {"job": 4}, {"a": 2}) == job
    assert learned(job, {"job": 6}, None) == job
    assert learned(job, {"job": 6}, {"a": 2}) == replace(job, versions={"job": 6}, record={"a": 2})


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
    ],
)
def test_what_cannot_be_made_is_told(patch: str, problem: str) -> None:
    assert problem in problems(patch)


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
