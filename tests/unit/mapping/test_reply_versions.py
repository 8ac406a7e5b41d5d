"""The version of a yes: what bears a lower one was said before, and is older."""

from typing import Any

import orjson
import pytest

from bridge.domain.ages import versions_in
from bridge.domain.model import Accepted, CommandKind, JobRef
from bridge.mapping.pack import Pack, ReplyRead
from bridge.packtools.buyer_steps import ask
from bridge.packtools.cases import Buyer, Step
from bridge.packtools.sandbox import RawMessage, Sandbox
from tests.unit.mapping.builders import NOON, WINDOW
from tests.unit.mapping.patches import pack_with, problems

BOOK = """
commands:
  book:
    exchange: toy.commands
    routing_key: book
    body: {job: {value: job}}
    reply: {status: $.rc, accepted: [ok], refused: refusals, version: REPLY}
"""
NUMBERS = "inbound: {version: $.v}" + BOOK.replace("REPLY", "$.v")
MOMENTS = "inbound: {version: {path: $.v, format: iso}}" + BOOK.replace("REPLY", "{path: $.v, format: iso}")
DELTAS = (
    NUMBERS.replace("version: $.v}", "version: $.v, deltas: true}", 1)
    + """
fields: {kind: {path: $.kind}, who: {path: $.who}}
rules:
  - {rule: booked, when: {kind: booked}, then: {work_order: planned, appointment: confirmed}}
  - {rule: any, then: {work_order: open, creates: true}}
work_order: {task: {value: who, default: Look}}
"""
)


def read(pack: Pack, **reply: Any) -> ReplyRead:
    result = pack.read_reply(CommandKind.BOOK, orjson.dumps({"rc": "ok", **reply}))
    assert isinstance(result, ReplyRead)
    return result


@pytest.mark.parametrize(
    ("pack", "version", "number"),
    [
        (NUMBERS, 4, 4),
        (NUMBERS, "4", 4),
        (NUMBERS, 2**63 - 1, 2**63 - 1),
        (MOMENTS, "1970-01-01T01:00:01+01:00", 1_000_000),
        (NUMBERS.replace("version: $.v}", "version: {path: $.v, optional: true}}"), None, None),
    ],
)
def test_the_version_of_a_yes_is_read_as_that_of_a_message(pack: str, version: object, number: int | None) -> None:
    result = read(pack_with(pack), v=version)
    assert (result.reply, result.flags) == (Accepted(version=number), ())


@pytest.mark.parametrize("version", [None, "", "x", 2**63, 1.5, True, [4], {"v": 4}, "4\x00"])
def test_a_yes_without_a_readable_version_is_a_yes_and_says_so(version: object) -> None:
    result = read(pack_with(NUMBERS), v=version)
    assert result.reply == Accepted()
    (flag,) = result.flags
    assert flag.startswith("version ($.v): expected a whole number of at most 64 bits; ")


@pytest.mark.parametrize(
    ("pack", "problem"),
    [
        (
            BOOK.replace("REPLY", "$.v"),
            "misplaced: there is nothing to compare it with; write inbound: {version: …} as well",
        ),
        (
            "inbound: {version: $.v}" + BOOK.replace("REPLY", "{path: $.v, format: iso}"),
            "wrong-type: it is a moment, that of messages a number; they must be of one kind",
        ),
        (
            "inbound: {version: {path: $.v, format: iso}}" + BOOK.replace("REPLY", "$.v"),
            "wrong-type: it is a number, that of messages a moment; they must be of one kind",
        ),
        (
            NUMBERS + "  search: {reply: {version: $.v}}",
            "misplaced: search changes no job; only replies of book, reschedule, cancel have a version",
        ),
        ("inbound: {version: $.v}" + BOOK.replace("REPLY", "v"), "wrong-value: 'v'"),
    ],
)
def test_a_version_that_cannot_be_compared_is_refused(pack: str, problem: str) -> None:
    found = problems(pack)
    assert len(found) == 1
    assert found[0].startswith(problem)


def booked(pack: Pack) -> Sandbox:
    book = Sandbox(pack)
    hear(book, v=1)
    wish = Buyer(book=(WINDOW.start_date_time, WINDOW.end_date_time))
    ask(book, Step.model_validate({"buyer": wish, "reply": {"rc": "ok", "v": 4}, "expect": {"rule": None}}), wish, NOON)
    return book


def hear(book: Sandbox, **message: Any) -> str:
    happened = book.apply(RawMessage(body=orjson.dumps({"job": "J", **message})), NOON)[0]
    return str(happened.outcome)


def test_in_the_book_a_lower_version_is_stale_after_the_yes_and_for_good() -> None:
    book = booked(pack_with(NUMBERS))
    ref = JobRef("toy", "J")
    assert (hear(book, v=3), hear(book, v=2)) == ("stale", "stale")
    assert versions_in(book.job(ref).ages.agreed) == {"job": 4}
    assert hear(book, v=4) == "applied"
    assert hear(book, v=3, again=True) == "stale"


def test_a_delta_of_a_lower_version_tells_what_is_new_and_leaves_the_visit_alone() -> None:
    book = booked(pack_with(DELTAS))
    assert hear(book, v=3, who="Eva") == "applied"
    job = book.job(JobRef("toy", "J"))
    assert job.appointment is not None
    assert (job.appointment.status, job.record) == ("confirmed", {"who": "Eva"})
    assert hear(book, v=5, kind="booked") != "stale"
