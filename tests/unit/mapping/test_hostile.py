"""Whatever bytes come, the answer is a value with an explanation that every database can keep; nothing raises."""

import json
from functools import cache
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.model import CommandKind, Job
from bridge.mapping.pack import Ignored, Pack, Reading, ReplyRead, Translated, Unmapped, Unreadable
from tests.unit.examples import examples
from tests.unit.mapping.builders import SNAPSHOT, acme, snapshot, toy, work_order
from tests.unit.mapping.patches import pack_with

NASTY = st.sampled_from(
    [
        "\x00",
        "",
        " ",
        "٣",
        "1e999",
        "0001-01-01 00:00",
        "9999-12-31 23:59",
        "2026-03-29 02:30",
        "-" * 5000,
        10**18,
        2**64 - 1,
        -0.0,
        1e308,
        [[[[]]]],
        {"": {"": []}},
        "\u202e|\u2028",
        "😀" * 300,
    ]
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | TEXT | NASTY,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)
STATUSES = st.sampled_from(["NEW", "SCHD", "ENRT", "WIP", "DONE", "CLSD", "NOSH", "VCAN", "CANC", "HOLD"])
MUTATED = st.builds(
    lambda status, changes: {**SNAPSHOT, "STAT": status, **changes},
    STATUSES,
    st.dictionaries(st.sampled_from(sorted(SNAPSHOT)), JSON, max_size=3),
)


@st.composite
def damaged(draw: st.DrawFn, messages: st.SearchStrategy[Any]) -> bytes:
    """A message with some bytes replaced, cut out or repeated."""
    body = bytearray(orjson.dumps(draw(messages)))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(len(body), start + 5)))
        body[start:end] = draw(st.binary(max_size=4))
    return bytes(body)


def check(pack: Pack, body: bytes, headers: dict[str, str] | None = None, routing_key: str = "k") -> None:
    reading = pack.read(body, routing_key, headers or {})
    if isinstance(reading, Unreadable):
        assert_keepable(reading.reason, reading.explanation)
        return
    assert isinstance(reading, Reading)
    assert_keepable(reading.message, reading.job.key)
    result = pack.translate(reading, Job(ref=reading.job))
    assert isinstance(result, Translated | Ignored | Unmapped)
    assert_keepable(result.explanation)
    if isinstance(result, Translated):
        assert_keepable(repr(result.update.flags), *result.update.details.task)
        for note in result.update.details.note:
            assert_keepable(note.text)
    else:
        assert_keepable(result.reason)
        assert result.reason


def assert_keepable(*values: object) -> None:
    """Plain JSON that PostgreSQL and UTF-8 can hold: no NUL, no lone surrogate, no NaN."""
    for value in values:
        text = json.dumps(value, allow_nan=False)
        assert "\\u0000" not in text.replace("\\\\", "")
        orjson.dumps(value)


@given(st.binary(max_size=300))
@examples(50)
def test_random_bytes(body: bytes) -> None:
    check(acme(), body)
    check(toy(), body, {"x-kind": "made"})


@given(JSON)
@examples(50)
def test_random_json(data: object) -> None:
    check(acme(), orjson.dumps(data))
    check(toy(), orjson.dumps({"job": {"key no": data}, "at": data, "hours": data, "tasks": data}), {"x-kind": "made"})


@given(MUTATED)
@examples(100)
def test_valid_messages_with_members_replaced(message: dict[str, Any]) -> None:
    check(acme(), orjson.dumps(message))


@given(damaged(MUTATED))
@examples(70)
def test_valid_messages_with_bytes_damaged(body: bytes) -> None:
    check(acme(), body)


@given(st.sampled_from(["utf-16", "utf-32", "latin-1", "cp1250", "utf-8-sig"]), MUTATED)
@examples(20)
def test_valid_messages_in_a_wrong_encoding(encoding: str, message: dict[str, Any]) -> None:
    check(acme(), json.dumps(message, ensure_ascii=False).encode(encoding, "replace"))


@given(st.text(max_size=20), st.text(max_size=20))
@examples(30)
def test_any_header_and_routing_key(header: str, routing_key: str) -> None:
    body = orjson.dumps({"job": {"key no": 1}, "at": None})
    check(toy(), body, {"x-kind": header}, routing_key)
    check(toy(), body, {"x-kind": "made"}, routing_key)


@given(st.sampled_from(list(CommandKind)), damaged(st.dictionaries(st.sampled_from(["RC", "SLOTS"]), JSON)))
@examples(70)
def test_any_reply(kind: CommandKind, body: bytes) -> None:
    result = acme().read_reply(kind, body)
    assert isinstance(result, ReplyRead | Unreadable)
    assert_keepable(result.explanation)


@given(st.lists(st.dictionaries(st.sampled_from(["SLOT_ID", "FROM", "TO"]), JSON), max_size=3))
@examples(50)
def test_any_slots(slots: list[object]) -> None:
    result = acme().read_reply(CommandKind.SEARCH, orjson.dumps({"RC": "00", "SLOTS": slots}))
    assert_keepable(result.explanation)


ITEMS = st.lists(
    st.dictionaries(st.sampled_from(["id", "state", "from", "till", "n"]), JSON | st.sampled_from(["17", 17, "done"]))
    | JSON,
    max_size=4,
)


@cache
def crew() -> Pack:
    """A pack with a list of items of every type, remembered by a key, and written in every way."""
    return pack_with(
        """
zone: Europe/Warsaw
inbound: {deltas: true}
fields:
  day: {path: $.day}
  crew:
    path: $.crew
    type: items
    key: who
    where: {$.state: {not: gone}}
    distinct: true
    fields:
      who: {path: $.id, type: code, table: people, loose: true, required: true}
      state: {path: $.state, type: code, values: [started, done], default: done, nulls: absent}
      clock: {path: $.from}
      start: {type: datetime, join: [day, clock], format: "%Y-%m-%d %H:%M"}
      till: {path: [$.till, $.until], type: datetime, format: iso, not_before: start}
      number: {path: $.n, type: integer}
  work: {of: crew.state, precedence: [started, done]}
tables: {people: {key: id, on_miss: default, default: {name: Somebody}, rows: [{id: "17", name: Eva}]}}
work_order:
  merge: [related_entity]
  related_entity:
    - {id: T, role: r, referred_type: t}
    - {each: crew, when: {number: {at_least: 0}}, id: {value: who}, role: {value: who.name}, referred_type: t}
  note: [{each: crew, if_present: till, text: {value: clock}, author: {value: who.name}, date: {value: till}}]
"""
    )


@given(JSON | ITEMS, JSON | ITEMS, JSON | st.just("2026-03-05"))
@examples(100)
def test_any_items_put_onto_any_known_ones(known: object, told: object, day: object) -> None:
    reading = crew().read(orjson.dumps({"job": "J", "day": day, "crew": told}), "k", {})
    assert isinstance(reading, Reading)
    result = crew().translate(reading, Job(ref=reading.job, work_order=work_order(), record={"crew": known}))
    assert isinstance(result, Translated | Unmapped)
    assert_keepable(result.explanation)
    if isinstance(result, Translated):
        orjson.dumps(result.update.record)


def test_deep_and_huge_messages() -> None:
    deep = b"[" * 1000 + b"]" * 1000
    for body in (
        b'{"JOB_NO":"J","STAT":' + deep + b"}",
        b"[" * 1_000_000,
        b'{"JOB_NO":"J","JOB_VER":' + b"9" * 100_000 + b"}",
        orjson.dumps(snapshot(REMARK="x" * 1_000_000)),
        orjson.dumps(snapshot(TASKS="|".join(["T"] * 100_000))),
    ):
        check(acme(), body)
