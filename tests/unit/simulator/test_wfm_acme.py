"""ACME without a bus: its calendar, what commands it refuses, and how it writes a job down."""

from datetime import UTC, datetime

import pytest

from bridge.simulator.acme import ZONE, Acme, Job, Rc, Refusal, Stat, VisitStatus, Window, read, written

NOW = datetime(2026, 3, 5, 12, 4, 5, tzinfo=UTC)  # Thursday 13:04:05 in Warsaw
FRIDAY = Window(read("2026-03-06 00:00"), read("2026-03-07 00:00"))
MORNING = Window(read("2026-03-06 08:00"), read("2026-03-06 12:00"))
NOON = Window(read("2026-03-06 12:00"), read("2026-03-06 16:00"))


@pytest.fixture
def acme() -> Acme:
    return Acme()


@pytest.fixture
def job(acme: Acme) -> Job:
    return new_job(acme)


def new_job(acme: Acme) -> Job:
    return acme.new_job(
        customer="PL-00017",
        visit_required=True,
        site="SITE-7",
        tasks=("REPLACE SFP", "PERFORM OTDR"),
        minutes=120,
        remark="",
    )


def test_free_slots_are_half_days_of_each_technician(acme: Acme, job: Job) -> None:
    slots = acme.find(job.number, FRIDAY, NOW)
    assert [(written(slot.window.start), slot.technician) for slot in slots] == [
        (f"2026-03-06 {hour}:00", technician) for hour in ("08", "12") for technician in ("T042", "T043", "T044")
    ]
    assert len({slot.id for slot in slots}) == 6


def test_nobody_works_at_the_weekend(acme: Acme, job: Job) -> None:
    weekend = Window(read("2026-03-07 00:00"), read("2026-03-09 00:00"))
    assert acme.find(job.number, weekend, NOW) == []


def test_slots_lie_inside_the_window_and_in_the_future(acme: Acme, job: Job) -> None:
    """A slot that sticks out is not offered, nor one that has begun."""
    assert acme.find(job.number, Window(read("2026-03-06 09:00"), read("2026-03-06 15:59")), NOW) == []
    today = Window(read("2026-03-05 00:00"), read("2026-03-06 00:00"))
    assert acme.find(job.number, today, NOW) == []


def test_a_taken_slot_vanishes_and_comes_back_when_the_visit_is_cancelled(acme: Acme, job: Job) -> None:
    offered = acme.find(job.number, MORNING, NOW)
    visit = acme.book(job.number, offered[1].id, MORNING)
    assert visit.technician == "T043"
    assert acme.find(job.number, MORNING, NOW) == [offered[0], offered[2]]
    acme.cancel_visit(job.number, visit.number)
    assert acme.find(job.number, MORNING, NOW) == offered


def test_a_taken_slot_is_refused_and_changes_nothing(acme: Acme, job: Job) -> None:
    slot = acme.find(job.number, MORNING, NOW)[0]
    acme.book(job.number, slot.id, MORNING)
    other = new_job(acme)
    with pytest.raises(Refusal) as refused:
        acme.book(other.number, slot.id, MORNING)
    assert (refused.value.rc, other.stat, other.visits) == (Rc.SLOT_TAKEN, Stat.NEW, [])


def test_without_a_slot_any_free_technician_is_booked_until_none_is_left(acme: Acme) -> None:
    booked = [acme.book(new_job(acme).number, "", MORNING).technician for _ in range(3)]
    assert booked == ["T042", "T043", "T044"]
    with pytest.raises(Refusal, match="SLOT TAKEN"):
        acme.book(new_job(acme).number, "", MORNING)


@pytest.mark.parametrize("slot_id", ["S-", "S-x", "S-99999999999", "17", "S-0"])
def test_a_slot_that_never_was_is_refused(acme: Acme, job: Job, slot_id: str) -> None:
    with pytest.raises(Refusal, match="SLOT TAKEN"):
        acme.book(job.number, slot_id, MORNING)


def test_moving_frees_the_old_slot_and_a_refused_move_keeps_it(acme: Acme, job: Job) -> None:
    first, second = acme.find(job.number, MORNING, NOW)[0], acme.find(job.number, NOON, NOW)[0]
    visit = acme.book(job.number, first.id, MORNING)
    with pytest.raises(Refusal, match="SLOT TAKEN"):
        acme.rebook(job.number, visit.number, "S-1", NOON)
    assert first not in acme.find(job.number, MORNING, NOW)
    assert acme.rebook(job.number, visit.number, second.id, NOON) is visit
    assert (visit.window, first in acme.find(job.number, MORNING, NOW)) == (NOON, True)


def test_commands_are_refused_by_what_is_wrong(acme: Acme, job: Job) -> None:
    """44 no such job, 21 not in a state for it, 22 no such visit."""

    def rc(command: str, *arguments: object) -> Rc:
        with pytest.raises(Refusal) as refused:
            getattr(acme, command)(*arguments)
        return refused.value.rc

    assert rc("book", "J-none", "", MORNING) == Rc.NO_SUCH_JOB
    assert rc("cancel_visit", job.number, "V-0001") == Rc.NO_SUCH_VISIT
    visit = acme.book(job.number, "", MORNING)
    assert rc("book", job.number, "", NOON) == Rc.WRONG_STATE
    assert rc("rebook", job.number, "V-9999", "", NOON) == Rc.NO_SUCH_VISIT
    acme.turn(job, Stat.STARTED)
    assert rc("cancel_visit", job.number, visit.number) == Rc.WRONG_STATE
    assert rc("rebook", job.number, visit.number, "", NOON) == Rc.WRONG_STATE
    acme.turn(job, Stat.CLOSED)
    assert rc("book", job.number, "", MORNING) == Rc.WRONG_STATE


def test_a_snapshot_has_every_field_of_the_wire_format(acme: Acme, job: Job) -> None:
    acme.plan(job, MORNING, "T042")
    assert acme.snapshot(job, NOW) == {
        "MSG_ID": "E-000000001",
        "JOB_NO": "J-0001",
        "JOB_VER": 1,
        "TS": "2026-03-05 13:04:05",
        "CUST_ACC": "PL-00017",
        "STAT": "SCHD",
        "RSN": "",
        "VISIT_REQ": "Y",
        "VISIT_NO": "V-0001",
        "WIN_FROM": "2026-03-06 08:00",
        "WIN_TO": "2026-03-06 12:00",
        "TECH": "T042",
        "EST_MIN": "120",
        "SITE_ID": "SITE-7",
        "TT_NO": "TT-1",
        "TASKS": "REPLACE SFP|PERFORM OTDR",
        "REMARK": "",
    }
    assert acme.snapshot(job, NOW)["JOB_VER"] == 2


def test_a_visit_that_did_not_take_place_is_told_of_once(acme: Acme, job: Job) -> None:
    """The event names visit and reason; the next one does not, and the job can be booked again."""
    acme.plan(job, MORNING)
    acme.turn(job, Stat.NO_SHOW, "C01")
    told = acme.snapshot(job, NOW)
    acme.forget_fallen_visit(job)
    acme.turn(job, Stat.ON_HOLD)
    after = acme.snapshot(job, NOW)
    assert (told["VISIT_NO"], told["RSN"], after["VISIT_NO"], after["RSN"]) == ("V-0001", "C01", "", "")
    assert acme.book(job.number, "", NOON).number == "V-0002"
    assert [visit.status for visit in job.visits] == [VisitStatus.NO_SHOW, VisitStatus.PLANNED]


def test_a_finished_visit_is_still_named_when_the_job_is_closed(acme: Acme, job: Job) -> None:
    acme.plan(job, MORNING)
    for stat in (Stat.STARTED, Stat.FINISHED, Stat.CLOSED):
        acme.turn(job, stat)
        told = acme.snapshot(job, NOW)
        acme.forget_fallen_visit(job)
    assert (told["STAT"], told["VISIT_NO"], job.visits[0].status) == ("CLSD", "V-0001", VisitStatus.DONE)
    assert acme.active_visit(job.number) is None


def test_windows_are_warsaw_wall_clock_in_summer_and_winter() -> None:
    assert read("2026-01-05 08:00").astimezone(UTC).hour == 7
    assert read("2026-07-06 08:00").astimezone(UTC).hour == 6
    assert written(datetime(2026, 7, 6, 6, tzinfo=UTC)) == "2026-07-06 08:00"
    assert written(datetime(2026, 7, 6, 8, tzinfo=ZONE)) == "2026-07-06 08:00"
