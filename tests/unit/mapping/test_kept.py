"""Codes that say nothing, fields that live and die with another one, and messages that take something back."""

from functools import cache
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.ages import versions_in
from bridge.mapping.pack import Pack
from tests.unit.examples import examples
from tests.unit.mapping.patches import pack_with, problems
from tests.unit.mapping.test_complete import JOB, Story

KEPT = """
inbound:
  message_id: $.id
  version: {path: $.v, optional: true}
  deltas: {unless: [{path: $.form, fits: whole}]}
  forgets:
    - {path: $.event, fits: withdrawn, fields: [when]}
    - {path: $.event, fits: again, fields: [status, who]}
fields:
  status:
    path: [$.status, $.event]
    type: code
    values: [new, booked, failed]
    keep: [withdrawn, again, "00"]
    loose: true
    synonyms: {told: again}
    default: new
  reason: {path: $.reason, belongs_to: status}
  day: {path: $.day, nulls: absent}
  hour: {path: $.hour, nulls: absent}
  when: {join: [day, hour]}
  who: {path: $.who}
rules: [{rule: any, then: {work_order: open, creates: true}}]
"""


@cache
def kept() -> Pack:
    return pack_with(KEPT)


def known(*messages: dict[str, Any], pack: Pack | None = None) -> dict[str, object]:
    story = Story(pack or kept())
    for message in messages:
        story.hear(**message)
    return story.record


@pytest.mark.parametrize("code", ["00", "0", " Withdrawn", "TOLD", 0])
@pytest.mark.parametrize("form", ["whole", "delta"])
def test_a_code_that_says_nothing_leaves_the_last_one_however_it_is_written(code: object, form: str) -> None:
    assert known({"status": "booked"}, {"status": code, "form": form}, {"who": "Eva"}) == {
        "status": "booked",
        "who": "Eva",
    }


def test_a_code_that_says_nothing_lets_the_next_path_speak() -> None:
    assert known({"status": "00", "event": "booked"})["status"] == "booked"


def test_a_code_that_says_nothing_makes_nothing_old() -> None:
    story = Story(kept())
    story.hear(1, status="new")
    story.hear(4, status="00", who="Eva")
    story.hear(3, status="failed")
    assert story.record == {"status": "failed", "who": "Eva"}


def test_without_deltas_a_complete_message_may_say_that_a_code_has_not_changed() -> None:
    pack = pack_with(
        "fields: {status: {path: $.s, type: code, values: [a, b], keep: ['0']}, why: {path: $.w, belongs_to: status}, "
        "who: {path: $.who}}"
    )
    first = {"s": "a", "w": "x", "who": "Eva"}
    assert known(first, {"s": "0"}, pack=pack) == {"status": "a", "why": "x"}
    assert known(first, {"s": "0", "w": "y"}, pack=pack) == {"status": "a", "why": "y"}
    assert known(first, {"s": "b"}, pack=pack) == {"status": "b"}
    assert known(first, {}, pack=pack) == {}


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([{"status": "failed", "reason": "x"}, {"who": "Eva"}], "x"),
        ([{"status": "failed", "reason": "x"}, {"status": "00"}], "x"),
        ([{"status": "failed", "reason": "x"}, {"reason": "y"}], "y"),
        ([{"status": "failed", "reason": "x"}, {"status": "failed"}], None),
        ([{"status": "failed", "reason": "x"}, {"status": "booked"}, {"status": "failed"}], None),
        ([{"status": "failed", "reason": "x"}, {"status": "booked", "reason": "y"}], "y"),
        ([{"status": "failed", "reason": "x"}, {"event": "again"}], None),
    ],
)
def test_a_reason_lives_and_dies_with_its_status(messages: list[dict[str, Any]], reason: str | None) -> None:
    assert known(*messages).get("reason") == reason


def test_an_event_takes_back_what_others_have_told_and_keeps_what_it_tells_itself() -> None:
    told = {"status": "booked", "day": "1", "hour": "8", "who": "Eva"}
    assert known(told, {"event": "withdrawn"}) == {"status": "booked", "who": "Eva"}
    assert known(told, {"event": "withdrawn", "hour": "9"}) == {"status": "booked", "who": "Eva", "hour": "9"}
    assert known(told, {"event": "again"}) == {"day": "1", "hour": "8"}


def test_a_late_event_takes_back_only_what_was_told_before_it() -> None:
    story = Story(kept())
    story.hear(1, status="booked", day="1", hour="8")
    story.hear(4, hour="9")
    story.hear(3, event="withdrawn")
    assert story.record == {"status": "booked", "hour": "9"}


_MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"form": st.sampled_from(["whole", "delta", "delta"])},
        optional={
            "event": st.sampled_from(["withdrawn", "again", "other"]),
            "status": st.sampled_from(["new", "booked", "00"]),
            "reason": st.sampled_from(["x", "y"]),
            "day": st.sampled_from(["1", None]),
            "hour": st.sampled_from(["8", "9"]),
            "who": st.sampled_from(["Eva", "Tom"]),
        },
    ),
    min_size=2,
    max_size=6,
)


@examples(300)
@given(_MESSAGES, st.randoms(use_true_random=False))
def test_in_whatever_order_messages_come_the_record_is_the_same(messages: list[dict[str, Any]], random: Random) -> None:
    def heard(numbers: list[int]) -> object:
        story = Story(kept())
        story.hear(0, status="new")
        for number in numbers:
            story.hear(number + 1, **{name: one for name, one in messages[number].items() if one != "other"})
        ages = story.book.job(JOB).field_versions
        return story.record, {name: versions_in(age) for name, age in ages.items()}

    in_order = [*range(len(messages))]
    assert heard(random.sample(in_order, len(in_order))) == heard(in_order)


MADE_OF_A_HEADER = """
inbound: {deltas: true, forgets: [{path: $.e, fits: x, fields: [j]}]}
fields: {h: {header: h}, j: {join: [from, h]}}
"""
KEEPING = "{path: $.s, type: code, values: [a], keep: x}"


@pytest.mark.parametrize(
    ("patch", "problem"),
    [
        (
            "{inbound: {deltas: true}, fields: {s: {path: $.s, type: code, values: [a, '07'], keep: [a]}}}",
            "duplicate-code: 'a' is a code of this field; it says something, or nothing",
        ),
        (
            "{fields: {s: {path: $.s, type: code, values: [a, '7'], keep: ['07'], loose: true}}}",
            "duplicate-code: '07' is a code of this field",
        ),
        (
            "{fields: {s: {path: $.s, type: code, values: [a], keep: x, remember: false}}}",
            "misplaced: keep is for a field that is remembered: with a path, and without remember: false",
        ),
        (
            "{fields: {s: {header: s, type: code, values: [a], keep: x}}}",
            "misplaced: keep is for a field that is remem",
        ),
        ("{fields: {s: {path: $.s, keep: x}}}", "misplaced: keep belongs to type code; this field is of type text"),
        (
            "{fields: {s: {path: $.s}, r: {path: $.r, belongs_to: s}}}",
            "misplaced: every message is complete, and tells s anew; belongs_to needs deltas, or s a keep",
        ),
        (
            "{inbound: {deltas: true}, fields: {s: {header: s}, r: {path: $.r, belongs_to: s}}}",
            "wrong-source: only a field with a path is remembered; s is not",
        ),
        (
            "{inbound: {deltas: true}, fields: {r: {path: $.r, belongs_to: s}, s: {path: $.s}}}",
            "wrong-order: field s is read after r; write it above",
        ),
        ("{inbound: {deltas: true}, fields: {r: {path: $.r, belongs_to: x}}}", "unknown-field: there is no field 'x'"),
        (
            "{inbound: {deltas: true, forgets: [{path: $.e, fits: x, fields: frum}]}}",
            "unknown-field: there is no field 'frum'; did you mean 'from'?",
        ),
        (
            "{inbound: {forgets: [{path: $.e, fits: x, fields: [kind]}]}}",
            "wrong-source: nothing is kept of kind that could be forgotten",
        ),
        (
            MADE_OF_A_HEADER,
            "wrong-source: nothing is kept of h that could be forgotten; j is made of it",
        ),
        (
            f"{{inbound: {{deltas: true}}, fields: {{l: {{path: $.l, type: items, fields: {{s: {KEEPING}}}}}}}}}",
            "misplaced: an item is remembered as a whole; take keep out",
        ),
    ],
)
def test_what_cannot_be_kept_or_taken_back_is_told(patch: str, problem: str) -> None:
    (found,) = problems(patch)
    assert found.startswith(problem)
