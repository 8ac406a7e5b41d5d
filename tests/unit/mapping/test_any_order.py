"""Whatever the pack: in any order of delivery the same messages end in the same, or say what was withheld of them.

And whatever the pack: what was sent before a Buyer's booking changes nothing of the booked visit.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import orjson
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.model import Job, JobRef
from bridge.mapping.pack import Pack, compile_pack
from bridge.mapping.reading.references import STATE_COLUMNS
from bridge.packtools.buyer_steps import ask
from bridge.packtools.cases import Buyer, Step
from bridge.packtools.sandbox import Happened, RawMessage, Sandbox
from tests.unit.examples import examples
from tests.unit.mapping.builders import NOON
from tests.unit.packtools.packs import FRAME, document, small

JOB = JobRef("small", "J")
INBOUND: dict[str, Any] = {
    **FRAME["inbound"],
    "message_id": "$.id",
}
AGES: list[dict[str, Any]] = [
    {"version": "$.v"},
    {"version": "$.v", "ties": "stale"},
    {"version": {"path": "$.at", "format": "iso"}},
    {"version": "$.v", "versions": {"visit": {"path": "$.trip.v", "optional": True}}},
    {"version": ["$.w", "$.v"], "occurred_at": "at"},
]
"""By what a pack says which message is newer: a count, a moment, or counts of two objects."""

DELTAS: list[Any] = [
    {"unless": [{"path": "$.form", "fits": "whole"}]},
    {"only": [{"path": "$.form", "fits": "delta"}]},
    True,
]
WINDOW = {"type": "datetime", "format": "%Y-%m-%dT%H:%M:%S%z", "nulls": "absent"}
FIELDS: dict[str, dict[str, Any]] = {
    "status": {
        "path": "$.status",
        "type": "code",
        "values": ["new", "planned", "begun"],
        "keep": ["-"],
        "default": "new",
    },
    "reason": {"path": "$.reason", "belongs_to": "status", "nulls": "absent"},
    "event": {"path": "$.event", "type": "code", "values": ["made", "moved", "ended"], "remember": False},
    "start": {"path": ["$.from", "$.period.from"], **WINDOW},
    "end": {"path": ["$.to", "$.period.to"], **WINDOW},
    "who": {"path": "$.trip.who", "nulls": "absent"},
    "crew": {
        "path": "$.crew",
        "type": "items",
        "key": "name",
        "fields": {"name": {"path": "$.name", "required": True}},
    },
    "writes_window": {"writes": ["start", "end"]},
    "at": {"path": "$.at", "type": "datetime", "format": "iso", "zone": "UTC", "remember": False},
    "no_window": {"empties": "start"},
    "moved": {"changed": ["status", "start"]},
}
CELLS: dict[str, list[Any]] = {
    "status": ["new", "planned", "begun", {"not": "new"}],
    "reason": ["x", {"present": False}],
    "event": ["made", "moved", "ended", {"present": False}],
    "start": [{"present": True}, {"present": False}],
    "who": ["Eva", {"present": True}],
    "crew": [{"present": True}],
    "writes_window": [True, False],
    "no_window": [True],
    "moved": [True, False],
    "work_order_state": ["open", "planned", "inProgress"],
    "appointment_status": ["confirmed", {"present": False}],
}
GOALS: list[dict[str, Any]] = [
    {"work_order": "open"},
    {"work_order": "planned"},
    {"work_order": "planned", "appointment": "confirmed"},
    {"appointment": "cancelled"},
    {"work_order": "inProgress", "appointment": "inProgress"},
    {"appointment": "missed"},
    {"work_order": "planned", "appointment": "confirmed", "moved_by": "agreement"},
    {"work_order": "planned", "appointment_if_any": "confirmed"},
    {"work_order": "completed", "appointment_if_any": "completed"},
    {"work_order": "completed"},
    {"work_order": "cancelled"},
    {"hold": "nothing has happened"},
    {"ignore": "nothing to see"},
]
AGREED = {
    "rule": "agreed",
    "when": {"start": {"present": True}},
    "then": {"work_order": "planned", "appointment_if_any": "confirmed", "on_illegal": "keep"},
}
"""Without it, hardly any pack has visits."""

FRIDAY = {"from": "2026-03-06T08:00:00Z", "to": "2026-03-06T10:00:00Z"}
MONDAY = {"from": "2026-03-09T08:00:00Z", "to": "2026-03-09T10:00:00Z"}


@st.composite
def packs(draw: st.DrawFn) -> dict[str, Any]:
    """Rules over what is remembered, what is not, and what a message writes; and what messages take back.

    A rule that ignores a message of a job that is not known yet ignores it for good, so none does where others ask for
    what the Buyer sees.
    """
    states = draw(st.booleans())
    cells = [column for column in sorted(CELLS) if states or column not in STATE_COLUMNS]
    goals = [goal for goal in GOALS if not (states and "ignore" in goal)]
    rules = [{"rule": "created", "when": {"event": "made"}, "then": {"work_order": "open", "creates": True}}]
    for number in range(draw(st.integers(1, 4))):
        columns = draw(st.lists(st.sampled_from(cells), max_size=2, unique=True))
        then = draw(st.sampled_from(goals))
        illegal = {} if then.keys() & {"hold", "ignore"} else {"on_illegal": "keep"}
        when = {column: draw(st.sampled_from(CELLS[column])) for column in columns}
        rules.append({"rule": f"r{number}", "when": when, "then": then | illegal})
    if draw(st.sampled_from([True, True, False])):
        rules.insert(draw(st.integers(1, len(rules))), AGREED)
    rules.append({"rule": "else", "when": {}, "then": {"hold": "nothing has happened"}})
    back = draw(st.lists(st.sampled_from(["start", "status", "who", "crew"]), max_size=2, unique=True))
    forgets = [{"path": "$.event", "fits": "moved", "fields": back}] if back else []
    age = draw(st.sampled_from(AGES))
    deltas = draw(st.sampled_from(DELTAS))
    return {"rules": rules, "inbound": {**INBOUND, **age, "deltas": deltas, "forgets": forgets}}


MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"form": st.sampled_from(["whole", "delta", "delta", "delta"])},
        optional={
            "event": st.sampled_from(["moved", "ended"]),
            "status": st.sampled_from(["new", "planned", "begun", "-"]),
            "reason": st.sampled_from(["x", None]),
            "period": st.sampled_from([FRIDAY, MONDAY, None]),
            "who": st.sampled_from(["Eva", "Tom", None]),
            "crew": st.lists(st.sampled_from([{"name": "Eva"}, {"name": "Tom"}]), max_size=2, unique_by=str),
        },
    ),
    min_size=1,
    max_size=6,
)


class Ended(NamedTuple):
    """What is known of the job in the end, and what the Buyer sees of it."""

    record: dict[str, Any]
    state: str | None
    visit: tuple[Any, ...]


def ended(job: Job) -> Ended:
    record = dict(job.record)
    if "crew" in record:
        record["crew"] = sorted(record["crew"], key=str)
    visit = job.open_appointment
    return Ended(
        record,
        job.work_order and job.work_order.state,
        (visit.status, visit.valid_for) if visit is not None else (),
    )


def play(pack: Pack, messages: Sequence[dict[str, Any]], order: Sequence[int]) -> tuple[Ended, list[str]]:
    """Deliver the messages in this order; give how it ends, and what was said to be withheld."""
    book, named = Sandbox(pack), []
    for number in order:
        body = dated(number, messages[number])
        for happened in book.apply(RawMessage(body=orjson.dumps(body)), NOON):
            named += [f"m{number}: {what}" for what in withheld(happened)]
    return ended(book.job(JOB)), named


def dated(number: int, message: dict[str, Any]) -> dict[str, Any]:
    """A message with all that says when it was sent; what it tells of the visit has the visit's own count."""
    of_visit = {"trip": {"v": number + 1, "who": message["who"]}} if "who" in message else {}
    at = (NOON + timedelta(minutes=number)).isoformat()
    return {"job": "J", "id": f"m{number}", "v": number + 1, "at": at, **message, **of_visit}


def withheld(happened: Happened) -> Iterator[str]:
    """What a message says that was not taken of it, or that it was judged by what others have told."""
    if happened.outcome in ("stale", "parked") or happened.reason.startswith("kept:"):
        yield f"{happened.outcome}: {happened.reason}"
    yield from (flag for flag in happened.flags if flag != "older than what is applied; nothing of it was told since")


@examples(400)
@given(packs(), MESSAGES, st.randoms(use_true_random=False))
def test_in_any_order_messages_end_in_the_same_or_say_what_was_withheld(
    sections: dict[str, Any], later: list[dict[str, Any]], random: Random
) -> None:
    source = small(FIELDS, sections["rules"], inbound=sections["inbound"])
    pack = compile_pack(document(source), source.data)
    messages = [{"form": "whole", "event": "made", "status": "new"}, *later]
    in_order = [*range(len(messages))]
    one, named = play(pack, messages, in_order)
    other, more = play(pack, messages, random.sample(in_order, len(in_order)))
    assert other.record == one.record or any(": parked: " in what for what in (*named, *more))
    assert other == one or set(named) != set(more), (one, other, named, more)


BOOKED = {"from": "2026-03-12T08:00:00Z", "to": "2026-03-12T10:00:00Z"}
BOOK = {
    "exchange": "e",
    "routing_key": "book",
    "body": {"job": {"value": "job"}},
    "reply": {"status": "$.rc", "accepted": ["ok"], "refused": "refusals"},
}
SLOTS = {"each": "$.slots", "start": {"path": "$.from", "format": "iso"}, "end": {"path": "$.to", "format": "iso"}}
REFUSALS = {
    "refusals": {
        "key": "rc",
        "on_miss": "default",
        "default": {"code": "otherIssue", "reason": "No"},
        "rows": [],
    }
}
LATER = 99
"""A count that no message has."""

KNOWN: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"version": "$.v"}, {"version": "$.v"}),
    ({"version": {"path": "$.at", "format": "iso"}}, {"version": {"path": "$.at", "format": "iso"}}),
    ({"version": "$.v", "occurred_at": "at"}, {}),
    ({"occurred_at": "at"}, {}),
]
"""By what messages, and the WFM's yes, say which is newer; without a version in the yes, by the moment of both."""


def with_booking(sections: dict[str, Any], inbound: dict[str, Any], reply: dict[str, Any]) -> Pack:
    """The pack with a WFM that can be asked for a visit."""
    commands = {
        "search": {**BOOK, "reply": {**BOOK["reply"], "slots": SLOTS}},
        "book": {**BOOK, "reply": {**BOOK["reply"], **reply}},
        "cancel": BOOK,
    }
    others = {name: value for name, value in sections["inbound"].items() if name not in ("version", "versions", "ties")}
    source = small(
        FIELDS, sections["rules"], inbound={**others, **inbound}, commands=commands, tables=REFUSALS, zone="UTC"
    )
    return compile_pack(document(source), source.data)


@examples(100)
@given(packs(), MESSAGES, st.sampled_from(KNOWN), st.randoms(use_true_random=False))
def test_whatever_was_sent_before_a_buyers_booking_the_booked_visit_stands(
    sections: dict[str, Any], before: list[dict[str, Any]], known: tuple[dict[str, Any], dict[str, Any]], random: Random
) -> None:
    book = Sandbox(with_booking(sections, *known))
    made = dated(0, {"form": "whole", "event": "made", "status": "new"})
    list(book.apply(RawMessage(body=orjson.dumps(made)), NOON))
    start, end = (datetime.fromisoformat(BOOKED[key]) for key in ("from", "to"))
    wish, now = Buyer(book=(start, end)), NOON + timedelta(hours=1)
    reply = {"rc": "ok", "v": LATER, "at": now.isoformat()}
    ask(book, Step.model_validate({"buyer": wish, "reply": reply, "expect": {"rule": None}}), wish, now)
    visit = book.job(JOB).open_appointment
    assert visit is not None
    for number in random.sample(range(len(before)), len(before)):
        message = dated(number + 1, before[number])
        for happened in book.apply(RawMessage(body=orjson.dumps(message)), now):
            assert book.job(JOB).open_appointment == visit, (message, happened)
    assert ended(book.job(JOB)).state == "planned"
