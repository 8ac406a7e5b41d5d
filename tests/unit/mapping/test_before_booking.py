"""A message from before a Buyer's booking never touches the booked visit, whatever it tells or leaves out."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any

import orjson
import pytest

from bridge.domain.model import JobRef
from bridge.mapping.pack import Pack
from bridge.packtools.buyer_steps import ask
from bridge.packtools.cases import Buyer, Step
from bridge.packtools.sandbox import Happened, RawMessage, Sandbox
from tests.unit.mapping.builders import NOON
from tests.unit.mapping.patches import pack_with

COMPLETE = """
inbound: {message_id: $.id, version: {path: $.v, optional: true}, occurred_at: at}
fields:
  at: {path: $.at, type: datetime, format: iso, zone: UTC}
  status:
    path: $.status
    type: code
    required: true
    values: [new, planned, started, done, missed, withdrawn, unplanned, cancelled, failed]
  visit: {path: $.visit}
  who: {path: $.who}
rules:
  - {rule: new, when: {status: new}, then: {work_order: open, creates: true}}
  - {rule: planned, when: {status: planned}, then: {work_order: planned, appointment: confirmed}}
  - {rule: started, when: {status: started}, then: {work_order: inProgress, appointment: inProgress}}
  - {rule: done, when: {status: done}, then: {appointment: completed}}
  - {rule: missed, when: {status: missed}, then: {appointment: missed}}
  - {rule: withdrawn, when: {status: withdrawn}, then: {appointment: cancelled}}
  - {rule: unplanned, when: {status: unplanned}, then: {work_order: open}}
  - {rule: cancelled, when: {status: cancelled}, then: {work_order: cancelled}}
  - {rule: failed, when: {status: failed}, then: {work_order: unableToComplete, appointment: missed}}
work_order: {task: {value: who, default: Look}}
appointment: {visit: {value: visit}}
commands:
  search:
  book: {exchange: e, routing_key: book, body: {}, reply: &reply {status: $.rc, accepted: [ok], refused: refusals}}
  reschedule: {exchange: e, routing_key: move, body: {}, reply: *reply}
  cancel: {exchange: e, routing_key: cancel, body: {crew: null}, reply: *reply}
"""
DELTAS = COMPLETE.replace("inbound: {", "inbound: {deltas: true, ").replace(
    "at: {path: $.at,", "at: {path: $.at, remember: false,"
)
FIRST, SECOND = (
    {"from": f"2026-03-{day:02}T08:00:00+0000", "to": f"2026-03-{day:02}T10:00:00+0000"} for day in (10, 11)
)
OF_A_VISIT = ["started", "done", "missed", "withdrawn", "unplanned"]
JOB = JobRef("toy", "J")
HOUR = timedelta(hours=1)


@cache
def _pack(text: str) -> Pack:
    return pack_with(text)


class Story:
    """A job whose visit was agreed and came to nothing, and that a Buyer has booked anew at noon."""

    def __init__(self, pack: str, *, versions: bool = False, moments: bool = False) -> None:
        self.book = Sandbox(_pack(pack))
        self.number = 0
        self.versions, self.moments = versions, moments

    def hear(self, status: str | None, version: int, moment: datetime, **message: Any) -> Happened:
        """Take a message; tell what became of it. Its age is told by what this WFM has."""
        self.number += 1
        told: dict[str, Any] = {"job": "J", "id": str(self.number), **message}
        told |= {"status": status} if status is not None else {}
        told |= {"v": version} if self.versions else {}
        told |= {"at": moment.isoformat()} if self.moments else {}
        return self.book.apply(RawMessage(body=orjson.dumps(told)), max(NOON, moment))[0]

    def ask(self, **wish: Any) -> None:
        """The Buyer asks for something and the WFM says yes."""
        buyer = Buyer(**{name: _period(one) if isinstance(one, dict) else one for name, one in wish.items()})
        step = Step.model_validate({"buyer": buyer, "reply": {"rc": "ok"}, "expect": {"rule": None}})
        ask(self.book, step, buyer, NOON)

    @property
    def seen(self) -> tuple[str, str, int]:
        """What the Buyer sees: the states, and the day of the visit."""
        job = self.book.job(JOB)
        assert job.work_order is not None
        assert job.appointment is not None
        return (job.work_order.state, job.appointment.status, job.appointment.valid_for.start_date_time.day)


def _period(window: dict[str, str]) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(window["from"]), datetime.fromisoformat(window["to"])


def booked_again(pack: str, **known: bool) -> Story:
    """The WFM has said 1 to 4 and 6 of the job; 5 is still on its way when the Buyer books."""
    story = Story(pack, **known)
    story.hear("new", 1, NOON - 6 * HOUR)
    story.hear("planned", 2, NOON - 5 * HOUR, **FIRST)
    story.hear("withdrawn", 4, NOON - 4 * HOUR, **({} if pack is DELTAS else FIRST))
    story.hear(None if pack is DELTAS else "new", 6, NOON - 2 * HOUR, who="Eva")
    story.ask(book=SECOND)
    assert story.seen == ("planned", "confirmed", 11)
    return story


@pytest.mark.parametrize("pack", [COMPLETE, DELTAS], ids=["complete", "deltas"])
@pytest.mark.parametrize("known", ["versions", "moments"])
@pytest.mark.parametrize("window", [{}, FIRST, SECOND], ids=["bare", "old window", "same window"])
@pytest.mark.parametrize("status", OF_A_VISIT)
def test_what_was_said_of_a_visit_before_the_booking_is_not_said_of_the_booked_one(
    status: str, window: dict[str, str], known: str, pack: str
) -> None:
    story = booked_again(pack, **{known: True})
    story.hear(status, 5, NOON - 3 * HOUR, **window)
    assert story.seen == ("planned", "confirmed", 11)


@pytest.mark.parametrize("pack", [COMPLETE, DELTAS], ids=["complete", "deltas"])
@pytest.mark.parametrize("known", ["versions", "moments"])
@pytest.mark.parametrize("day", [9, 10, 12])
def test_a_visit_that_was_agreed_before_the_booking_is_no_move_of_the_booked_one(
    day: int, known: str, pack: str
) -> None:
    story = booked_again(pack, **{known: True})
    window = {"from": f"2026-03-{day:02}T08:00:00+0000", "to": f"2026-03-{day:02}T10:00:00+0000"}
    story.hear("planned", 5, NOON - 3 * HOUR, **window)
    assert story.seen == ("planned", "confirmed", 11)


@pytest.mark.parametrize("pack", [COMPLETE, DELTAS], ids=["complete", "deltas"])
@pytest.mark.parametrize("known", ["versions", "moments"])
@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_the_end_of_the_job_before_the_booking_is_not_shown_as_the_end_of_the_booked_visit(
    status: str, known: str, pack: str
) -> None:
    story = booked_again(pack, **{known: True})
    happened = story.hear(status, 5, NOON - 3 * HOUR)
    assert story.seen == ("planned", "confirmed", 11)
    assert happened.outcome == ("parked" if known == "moments" else "stale" if pack is COMPLETE else "applied")


@pytest.mark.parametrize("known", [{}, {"versions": True}, {"moments": True}], ids=["ageless", "versions", "moments"])
@pytest.mark.parametrize("status", ["missed", "withdrawn", "unplanned"])
def test_a_delta_that_repeats_nothing_of_the_status_does_not_bring_the_old_one_back(
    status: str, known: dict[str, bool]
) -> None:
    """What was known of the job before the booking is no news of the booked visit."""
    story = Story(DELTAS, **known)
    story.hear("new", 1, NOON - 6 * HOUR)
    story.hear("planned", 2, NOON - 5 * HOUR, **FIRST)
    story.hear(status, 3, NOON - 4 * HOUR)
    story.ask(book=SECOND)
    happened = story.hear(None, 5, NOON + HOUR, who="Eva")
    assert (story.seen, happened.outcome) == (("planned", "confirmed", 11), "applied")
    assert happened.reason.endswith(
        f"rule {status} rests on status, and this message tells nothing that a rule asks for"
    )


EVENTS = DELTAS.replace("  who: {path: $.who}\n", "  who: {path: $.who}\n  event: {path: $.event}\n").replace(
    "rules:\n", "rules:\n  - {rule: by-event, when: {event: missed}, then: {appointment: missed}}\n"
)


@pytest.mark.parametrize("known", [{}, {"versions": True}, {"moments": True}], ids=["ageless", "versions", "moments"])
def test_an_event_of_something_else_does_not_bring_an_old_status_back(known: dict[str, bool]) -> None:
    """It tells what a rule asks for, but not what the one that fits rests on."""
    story = Story(EVENTS, **known)
    story.hear("new", 1, NOON - 6 * HOUR)
    story.hear("withdrawn", 3, NOON - 4 * HOUR)
    story.ask(book=SECOND)
    happened = story.hear(None, 5, NOON + HOUR, event="assigned")
    assert story.seen == ("planned", "confirmed", 11)
    assert happened.reason.endswith("rests on status, told before what the Buyer and the WFM agreed")


def test_a_window_that_a_delta_empties_after_the_booking_takes_the_visit_back() -> None:
    """The rule that fits rests on an old status; that the one above fits no more is news."""
    emptied = DELTAS.replace(
        "  - {rule: planned, when: {status: planned}, then",
        "  - {rule: unscheduled, when: {status: planned, from: {present: false}}, then: {work_order: open}}\n"
        "  - {rule: planned, when: {status: planned}, then",
    )
    below = DELTAS.replace(
        "when: {status: planned}, then: {work_order: planned, appointment: confirmed}}",
        "when: {status: planned, from: {present: true}}, then: {work_order: planned, appointment: confirmed}}\n"
        "  - {rule: unscheduled, when: {status: planned}, then: {work_order: open}}",
    )
    for pack in (emptied, below):
        story = Story(pack, versions=True)
        story.hear("new", 1, NOON - 6 * HOUR)
        story.hear("planned", 2, NOON - 5 * HOUR, **FIRST)
        story.ask(reschedule=SECOND)
        story.hear(None, 3, NOON + HOUR, **{"from": None, "to": None})
        assert story.seen == ("open", "cancelled", 11)


def test_a_delta_that_tells_nothing_does_not_revive_a_visit_that_the_buyer_has_cancelled() -> None:
    story = Story(DELTAS, moments=True)
    story.hear("new", 1, NOON - 6 * HOUR)
    story.hear("planned", 2, NOON - 5 * HOUR, **FIRST)
    story.ask(cancel=True)
    story.hear(None, 3, NOON + HOUR, who="Eva")
    assert story.seen == ("open", "cancelled", 10)


def test_a_message_from_before_the_booking_counts_as_such_for_those_after_it_too() -> None:
    """What it tells is remembered, and what comes next rests on that."""
    for known in ("versions", "moments"):
        story = booked_again(DELTAS, **{known: True})
        story.hear("missed", 5, NOON - 3 * HOUR)
        story.hear(None, 7, NOON + HOUR, who="Tom")
        assert story.seen == ("planned", "confirmed", 11)


# What comes after the booking is of the booked visit

AFTER = {
    "started": ("inProgress", "inProgress", 11),
    "missed": ("open", "missed", 11),
    "withdrawn": ("open", "cancelled", 11),
    "unplanned": ("open", "cancelled", 11),
    "cancelled": ("cancelled", "cancelled", 11),
    "failed": ("unableToComplete", "missed", 11),
}


@pytest.mark.parametrize("pack", [COMPLETE, DELTAS], ids=["complete", "deltas"])
@pytest.mark.parametrize("known", ["versions", "moments"])
@pytest.mark.parametrize("status", AFTER)
def test_what_is_said_of_the_visit_after_the_booking_counts(status: str, known: str, pack: str) -> None:
    story = booked_again(pack, **{known: True})
    story.hear("planned", 7, NOON + HOUR, **SECOND)
    story.hear(status, 8, NOON + 2 * HOUR)
    assert story.seen == AFTER[status]


@pytest.mark.parametrize("known", [{}, {"versions": True}, {"moments": True}], ids=["ageless", "versions", "moments"])
def test_a_delta_of_the_window_alone_moves_the_booked_visit(known: dict[str, bool]) -> None:
    """The rule rests on a status of before, and yet the visit was moved after the booking (R27)."""
    story = Story(DELTAS, **known)
    story.hear("new", 1, NOON - 6 * HOUR)
    story.hear("planned", 2, NOON - 5 * HOUR, **FIRST)
    story.ask(reschedule=SECOND)
    story.hear(None, 5, NOON + HOUR, **{"from": "2026-03-12T08:00:00+0000", "to": "2026-03-12T10:00:00+0000"})
    assert story.seen == ("open", "cancelled", 11)


def test_a_visit_whose_reference_a_delta_does_not_tell_is_the_booked_one() -> None:
    story = Story(DELTAS)
    story.hear("new", 1, NOON - 6 * HOUR)
    story.hear("planned", 2, NOON - 5 * HOUR, visit="V-1", **FIRST)
    story.hear("withdrawn", 3, NOON - 4 * HOUR)
    story.ask(book=SECOND)
    story.hear("planned", 4, NOON + HOUR, visit="V-2", **SECOND)
    story.hear("withdrawn", 5, NOON + 2 * HOUR)
    assert story.seen == ("open", "cancelled", 11)
