"""Messages that are held, in the sandbox: as in the running bridge, by the clock of a case."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from bridge.mapping.loader import load_document
from bridge.mapping.pack import Pack
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from bridge.packtools.case_report import differences
from bridge.packtools.cases import Case
from bridge.packtools.cases_run import run_case
from bridge.packtools.coverage import Coverage
from bridge.packtools.difference import changes, outcomes
from bridge.packtools.explanation import explain
from bridge.packtools.explanation_text import as_text
from bridge.packtools.replay import Message
from bridge.packtools.sandbox import RawMessage
from tests.integration.flows.acme import NOW
from tests.unit.mapping.builders import ACME
from tests.unit.mapping.patches import pack_with

PACK = """
inbound: {message_id: $.id, version: {path: $.v, optional: true}}
fields:
  status: {path: $.status, type: code, required: true, values: [new, planned, moved, cancelled, note]}
  task: {path: $.task, default: Look}
rules:
  - {rule: created, when: {status: new}, then: {work_order: open, creates: true}}
  - {rule: planned, when: {status: planned}, then: {work_order: planned, appointment: confirmed}}
  - {rule: moved, when: {status: moved}, then: {appointment: confirmed, wait_seconds: 10}}
  - {rule: cancelled, when: {status: cancelled}, then: {appointment: cancelled, wait_seconds: 30}}
  - {rule: note, when: {status: note}, then: {hold: Nothing has happened}}
work_order: {task: {value: task}}
"""
FRIDAY = {"from": "2026-03-06T08:00:00Z", "to": "2026-03-06T10:00:00Z"}
MONDAY = {"from": "2026-03-09T08:00:00Z", "to": "2026-03-09T10:00:00Z"}
MOVED = ["appointmentStatusChangeEvent", "workOrderStateChangeEvent", "workOrderAppointmentRequiredEvent"]


def run(*steps: dict[str, Any], pack: str = PACK) -> list[str]:
    """Run a case that begins with a visit on Friday; tell what came otherwise."""
    begun = [says("new", work_order="open"), says("planned", **FRIDAY, expect={"appointment": "confirmed"})]
    data = {"case": "a story", "time": "2026-03-05T12:00:00Z", "steps": [*begun, *steps]}
    case = Case.model_validate(data, strict=False)
    return list(differences(run_case(case, pack_with(pack), Coverage(load_document(ACME)))))


def says(status: str, expect: dict[str, Any] | None = None, at: str | None = None, **members: Any) -> dict[str, Any]:
    """A step in which the WFM says something; what is not part of a message is expected."""
    said = {name: members.pop(name) for name in ("id", "v", "from", "to", "task") if name in members}
    step = {"message": {"job": "J", "id": status, "status": status, **said}, "expect": {**(expect or {}), **members}}
    return step if at is None else {**step, "time": f"2026-03-05T{at}Z"}


def until(at: str, **expect: Any) -> dict[str, Any]:
    return {"time": f"2026-03-05T{at}Z", "expect": expect}


HELD = says("cancelled", outcome="waiting", rule="cancelled", appointment="confirmed", notifications=[])


def test_a_held_message_is_applied_once_its_time_is_up() -> None:
    assert run(HELD, until("12:00:29", reason="nothing was due"), until("12:00:30", notifications=MOVED)) == []


def test_what_is_due_is_told_with_the_step_before_which_it_is() -> None:
    later = says("note", at="12:01:00", rule="note", appointment="cancelled", notifications=MOVED)
    assert run(HELD, later) == []


def test_at_the_end_of_a_case_it_is_seen_to_wait() -> None:
    reason = "held until 2026-03-05T12:00:30.000Z, in case a later message takes its place"
    assert run(says("cancelled", outcome="waiting", reason=reason)) == []


@pytest.mark.parametrize(("window", "told"), [(FRIDAY, []), (MONDAY, MOVED)])
def test_the_superseding_message_makes_it_a_move_or_nothing(window: dict[str, str], told: list[str]) -> None:
    again = says("planned", id="again", **window, at="12:00:01", notifications=told)
    assert run(HELD, again, until("12:05:00", reason="nothing was due")) == []


def test_a_later_message_that_is_held_for_a_shorter_time_takes_its_place_when_it_is_applied() -> None:
    moved = says("moved", **MONDAY, at="12:00:05", outcome="waiting")
    assert run(HELD, moved, until("12:00:15", rule="moved", notifications=MOVED)) == []
    assert run(HELD, moved, until("12:00:15", rule="moved"), until("12:01:00", reason="nothing was due")) == []


def test_one_that_is_held_for_longer_finds_the_earlier_one_applied() -> None:
    moved = says("moved", **MONDAY, at="12:00:25", outcome="waiting")
    assert run(HELD, moved, until("12:00:30", rule="cancelled", appointment="cancelled")) == []


def test_what_names_no_state_waits_behind() -> None:
    behind = says("note", at="12:00:10", task="Ring", outcome="waiting", rule="note")
    reason = "waits behind an earlier message of its job, which is held for another one"
    sees = {"sees": {"work_order": {"task": ["Ring"]}}}
    assert run(HELD, {**behind, "expect": {**behind["expect"], "reason": reason}}) == []
    assert run(HELD, behind, until("12:00:30", rule="cancelled", appointment="cancelled", **sees)) == []
    again = says("planned", id="again", **FRIDAY, task="Knock", notifications=[], outcome="applied")
    assert run(HELD, behind, again, until("12:01:00", reason="nothing was due")) == []


def test_a_delta_that_tells_nothing_of_the_state_supersedes_nothing() -> None:
    """The state that is known is the one from before what is held."""
    step = {"message": {"job": "J", "id": "task", "task": "Dig"}, "expect": {"outcome": "waiting", "rule": "planned"}}
    deltas = PACK.replace("inbound: {", "inbound: {deltas: true, ")
    assert run(HELD, step, until("12:00:30", rule="cancelled", appointment="cancelled"), pack=deltas) == []


def test_what_is_older_by_its_version_supersedes_nothing() -> None:
    cancelled = says("cancelled", v=5, outcome="waiting")
    late = says("planned", id="late", v=4, **FRIDAY, outcome="unchanged")
    assert run(cancelled, late, until("12:00:30", rule="cancelled", appointment="cancelled")) == []


def test_a_cancellation_and_its_successor_that_came_before_their_job_are_nothing() -> None:
    early = [
        says(status, id=f"other-{number}", outcome="waiting", **window)
        for number, (status, window) in enumerate((("planned", FRIDAY), ("cancelled", {}), ("planned", FRIDAY)))
    ]
    for step in early:
        step["message"]["job"] = "K"
    created = says("new", id="other", appointment="confirmed", window=list(FRIDAY.values()))
    created["message"]["job"] = "K"
    assert run(*early, created, until("12:05:00", reason="nothing was due")) == []


def test_a_parked_message_that_comes_again_is_taken_anew() -> None:
    parked = says("of no pack", id="odd", outcome="parked")
    assert run(parked, parked) == []


def test_a_second_cancellation_waits_as_well() -> None:
    other = says("cancelled", id="other", at="12:00:10", outcome="waiting")
    again = says("planned", id="again", **FRIDAY, notifications=[], outcome="unchanged")
    assert run(HELD, other, again, until("12:01:00", reason="nothing was due")) == []
    assert run(HELD, other, until("12:01:00", rule="cancelled", notifications=MOVED)) == []


LOOKING_BACK = PACK.replace(
    "rules:\n",
    """
  day: {path: $.from}
  other_day: {changed: day}
rules:
  - {rule: odd, when: {other_day: true, status: planned, appointment_status: confirmed}, then: {park: Another day}}
""".removeprefix("\n"),
)


def test_the_superseding_message_is_compared_with_what_was_before_the_held_message() -> None:
    assert run(HELD, says("planned", id="again", **FRIDAY, rule="planned"), pack=LOOKING_BACK) == []
    assert run(HELD, says("planned", id="again", **MONDAY, parked="Another day"), pack=LOOKING_BACK) == []


MOVABLE = (
    PACK
    + """
commands:
  reschedule:
    exchange: toy
    routing_key: move
    body: {job: {value: job}}
    reply: {status: $.rc, accepted: [ok], refused: refusals, version: {path: $.rev, optional: true}}
tables:
  refusals: {key: rc, on_miss: default, default: {code: otherIssue, reason: No}, rows: []}
"""
)


def moves(rc: str, at: str, rev: int | None = None, **expect: Any) -> dict[str, Any]:
    """A step in which the Buyer moves the visit to Monday."""
    wish = {"reschedule": list(MONDAY.values()), "slot": {}}
    return {"buyer": wish, "reply": {"rc": rc, "rev": rev}, "time": f"2026-03-05T{at}Z", "expect": expect}


IN_MONDAY = {"appointment": "confirmed", "window": list(MONDAY.values())}


def test_the_yes_to_a_move_takes_the_place_of_what_is_held() -> None:
    yes = moves("ok", "12:00:10", **IN_MONDAY, notifications=[])
    assert run(HELD, yes, until("12:05:00", reason="nothing was due"), pack=MOVABLE) == []


def test_a_no_and_a_yes_of_before_take_the_place_of_nothing() -> None:
    gone = until("12:00:30", rule="cancelled", appointment="cancelled", notifications=MOVED)
    assert run(HELD, moves("no", "12:00:10", appointment="confirmed"), gone, pack=MOVABLE) == []
    newer = says("cancelled", v=5, outcome="waiting")
    assert run(newer, moves("ok", "12:00:10", rev=4, **IN_MONDAY), gone, pack=MOVABLE) == []


def test_what_waits_behind_is_applied_before_the_yes_and_told_with_it() -> None:
    behind = says("note", at="12:00:05", task="Ring", outcome="waiting")
    sees = {"work_order": {"task": ["Ring"]}}
    yes = moves("ok", "12:00:10", **IN_MONDAY, sees=sees, refused=None)
    assert run(HELD, behind, yes, until("12:05:00", reason="nothing was due"), pack=MOVABLE) == []


def test_a_delta_after_the_yes_does_not_bring_back_what_was_superseded() -> None:
    pack = MOVABLE.replace("inbound: {", "inbound: {deltas: true, ")
    told = {**MONDAY, "task": "Ring", "v": 4}
    delta = says("note", id="delta", **told, at="12:00:20", outcome="applied", **IN_MONDAY, notifications=[])
    del delta["message"]["status"]
    yes = moves("ok", "12:00:10", **IN_MONDAY)
    assert run(says("cancelled", v=3, outcome="waiting"), yes, delta, pack=pack) == []


def message(number: int, seconds: int, status: str, **members: str) -> Message:
    body = orjson.dumps({"job": "J", "id": str(number), "status": status, **members})
    return Message(f"no. {number}", RawMessage(body=body), NOW + timedelta(seconds=seconds))


def packs() -> tuple[Pack, Pack]:
    return pack_with(PACK.replace(", wait_seconds: 30", "")), pack_with(PACK)


RECORDED = [
    message(1, 0, "new"),
    message(2, 1, "planned", **FRIDAY),
    message(3, 2, "cancelled"),
    message(4, 3, "planned", **FRIDAY),
    message(5, 10, "cancelled"),
    message(6, 90, "note"),
]


def test_a_comparison_of_packs_holds_and_lets_time_pass() -> None:
    at_once, holding = packs()
    assert outcomes(holding, RECORDED) == {"applied": 2, "waiting": 2, "unchanged": 2}
    told = [(one.event, one.what, one.new) for one in changes(at_once, holding, RECORDED)]
    assert ("no. 3", "appointment", "confirmed") in told
    assert ("no. 6", "notifications", MOVED) in told


def test_an_explanation_tells_that_a_message_is_held() -> None:
    words = RawMessage(body=orjson.dumps({"job": "J", "id": "1", "status": "cancelled"}))
    state = (WorkOrderState.PLANNED, AppointmentStatus.CONFIRMED)
    (told,) = explain(pack_with(PACK), words, state, NOW)
    assert "outcome   waiting: held until 2026-03-05T12:00:30.000Z" in as_text(told)
    assert told["goal"] == {"appointment": "cancelled"}
