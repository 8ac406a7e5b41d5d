"""However Buyer and WFM cross each other: in the end both have the same visit, and every message came to something."""

from pathlib import Path

from bridge.domain.model import Outcome
from bridge.mapping.loader import load_pack
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from bridge.simulator.acme import Stat, VisitStatus
from tests.unit.lives import Life

ACME = Path(__file__).parents[2] / "mappings" / "acme-wfm"
LIVES = 400
DONE_WITH = {Outcome.APPLIED, Outcome.UNCHANGED, Outcome.ECHO, Outcome.STALE, Outcome.IGNORED}
HELD_AS = {
    VisitStatus.PLANNED: AppointmentStatus.CONFIRMED,
    VisitStatus.STARTED: AppointmentStatus.IN_PROGRESS,
}
SEEN_AS = {
    Stat.NEW: {WorkOrderState.OPEN},
    Stat.VISIT_TAKEN_BACK: {WorkOrderState.OPEN},
    Stat.NO_SHOW: {WorkOrderState.OPEN},
    Stat.PLANNED: {WorkOrderState.PLANNED},
    Stat.DRIVING: {WorkOrderState.PLANNED},
    Stat.STARTED: {WorkOrderState.IN_PROGRESS},
    Stat.FINISHED: {WorkOrderState.COMPLETED},
    Stat.CANCELLED: {WorkOrderState.CANCELLED, WorkOrderState.UNABLE_TO_COMPLETE},
}


def held(life: Life) -> tuple[AppointmentStatus, object] | None:
    visit = life.acme.active_visit(life.job.number)
    return None if visit is None else (HELD_AS[visit.status], visit.window.start)


def shown(life: Life) -> tuple[AppointmentStatus, object] | None:
    appointment = life.seen.open_appointment
    return None if appointment is None else (appointment.status, appointment.valid_for.start_date_time)


def test_in_the_end_the_buyer_sees_what_the_wfm_has() -> None:
    pack = load_pack(ACME)
    for seed in range(LIVES):
        life = Life(seed, pack)
        life.live()
        story = "\n".join([f"seed {seed}", *life.story])
        assert shown(life) == held(life), story
        assert life.seen.work_order is not None
        assert life.seen.work_order.state in SEEN_AS[life.job.stat], story
        assert set(life.outcomes.values()) <= DONE_WITH, story
