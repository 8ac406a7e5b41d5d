"""Replies: accepted, refused in the standard's words, or a list of slots; anything else is unreadable and says why."""

import orjson
import pytest

from bridge.domain.model import Accepted, CommandKind, Offered, OfferedSlot, Refused
from bridge.mapping.pack import Pack, ReplyRead, Unreadable
from bridge.mef.enums import Error422Code as E
from tests.unit.mapping.builders import WINDOW, acme, toy, toy_with, window

SEARCH, BOOK, RESCHEDULE, CANCEL = (
    CommandKind.SEARCH,
    CommandKind.BOOK,
    CommandKind.RESCHEDULE,
    CommandKind.CANCEL,
)
SLOT = {"SLOT_ID": "S-17", "FROM": "2026-03-06 08:00", "TO": "2026-03-06 12:00", "TECH": "T042"}


def answer(pack: Pack, kind: CommandKind, reply: object) -> ReplyRead:
    result = pack.read_reply(kind, orjson.dumps(reply))
    assert isinstance(result, ReplyRead), result
    return result


@pytest.mark.parametrize(
    ("kind", "reply", "meaning"),
    [
        (BOOK, {"RC": "00", "VISIT_NO": "V-0001", "TXT": "OK"}, Accepted(visit="V-0001")),
        (BOOK, {"RC": "00", "VISIT_NO": ""}, Accepted(visit=None)),
        (RESCHEDULE, {"RC": "00", "VISIT_NO": "V-0001"}, Accepted(visit="V-0001")),
        (CANCEL, {"RC": "00"}, Accepted()),
        (SEARCH, {"RC": "00", "SLOTS": []}, Offered(())),
        (SEARCH, {"RC": "00", "SLOTS": [SLOT]}, Offered((OfferedSlot(WINDOW, {"id": "S-17"}),))),
        (
            BOOK,
            {"RC": "17"},
            Refused(E.INVALID_VALUE, "The time slot has been taken in the meantime", "/validFor"),
        ),
        (
            BOOK,
            {"RC": "21"},
            Refused(E.OTHER_ISSUE, "The job is not in a state that allows this", "/workOrder/id"),
        ),
        (
            SEARCH,
            {"RC": "44"},
            Refused(E.REFERENCE_NOT_FOUND, "The workforce system does not know the job", "/workOrder/id"),
        ),
        (BOOK, {"RC": "99"}, Refused(E.OTHER_ISSUE, "The workforce system reported an internal error")),
        (BOOK, {"RC": "55"}, Refused(E.OTHER_ISSUE, "The workforce system refused the request")),
        (BOOK, {"RC": 0}, Refused(E.OTHER_ISSUE, "The workforce system refused the request")),
        (CANCEL, {"RC": "22"}, Refused(E.REFERENCE_NOT_FOUND, "The workforce system does not know the visit")),
        (RESCHEDULE, {"RC": "21"}, Refused(E.OTHER_ISSUE, "The job is not in a state that allows this", final=True)),
    ],
)
def test_a_reply_is_understood(kind: CommandKind, reply: object, meaning: object) -> None:
    assert answer(acme(), kind, reply).reply == meaning


def test_the_explanation_says_what_the_status_was_taken_for() -> None:
    assert answer(acme(), BOOK, {"RC": "17"}).explanation == {
        "pack": acme().version,
        "status": {"path": "$.RC", "raw": "17"},
        "meaning": "refused",
    }


def test_an_ambiguous_time_of_a_slot_is_flagged() -> None:
    slot = {**SLOT, "FROM": "2026-10-25 02:30", "TO": "2026-10-25 06:00"}
    read = answer(acme(), SEARCH, {"RC": "00", "SLOTS": [slot]})
    assert read.reply == Offered((OfferedSlot(window("2026-10-25T00:30:00Z", "2026-10-25T05:00:00Z"), {"id": "S-17"}),))
    assert read.explanation["flags"] == ["2026-10-25 02:30:00 happens twice and is taken as the first in Europe/Warsaw"]


def test_what_is_flagged_twice_is_told_once() -> None:
    slot = {**SLOT, "FROM": "2026-10-25 02:30", "TO": "2026-10-25 06:00"}
    assert len(answer(acme(), SEARCH, {"RC": "00", "SLOTS": [slot, {**slot, "SLOT_ID": "S-18"}]}).flags) == 1


def test_a_token_has_several_parts_and_keeps_their_types() -> None:
    slot = {"from": "2026-03-06T08:00:00+0100", "to": "2026-03-06T12:00:00+0100", "nr": 17, "area": "N"}
    assert answer(toy(), SEARCH, {"rc": "ok", "slots": [slot]}).reply == Offered(
        (OfferedSlot(WINDOW, {"number": 17, "area": "N"}),)
    )


def test_an_acceptance_may_say_which_window_was_really_agreed() -> None:
    pack = toy_with(
        (
            "accepted: [ok], refused: refusals}",
            (
                "accepted: [ok], refused: refusals, window: {"
                'start: {path: "$.a", format: "%Y-%m-%dT%H:%M:%S%z"},'
                ' end: {path: "$.b", format: "%Y-%m-%dT%H:%M:%S%z"}}}'
            ),
        )
    )
    times = {"a": "2026-03-06T08:00:00+0100", "b": "2026-03-06T12:00:00+0100"}
    assert answer(pack, CANCEL, {"rc": "ok", **times}).reply == Accepted(window=WINDOW)
    assert answer(pack, CANCEL, {"rc": "ok"}).reply == Accepted()


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        (BOOK, b"", "the body is not JSON"),
        (BOOK, b"[]", "status ($.RC): expected a code; it is missing"),
        (BOOK, b'{"RC":null}', "status ($.RC): expected a code; came null"),
        (SEARCH, b'{"RC":"00"}', "slots ($.SLOTS): expected a list; it is missing"),
        (SEARCH, b'{"RC":"00","SLOTS":{}}', "slot 0: it has no window"),
        (SEARCH, b'{"RC":"00","SLOTS":[{}]}', "slot 0: it has no window"),
        (SEARCH, b'{"RC":"00","SLOTS":[7]}', "slot 0: it has no window"),
        (
            SEARCH,
            orjson.dumps({"RC": "00", "SLOTS": [{**SLOT, "TO": "soon"}]}),
            "slot 0 ($.TO): expected a date and time like %Y-%m-%d %H:%M (it does not fit %Y-%m-%d %H:%M); came",
        ),
        (SEARCH, orjson.dumps({"RC": "00", "SLOTS": [{**SLOT, "TO": 5}]}), "slot 0 ($.TO): expected a date and time"),
        (SEARCH, orjson.dumps({"RC": "00", "SLOTS": [{**SLOT, "TO": ""}]}), "slot 0: window: the end is absent"),
        (
            SEARCH,
            orjson.dumps({"RC": "00", "SLOTS": [{**SLOT, "TO": SLOT["FROM"]}]}),
            "slot 0: window: the end 2026-03-06T07:00:00.000Z is not after the start",
        ),
        (
            SEARCH,
            orjson.dumps({"RC": "00", "SLOTS": [{**SLOT, "SLOT_ID": [1]}]}),
            "slot 0: expected text or a whole number as id; came a list of 1 items",
        ),
        (CommandKind.NOTE, b"{}", "command note has no reply in this pack"),
    ],
)
def test_a_reply_that_says_neither_yes_nor_no_is_unreadable(kind: CommandKind, body: bytes, reason: str) -> None:
    result = acme().read_reply(kind, body)
    assert isinstance(result, Unreadable)
    assert result.reason.startswith(reason)
    assert result.explanation["reason"] == result.reason
