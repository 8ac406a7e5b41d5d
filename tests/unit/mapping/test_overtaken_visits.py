"""A move, a start and an end of a job in any order: the Buyer sees the same, or it is said what he does not see."""

from itertools import permutations
from typing import Any

import orjson
import pytest

from bridge.domain.model import JobRef
from bridge.mapping.pack import Pack
from bridge.packtools.sandbox import RawMessage, Sandbox
from tests.unit.mapping.builders import NOON
from tests.unit.mapping.patches import pack_with, problems

PACK = """
zone: UTC
inbound:
  message_id: $.id
  version: $.v
  deltas: DELTAS
fields:
  job_status: {path: $.job_status, type: code, values: [new, done], default: new}
  status: {path: $.status, type: code, values: [planned, phone, begun]}
rules:
  - {rule: done, when: {job_status: done}, then: {work_order: completed, appointment_if_any: completed}}
  - {rule: begun, when: {status: begun}, then: {work_order: inProgress, appointment: inProgress BEGUN}}
  - {rule: phone, when: {status: phone}, then: {work_order: planned, appointment: confirmed, moved_by: agreement}}
  - {rule: planned, when: {status: planned}, then: {work_order: planned, appointment: confirmed}}
  - {rule: created, when: {job_status: new}, then: {work_order: open, creates: true}}
"""
FRIDAY = {"from": "2026-03-06T08:00:00Z", "to": "2026-03-06T10:00:00Z"}
SATURDAY = {"from": "2026-03-07T08:00:00Z", "to": "2026-03-07T10:00:00Z"}
CREATED = {"v": 1, "job_status": "new"}
AGREED = {"v": 2, "status": "planned", **FRIDAY}
MOVED = {"v": 3, "status": "phone", **SATURDAY}
BEGUN = {"v": 4, "status": "begun", **SATURDAY}
BEGUN_SOMEWHEN = {"v": 4, "status": "begun"}
ELSEWHEN = (
    "the window of the visit is another one here; not taken, the Buyer sees "
    "2026-03-06T08:00:00.000Z to 2026-03-06T10:00:00.000Z"
)


def pack(deltas: str, begun: str = "") -> Pack:
    return pack_with(PACK.replace("DELTAS", deltas).replace(" BEGUN", begun))


def play(pack: Pack, *messages: dict[str, Any]) -> tuple[Any, list[str]]:
    """Give what the Buyer sees in the end, and what was said of it; that something is old says nothing of that."""
    book, said = Sandbox(pack), []
    for message in messages:
        body = {"job": "J", "id": f"m{message['v']}", **message}
        for happened in book.apply(RawMessage(body=orjson.dumps(body)), NOON):
            said += [flag for flag in happened.flags if not flag.startswith("older than")]
            said += [happened.reason] if happened.outcome == "parked" else []
    job = book.job(JobRef(pack.name, "J"))
    visit = job.appointment
    seen = job.work_order and job.work_order.state, visit and (visit.status, visit.valid_for)
    return (dict(job.record), seen), said


@pytest.mark.parametrize("deltas", ["true", "false"])
@pytest.mark.parametrize("begun", [BEGUN, BEGUN_SOMEWHEN])
def test_a_move_on_the_phone_that_a_start_has_overtaken_is_seen_or_named(deltas: str, begun: dict[str, Any]) -> None:
    if deltas == "false" and begun is BEGUN_SOMEWHEN:
        begun = BEGUN
    in_order, said = play(pack(deltas), CREATED, AGREED, MOVED, begun)
    assert said == []
    for order in permutations((AGREED, MOVED, begun)):
        other, named = play(pack(deltas), CREATED, *order)
        assert other == in_order or named, order


@pytest.mark.parametrize("deltas", ["true", "false"])
def test_a_start_in_another_window_is_flagged(deltas: str) -> None:
    _, said = play(pack(deltas), CREATED, AGREED, BEGUN)
    assert said == [ELSEWHEN]


def test_a_window_that_comes_after_the_start_is_flagged_too() -> None:
    _, said = play(pack("true"), CREATED, AGREED, BEGUN_SOMEWHEN, MOVED)
    assert said == [ELSEWHEN]


@pytest.mark.parametrize("deltas", ["true", "false"])
def test_a_start_that_is_agreed_brings_its_window_in_any_order(deltas: str) -> None:
    agreed = pack(deltas, ", moved_by: agreement")
    in_order, _ = play(agreed, CREATED, AGREED, MOVED, BEGUN)
    for order in permutations((AGREED, MOVED, BEGUN)):
        other, said = play(agreed, CREATED, *order)
        assert (other, said) == (in_order, []), order


def test_the_end_of_a_job_that_comes_after_a_later_visit_is_parked_as_the_visit_would_be() -> None:
    done = {"v": 2, "job_status": "done"}
    visit = {**AGREED, "v": 3}
    (record, seen), said = play(pack("true"), CREATED, done, visit)
    assert (record["job_status"], seen) == ("done", ("completed", None))
    (record, seen), said = play(pack("true"), CREATED, visit, done)
    assert (record["job_status"], seen[0]) == ("new", "planned")
    assert said[-1] == "the WFM says that the job ended (completed) before it agreed to the visit that stands"


def test_whose_window_it_is_can_be_said_only_of_a_visit_that_takes_place() -> None:
    message = "moved_by is about the window of a visit; write appointment: confirmed, inProgress or completed beside it"
    found = problems("rules: [{rule: any, then: {appointment: missed, moved_by: agreement}}]")
    assert any(message in str(one) for one in found)
