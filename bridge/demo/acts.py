"""The five acts: what a Seller, a Buyer and their WFM go through, each step held to the standard."""

import asyncio
from collections.abc import Awaitable, Callable

from rich.panel import Panel

from bridge.demo.script import Script
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from bridge.mef.models import AppointmentUpdate, TimePeriod

QUIET_SECONDS = 0.3
"""How long nothing must happen where nothing may happen."""

STATE = "workOrderStateChangeEvent"
STATUS = "appointmentStatusChangeEvent"
REQUIRED = "workOrderAppointmentRequiredEvent"


async def visit_that_works(script: Script) -> None:
    """Figure 5, from the job to the resolved ticket."""
    script.open_act("1  A visit that works (Figure 5)")
    wfm = script.stage.wfm
    job, work_order = await script.new_work_order()
    await script.expect_tickets(job, "pending")
    appointment = await script.book(work_order.id)
    await script.expect_tickets(job, "pending", "inProgress")
    await script.step(
        "the technician starts",
        lambda: wfm.start_work(job),
        tells=[STATUS, STATE],
        moves=["appointment: confirmed → inProgress", "workOrder: planned → inProgress"],
        rule="R28 R57",
    )
    await script.step(
        "the technician finishes",
        lambda: wfm.finish(job),
        tells=[STATUS, STATE],
        moves=["appointment: inProgress → completed", "workOrder: inProgress → completed"],
        rule="R28 R57",
    )
    done = await script.read_appointment(appointment.id)
    script.checks.equal("R26", "the Appointment is completed", done.status, AppointmentStatus.COMPLETED)
    work_order = await script.read_work_order(work_order.id)
    script.expect_work_order(work_order, WorkOrderState.COMPLETED, required=False, rule="R55")
    await script.expect_tickets(job, "pending", "inProgress", "resolved")


async def buyer_changes_his_mind(script: Script) -> None:
    """Reschedule by PATCH, then cancel."""
    script.open_act("2  The Buyer reschedules, then cancels")
    stage = script.stage
    job, work_order = await script.new_work_order()
    appointment = await script.book(work_order.id)
    windows = await script.search(work_order.id)
    change = AppointmentUpdate(valid_for=windows[1])

    async def reschedule() -> None:
        moved = await stage.request("PATCH appointment/{id} → 200", stage.buyer.patch(appointment.id, change))
        came = (moved.status, moved.valid_for)
        expected = (AppointmentStatus.CONFIRMED, windows[1])
        script.checks.equal("R36 R42", "still confirmed, in the new window", came, expected)
        await asyncio.sleep(QUIET_SECONDS)  # the WFM's echo of the move must not be taken for the Seller's

    await script.step("the Buyer moves the visit", reschedule, tells=[], moves=[], rule="R27")
    visit = stage.wfm.active_visit(job)
    planned = TimePeriod(start_date_time=visit.window.start, end_date_time=visit.window.end) if visit else None
    script.checks.equal("R42", "the WFM has moved the visit too", planned, windows[1])
    await script.step(
        "the Buyer cancels the visit",
        lambda: stage.request("POST appointment/{id}/cancel → 204", stage.buyer.cancel(appointment.id)),
        tells=[STATUS, STATE, REQUIRED],
        moves=["appointment: confirmed → cancelled", "workOrder: planned → open"],
        rule="R49 R50",
    )
    await asyncio.sleep(QUIET_SECONDS)
    script.checks.equal("R50", "the WFM has no visit any more", stage.wfm.active_visit(job), None)
    script.expect_work_order(
        await script.read_work_order(work_order.id), WorkOrderState.OPEN, required=True, rule="R48 R49"
    )


async def nobody_there(script: Script) -> None:
    """A no-show by the customer, then one by the technician."""
    script.open_act("3  Customer not at home; technician missing")
    await _fell_through(script, "the customer is not at home (NOSH C01)", "C01", AppointmentStatus.FAILED)
    await _fell_through(script, "the technician is ill (NOSH T01)", "T01", AppointmentStatus.MISSED)


async def _fell_through(script: Script, text: str, reason: str, status: AppointmentStatus) -> None:
    job, work_order = await script.new_work_order()
    appointment = await script.book(work_order.id)
    await script.step(
        text,
        lambda: script.stage.wfm.no_show(job, reason),
        tells=[STATUS, STATUS, STATE, REQUIRED],
        moves=[
            "appointment: confirmed → inProgress",
            f"appointment: inProgress → {status}",
            "workOrder: planned → open",
        ],
        rule="R26 R28 R57",
    )
    ended = await script.read_appointment(appointment.id)
    script.checks.equal("R26", f"the Appointment is {status}", ended.status, status)
    script.expect_work_order(
        await script.read_work_order(work_order.id), WorkOrderState.OPEN, required=True, rule="R58"
    )


async def states_skipped(script: Script) -> None:
    """The dispatcher agrees a visit by phone, and the back office closes the job straight from scheduled."""
    script.open_act("4  The WFM skips states (scheduled → closed)")
    wfm = script.stage.wfm
    job, work_order = await script.new_work_order()
    windows = await script.search(work_order.id)
    window = (windows[0].start_date_time, windows[0].end_date_time)
    await script.step(
        "the dispatcher agrees a visit by phone",
        lambda: wfm.schedule(job, window),
        tells=[STATUS, STATE],
        moves=["appointment: new → confirmed", "workOrder: open → planned"],
        rule="R28 R57",
    )
    await script.step(
        "the back office closes the job",
        lambda: wfm.close(job),
        tells=[STATUS, STATE, STATUS, STATE],
        moves=[
            "appointment: confirmed → inProgress",
            "workOrder: planned → inProgress",
            "appointment: inProgress → completed",
            "workOrder: inProgress → completed",
        ],
        rule="R26 R55",
    )


async def unmapped_code(script: Script) -> None:
    """A status that is in no pack."""
    script.open_act("5  A code nobody mapped")
    stage = script.stage
    job, before = await script.new_work_order()
    since = len(stage.buyer.received)
    script.say("the WFM reports status QQQQ")
    await stage.wfm.raw(job, status="QQQQ")
    parked = await script.parked()
    await asyncio.sleep(QUIET_SECONDS)
    stage.timeline.flush()
    stage.console.print(
        Panel(parked.entry.reason, title="the explanation kept with the parked message", title_align="left")
    )
    script.checks.equal("", "the explanation names the code", "QQQQ" in parked.entry.reason, True)
    script.checks.equal("", "the bytes are kept", b"QQQQ" in parked.entry.raw.body, True)
    after = await script.read_work_order(before.id)
    script.checks.equal("R57", "the Buyer sees no change", (after, len(stage.buyer.received)), (before, since))


ACTS: tuple[Callable[[Script], Awaitable[None]], ...] = (
    visit_that_works,
    buyer_changes_his_mind,
    nobody_there,
    states_skipped,
    unmapped_code,
)
