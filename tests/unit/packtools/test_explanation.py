"""What an explanation tells of a message: where a value was found, what was known before, what is withheld and why."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from bridge.cli.main import app
from bridge.mapping.loader import make_pack
from bridge.packtools.explanation import Explanation, explain
from bridge.packtools.explanation_text import as_text
from bridge.packtools.sandbox import RawMessage
from tests.unit.mapping.builders import NOON
from tests.unit.packtools.packs import FRAME, small

FIELDS: dict[str, Any] = {
    "at": {"path": "$.at", "type": "datetime", "format": "iso", "zone": "UTC", "remember": False},
    "status": {"path": ["$.status", "$.order.status"], "type": "code", "values": ["new", "planned", "gone"]},
    "event": {"path": "$.event", "remember": False},
    "site": {"path": "$.site"},
    "floor": {"path": "$.floor", "nulls": "absent"},
    "about": {"header": "x-about"},
    "topic": {"routing_key": True},
}
RULES: list[dict[str, Any]] = [
    {"rule": "new", "when": {"status": "new"}, "then": {"work_order": "open", "creates": True}},
    {"rule": "begun", "when": {"event": "begun"}, "then": {"work_order": "inProgress"}},
    {"rule": "planned", "when": {"status": "planned"}, "then": {"work_order": "planned", "appointment": "confirmed"}},
    {"rule": "gone", "when": {"status": "gone"}, "then": {"appointment": "cancelled", "wait_seconds": 30}},
    {"rule": "rest", "then": {"hold": "nothing"}},
]
INBOUND = {**FRAME["inbound"], "deltas": True, "version": "$.rev", "occurred_at": "at"}
SOURCE = small(FIELDS, RULES, inbound=INBOUND)
VISIT = {"visit": "V", "start": "2026-03-06T08:00:00+0000", "end": "2026-03-06T10:00:00+0000"}


def message(rev: int, at: str, **said: Any) -> bytes:
    return json.dumps({"job": "J", "rev": rev, "at": f"2026-03-05T{at}Z", **said}).encode()


NEW = message(1, "08:00:00", status="new", site="A")
PLANNED = message(2, "09:00:00", order={"status": "planned"}, floor="3", **VISIT)


def explained(*bodies: bytes) -> Explanation:
    *before, last = (RawMessage(body=body) for body in bodies)
    (told,) = explain(make_pack(SOURCE), last, (None, None), NOON, before)
    return told


def line_of(text: str, name: str) -> str:
    return " ".join(next(line for line in text.splitlines() if line.split()[:1] == [name]).split())


def test_it_says_at_which_of_several_paths_a_field_was_told() -> None:
    told = explained(NEW, PLANNED)
    assert told["fields"]["status"]["taken"] == "$.order.status"  # type: ignore[index]
    assert line_of(as_text(told), "status") == 'status $.order.status "planned"'
    assert line_of(as_text(explained(NEW)), "status") == 'status $.status "new"'


def test_what_was_told_before_is_marked_and_what_is_of_no_interest_is_folded() -> None:
    text = as_text(explained(NEW, PLANNED, message(3, "10:00:00", floor="4")))
    assert (
        line_of(text, "status") == 'status $.status or $.order.status "planned" (as it was known)'
    )  # a rule asks for it
    assert line_of(text, "floor") == 'floor $.floor "4"'
    assert "\n  as they were known: visit, start, end, site\n" in text
    assert "\n  absent: about\n" in text
    assert "(never told)" in as_text(explained(message(1, "08:00:00")))
    every = as_text(explained(NEW, PLANNED, message(3, "10:00:00", floor="4")), every=True)
    assert line_of(every, "site") == 'site $.site "A" (as it was known)'
    assert "they were known" not in every


def test_a_goal_that_is_withheld_is_told_with_the_reason() -> None:
    late = explained(NEW, message(4, "11:00:00", status="planned", **VISIT), message(3, "10:00:00", event="begun"))
    assert late["withheld"] == (
        "goal withheld (work_order inProgress): rule begun rests on event, "
        "and a later message has named a state (job 3 < 4)"
    )
    text = as_text(late)
    assert f"\nwithheld  {late['withheld']}\n" in text
    assert text.count("goal withheld") == 1


def test_what_a_late_message_empties_and_a_later_one_has_told_is_told_as_one_thing() -> None:
    late = explained(NEW, message(4, "11:00:00", floor="4"), message(3, "10:00:00", floor=None, site="B"))
    (line,) = [line for line in as_text(late).splitlines() if line.startswith("  floor ")]
    assert line.endswith('"4"  (the message empties it, but a later one has told it)')


def test_messages_before_it_come_at_the_time_that_they_tell() -> None:
    """What is held for thirty seconds is applied, as a minute has gone by in the WFM, be it read at once."""
    gone = message(3, "09:30:00", status="gone")
    assert explained(NEW, PLANNED, gone)["outcome"] == "waiting"
    soon, later = (explained(NEW, PLANNED, gone, message(4, at, floor="4")) for at in ("09:30:10", "09:31:00"))
    assert len(soon["after"]) == 3  # type: ignore[arg-type]
    assert later["after"][3] == "applied: rule gone"  # type: ignore[index]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The pack and its messages in files."""
    (tmp_path / "pack.yaml").write_text(json.dumps(SOURCE.data))
    (tmp_path / "new.json").write_bytes(NEW)
    (tmp_path / "planned.json").write_bytes(PLANNED)
    return tmp_path


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["mapping", "explain", *map(str, words)])


def test_what_stands_beside_a_message_may_be_that_of_one_file(files: Path) -> None:
    new, planned = files / "new.json", files / "planned.json"
    beside = ["--header", f"{new}:x-about=job", "--header", "x-about=visit", "--header", "new.json:x-about=a:b"]
    keys = ["--routing-key", "order.changed", "--routing-key", "new.json:order.created"]
    told = json.loads(run(files, planned, "--after", new, "--json", *beside, *keys).stdout)["fields"]
    assert (told["about"]["value"], told["topic"]["value"]) == ("visit", "order.changed")
    told = json.loads(run(files, new, "--json", *beside[:2], "--header", "x=y", *keys).stdout)["fields"]
    assert (told["about"]["value"], told["topic"]["value"]) == ("job", "order.created")


def test_a_message_of_a_case_is_explained_after_the_steps_before_it(files: Path) -> None:
    (files / "cases").mkdir()
    case = files / "cases" / "a.yaml"
    case.write_text(
        f"""case: x
time: "2026-03-05T08:00:00Z"
messages: {{new: {{message: {NEW.decode()}, headers: {{x-about: job}}}}}}
steps:
  - {{from: new, expect: {{rule: new}}}}
  - {{from: new, with: {{$.rev: 2, $.status: planned}}, given: {{work_order: inProgress}}, expect: {{rule: planned}}}}
  - {{time: "2026-03-05T09:00:00Z", expect: {{rule: null}}}}
"""
    )
    told = json.loads(run(files, case, "--step", 2, "--json").stdout)
    assert (told["rule"], told["fields"]["about"]["value"]) == ("planned", "job")
    assert told["sees"]["work_order.buyer"] == "buyer"
    assert "step 3 is no message of the WFM" in str(run(files, case, "--step", 3).exception)
    assert "step 4 is no message of the WFM" in str(run(files, case, "--step", 4).exception)
    assert "is no case of" in str(run(files, files / "new.json", "--step", 1).exception)
    assert "a case says itself" in str(run(files, case, "--step", 1, "--state", "open").exception)


def test_a_pack_that_has_gaps_yet_explains_why_no_rule_fits(files: Path) -> None:
    (files / "pack.yaml").write_text(json.dumps({**SOURCE.data, "rules": RULES[:1], "inbound": FRAME["inbound"]}))
    assert "outcome   parked: no rule fits this message\n" in run(files, files / "planned.json").output
