"""A job in a state that a case or an explanation starts from, with the visit and the rest as its message has it."""

from dataclasses import replace
from datetime import datetime

from bridge.domain.model import Appointment, Job, JobRef, JobUpdate, WorkOrder
from bridge.mapping.checks.proofs.outcomes import job_in
from bridge.mapping.checks.proofs.situations import MefState
from bridge.mapping.pack import Pack, Reading, Translated


def initial_job(reading: Reading, state: MefState, pack: Pack, now: datetime, known: Job | None = None) -> Job:
    """Make the job that a message is about, in a state, with what the message itself says of it.

    What deltas have told of a job that is `known` stays as it was; its states, visits and commands do not.
    """
    told = known if known is not None else Job(ref=reading.job)
    bare = _knowing(job_in_state(reading.job, state, None, now), told)
    translation = pack.translate(reading, bare)
    if not isinstance(translation, Translated):
        return bare
    return _knowing(job_in_state(reading.job, state, translation.update, now), told)


def _knowing(job: Job, known: Job) -> Job:
    return replace(job, record=known.record, field_versions=known.field_versions, versions=known.versions)


def job_in_state(ref: JobRef, state: MefState, update: JobUpdate | None, now: datetime) -> Job:
    """Make the job; without an update it has nothing but its state."""
    job = job_in(state)
    work_order, appointment = job.work_order, job.appointment
    return Job(
        ref=ref,
        work_order=_work_order(work_order, ref, update, now) if work_order is not None else None,
        appointment=_appointment(appointment, update, now) if appointment is not None else None,
    )


def _work_order(known: WorkOrder, ref: JobRef, update: JobUpdate | None, now: datetime) -> WorkOrder:
    known = replace(known, job=ref, created_at=now, changed_at=now)
    return known if update is None else replace(known, buyer=update.buyer, details=update.details)


def _appointment(known: Appointment, update: JobUpdate | None, now: datetime) -> Appointment:
    known = replace(known, created_at=now, changed_at=now, visit=None)
    if update is None:
        return known
    visit = update.visit
    return replace(
        known,
        buyer=update.buyer,
        place=update.details.place[0],
        valid_for=visit.window or known.valid_for,
        contacts=visit.contacts,
        visit=visit.ref,
    )
