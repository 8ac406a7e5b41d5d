"""What was heard and not applied makes no older message stale: it told the Buyer nothing of how things stand."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import orjson
import pytest

from bridge.domain.ages import ages_in
from bridge.domain.model import Accepted, CommandState, Job, JobRef, Outcome, Refused
from bridge.mef.enums import AppointmentStatus, Error422Code, WorkOrderState
from bridge.packtools.sandbox import RawMessage, Sandbox
from tests.unit.domain.builders import a_booking, a_cancel
from tests.unit.mapping.builders import NO_VISIT, NOON, acme, snapshot

JOB = JobRef("acme-wfm", "J-4711")


def message(version: int, stat: str, **more: object) -> dict[str, Any]:
    return snapshot(MSG_ID=f"E-{version:03d}", JOB_VER=version, STAT=stat, **more)


CREATED = message(1, "NEW", **NO_VISIT)
PLANNED = message(2, "SCHD", TECH="T042")
ON_THE_WAY = message(3, "ENRT", TECH="T043")
TAKEN_BACK = message(4, "VCAN", TECH="T043")
PAUSED = message(5, "HOLD", TECH="T044")


def play(*messages: dict[str, Any], book: Sandbox | None = None) -> tuple[Sandbox, list[str]]:
    book = book or Sandbox(acme())
    happened = [one for body in messages for one in book.apply(RawMessage(body=orjson.dumps(body)), NOON)]
    return book, [one.outcome for one in happened]


def seen(job: Job) -> tuple[Any, ...]:
    return job.work_order and job.work_order.state, job.appointment and job.appointment.status, job.record, job.heard


def test_a_visit_that_is_taken_back_is_so_though_an_ignored_message_has_overtaken_it() -> None:
    book, outcomes = play(CREATED, PLANNED, ON_THE_WAY, PAUSED, TAKEN_BACK)
    assert outcomes == ["applied", "applied", "ignored", "ignored", "applied"]
    assert seen(book.job(JOB))[:2] == (WorkOrderState.OPEN, AppointmentStatus.CANCELLED)


def test_what_is_ignored_may_come_in_any_order() -> None:
    in_order, _ = play(CREATED, PLANNED, ON_THE_WAY, TAKEN_BACK, PAUSED)
    for order in permutations((ON_THE_WAY, TAKEN_BACK, PAUSED)):
        other, _ = play(CREATED, PLANNED, *order)
        assert seen(other.job(JOB)) == seen(in_order.job(JOB)), order


def test_what_an_older_message_tells_is_not_remembered_over_what_was_heard_since() -> None:
    book, _ = play(CREATED, PLANNED, PAUSED, TAKEN_BACK)
    assert book.job(JOB).record["technician"] == "T044"


def test_a_message_that_is_older_than_an_applied_one_is_stale_still() -> None:
    _, outcomes = play(CREATED, TAKEN_BACK, PAUSED, PLANNED)
    assert outcomes[-1] == "stale"


def test_the_end_of_a_visit_that_waited_for_a_reply_is_not_lost_where_the_reply_never_comes() -> None:
    """The WFM carried the cancellation out, its reply was lost, and it has said something without meaning since."""
    book, _ = play(CREATED, PLANNED)
    job = book.job(JOB)
    assert job.appointment is not None
    command = replace(a_cancel(visit="V-0001"), job=JOB, appointment=job.appointment.id, created_at=NOON)
    book.put(replace(job, commands=(command,)))
    _, outcomes = play(TAKEN_BACK, PAUSED, book=book)
    assert outcomes == ["waiting", "ignored"]
    _, happened = book.expire(command, NOON)
    assert [one.outcome for one in happened][-1] == Outcome.APPLIED
    assert seen(book.job(JOB))[:2] == (WorkOrderState.OPEN, AppointmentStatus.CANCELLED)


OTHER = {"VISIT_NO": "V-0009", "WIN_FROM": "2026-03-09 08:00", "WIN_TO": "2026-03-09 12:00"}


@pytest.mark.parametrize("reply", [Accepted(), Refused("22", Error422Code.REFERENCE_NOT_FOUND), None])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_what_comes_after_a_visit_that_is_being_cancelled_waits_for_the_reply(
    order: Sequence[int], reply: Accepted | Refused | None
) -> None:
    """The dispatcher has cancelled it first, and planned another one: that is no move of the Buyer's visit."""
    book, _ = play(CREATED, PLANNED)
    job = book.job(JOB)
    assert job.appointment is not None
    command = replace(a_cancel(visit="V-0001"), job=JOB, appointment=job.appointment.id, created_at=NOON)
    book.put(replace(job, commands=(command,)))
    said = (TAKEN_BACK, message(5, "SCHD", **OTHER), message(6, "ENRT", **OTHER))
    _, outcomes = play(*(said[number] for number in order), book=book)
    assert sorted(outcomes) == ["ignored", "waiting", "waiting"]
    if reply is None:
        book.expire(command, NOON)
    else:
        book.settle(command, reply, NOON)
    job = book.job(JOB)
    assert seen(job)[:2] == (WorkOrderState.PLANNED, AppointmentStatus.CONFIRMED)
    assert job.appointment is not None
    assert job.appointment.visit == "V-0009"


@pytest.mark.parametrize("reply", [Accepted(), Refused("22", Error422Code.REFERENCE_NOT_FOUND), None])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_another_visit_that_came_and_went_during_a_cancellation_leaves_nothing(
    order: Sequence[int], reply: Accepted | Refused | None
) -> None:
    book, _ = play(CREATED, PLANNED)
    job = book.job(JOB)
    assert job.appointment is not None
    command = replace(a_cancel(visit="V-0001"), job=JOB, appointment=job.appointment.id, created_at=NOON)
    book.put(replace(job, commands=(command,)))
    said = (TAKEN_BACK, message(5, "SCHD", **OTHER), message(6, "VCAN", **OTHER))
    _, outcomes = play(*(said[number] for number in order), book=book)
    assert outcomes == ["waiting"] * 3
    if reply is None:
        book.expire(command, NOON)
    else:
        book.settle(command, reply, NOON)
    assert seen(book.job(JOB))[:2] == (WorkOrderState.OPEN, AppointmentStatus.CANCELLED)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_visit_is_not_announced_after_the_wfm_has_cancelled_it(order: Sequence[int]) -> None:
    """Its plan was overtaken by its end, while another visit stood."""
    book, _ = play(CREATED, PLANNED)
    said = (TAKEN_BACK, message(5, "SCHD", **OTHER), message(6, "VCAN", **OTHER))
    play(*(said[number] for number in order), book=book)
    assert seen(book.job(JOB))[:2] == (WorkOrderState.OPEN, AppointmentStatus.CANCELLED)
    _, outcomes = play(message(7, "SCHD", **OTHER), book=book)
    assert (outcomes, seen(book.job(JOB))[1]) == (["applied"], AppointmentStatus.CONFIRMED)


def test_an_echo_makes_nothing_stale_that_the_buyer_should_see() -> None:
    """The visit of a booking that timed out is another one than that which the Seller has agreed meanwhile."""
    book, _ = play(CREATED, PLANNED)
    booking = replace(a_booking(CommandState.COMPENSATED, visit="V-0009"), job=JOB, created_at=NOON)
    book.put(replace(book.job(JOB), commands=(booking,)))
    _, outcomes = play(message(5, "SCHD", **OTHER), TAKEN_BACK, book=book)
    assert outcomes == ["echo", "applied"]
    assert seen(book.job(JOB))[1] is AppointmentStatus.CANCELLED


def test_the_end_of_a_visit_that_was_taken_back_makes_its_late_announcement_stale() -> None:
    booking = a_booking(CommandState.COMPENSATED, visit="V-0001")
    book, _ = play(CREATED)
    book.put(replace(book.job(JOB), commands=(replace(booking, job=JOB, try_again_at=NOON, created_at=NOON),)))
    _, outcomes = play(TAKEN_BACK, PLANNED, book=book)
    assert outcomes == ["echo", "stale"]
    assert book.job(JOB).appointment is None


def test_what_was_sent_before_a_yes_says_nothing_against_it() -> None:
    book, _ = play(CREATED, ON_THE_WAY)
    job = book.job(JOB)
    assert job.work_order is not None
    booking = replace(a_booking(), job=JOB, work_order=job.work_order.id, created_at=NOON)
    book.put(replace(job, commands=(booking,)))
    book.settle(booking, Accepted("V-0001"), NOON)
    _, outcomes = play(message(2, "VCAN", TS="2026-03-05 12:55:00", **NO_VISIT), book=book)
    assert (outcomes, seen(book.job(JOB))[1]) == (["stale"], AppointmentStatus.CONFIRMED)


def test_what_was_heard_is_kept() -> None:
    book, _ = play(CREATED, PLANNED, PAUSED)
    ages = book.job(JOB).ages
    assert (book.job(JOB).versions, ages.heard) == ({"job": 2}, {"job": 5})
    assert ages_in(ages.plain()) == ({}, ages)


def test_what_is_gone_is_kept() -> None:
    book, outcomes = play(CREATED, PLANNED, message(6, "VCAN", **OTHER))
    ages = book.job(JOB).ages
    assert (outcomes[-1], ages.gone) == ("echo", {"V-0009": {"job": 6}})
    assert ages_in(ages.plain()) == ({}, ages)
