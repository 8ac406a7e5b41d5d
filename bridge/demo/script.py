"""What the acts have in common: a step, the wait for all that must come of it, and the checks against the standard."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta

from bridge.demo.checks import Checks
from bridge.demo.stage import Stage, now
from bridge.domain.model import Outcome
from bridge.errors import BridgeError
from bridge.flows.ports.journal_entry import RecordedEntry
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from bridge.mef.models import Appointment, TimePeriod, WorkOrder

PATIENCE_SECONDS = 10.0
POLL_SECONDS = 0.01

TICKET_WORDS = {"PEND": "pending", "WORK": "inProgress", "RSLV": "resolved"}


class CannotGoOn(BridgeError):
    """What the next step needs did not come."""


class Script:
    """Plays on a stage and keeps the checks."""

    def __init__(self, stage: Stage, checks: Checks) -> None:
        self.stage = stage
        self.checks = checks

    def open_act(self, title: str) -> None:
        """Announce an act."""
        self.stage.timeline.flush()
        self.checks.act = title
        self.stage.console.print()
        self.stage.console.rule(f"[bold]{title}", align="left")

    def say(self, text: str) -> None:
        """Tell the audience what comes next."""
        self.stage.timeline.flush()
        self.stage.console.print(f"\n[bold]• {text}[/bold]")

    async def step(
        self, text: str, action: Callable[[], Awaitable[object]], *, tells: list[str], moves: list[str], rule: str
    ) -> list[RecordedEntry]:
        """Let somebody act; wait for the notifications and state changes that must follow, and for nothing else.

        `tells` are the event types in the order of each resource, `moves` the hops as `resource: from → to`.
        """
        self.say(text)
        buyer = self.stage.buyer
        since = len(buyer.received)
        await action()
        entries = await self._until_moved(len(moves))
        await _until(_at_least(buyer.received, since + len(tells)))
        entries += await self.stage.journal()
        came = [received.event.event_type for received in buyer.received[since:]]
        self.stage.timeline.flush()
        hops = [f"{t.resource}: {t.source or 'new'} → {t.target}" for e in entries for t in e.entry.transitions]
        self.checks.equal(rule, f"{text}: state changes in the order of Figure 5", hops, moves)
        self.checks.equal(
            "R60 R61 R62 R63", f"{text}: exactly these notifications", _by_resource(came), _by_resource(tells)
        )
        return entries

    async def _until_moved(self, count: int) -> list[RecordedEntry]:
        """Read the journal until so many hops were made; who checks afterwards says what is missing."""
        entries: list[RecordedEntry] = []

        async def moved() -> bool:
            entries.extend(await self.stage.journal())
            return sum(len(each.entry.transitions) for each in entries) >= count

        await _until(moved)
        return entries

    async def new_work_order(self) -> tuple[str, WorkOrder]:
        """Let the WFM open a job that needs a visit, and the Buyer read what he was told of."""
        jobs: list[str] = []
        stage = self.stage

        async def create() -> None:
            jobs.append(await stage.wfm.create_job())

        since = len(stage.buyer.received)
        await self.step(
            "the WFM creates a job that needs a visit",
            create,
            tells=["workOrderCreateEvent", "workOrderAppointmentRequiredEvent"],
            moves=["workOrder: new → open"],
            rule="R56 R58",
        )
        received = stage.buyer.received[since:]
        if not received:
            raise CannotGoOn("the Buyer was not told of the new WorkOrder")
        self.checks.equal(
            "R56 R58",
            "create comes before appointmentRequired",
            [each.event.event_type for each in received],
            ["workOrderCreateEvent", "workOrderAppointmentRequiredEvent"],
        )
        work_order = await self.read_work_order(received[0].event.event.id)
        self.expect_work_order(work_order, WorkOrderState.OPEN, required=True, rule="R53")
        return jobs[0], work_order

    async def read_work_order(self, work_order_id: str) -> WorkOrder:
        """Let the Buyer read a WorkOrder."""
        return await self.stage.request("GET workOrder/{id} → 200", self.stage.buyer.work_order(work_order_id))

    async def read_appointment(self, appointment_id: str) -> Appointment:
        """Let the Buyer read an Appointment."""
        return await self.stage.request("GET appointment/{id} → 200", self.stage.buyer.appointment(appointment_id))

    async def search(self, work_order_id: str) -> list[TimePeriod]:
        """Let the Buyer search time slots over the next ten days."""
        period = TimePeriod(start_date_time=now(), end_date_time=now() + timedelta(days=10))
        found = await self.stage.request("POST searchTimeSlot → 201", self.stage.buyer.search(work_order_id, period))
        windows = [slot.valid_for for slot in found.available_time_slot]
        inside = [
            w for w in windows if period.start_date_time <= w.start_date_time <= w.end_date_time <= period.end_date_time
        ]
        self.checks.equal(
            "R14", "time slots are offered, all within the requested one", (bool(windows), inside), (True, windows)
        )
        return windows

    async def book(self, work_order_id: str) -> Appointment:
        """Let the Buyer search and book; check the Appointment and what it makes of the WorkOrder."""
        booked: list[Appointment] = []

        async def search_and_book() -> None:
            windows = await self.search(work_order_id)
            if not windows:
                raise CannotGoOn("the Buyer was offered no time slot")
            call = self.stage.buyer.book(work_order_id, windows[0])
            booked.append(await self.stage.request("POST appointment → 201", call))
            self.checks.equal(
                "R18", "the Appointment is for the slot that was asked for", booked[0].valid_for, windows[0]
            )

        await self.step(
            "the Buyer searches and books the first slot",
            search_and_book,
            # The second comes of the WFM's own event: it names the technician, now the seller's contact (R29).
            tells=["workOrderStateChangeEvent", "appointmentAttributeValueChangeEvent"],
            moves=["appointment: new → confirmed", "workOrder: open → planned"],
            rule="R19 R24 R29",
        )
        appointment = booked[0]
        roles = {contact.role for contact in appointment.related_contact_information}
        expected = {"appointmentPlaceContact", "buyerAppointmentContact", "sellerAppointmentContact"}
        self.checks.equal("R18", "all three contacts are there", roles, expected)
        self.checks.equal("R19", "the Appointment is confirmed", appointment.status, AppointmentStatus.CONFIRMED)
        work_order = await self.read_work_order(work_order_id)
        self.expect_work_order(work_order, WorkOrderState.PLANNED, required=False, rule="R23 R24")
        listed = [ref.id for ref in work_order.appointment or ()]
        self.checks.equal("R22", "the WorkOrder refers to the Appointment", appointment.id in listed, True)
        return appointment

    def expect_work_order(self, work_order: WorkOrder, state: WorkOrderState, *, required: bool, rule: str) -> None:
        """Hold a WorkOrder to its state and `appointmentRequired`."""
        came = (work_order.state, work_order.appointment_required)
        self.checks.equal(
            rule, f"the WorkOrder is {state}, appointmentRequired={str(required).lower()}", came, (state, required)
        )

    async def expect_tickets(self, job: str, *statuses: str) -> None:
        """Hold the trouble ticket commands on the bus to the given statuses, in order (R25, Figure 5)."""
        ticket = self.stage.wfm.acme.job(job).ticket
        heard = self.stage.wfm.tickets
        await _until(_at_least(heard[ticket], len(statuses)))
        self.stage.timeline.flush()
        came = [TICKET_WORDS[word] for word in heard.get(ticket, ())]
        self.checks.equal("R25", f"the trouble ticket was set {', '.join(statuses)}", came, list(statuses))

    async def parked(self) -> RecordedEntry:
        """Wait for a parked message and return it."""
        found: list[RecordedEntry] = []

        async def look() -> bool:
            found.extend(e for e in await self.stage.journal() if e.entry.outcome is Outcome.PARKED)
            return bool(found)

        await _until(look)
        if not found:
            raise CannotGoOn("nothing was parked")
        return found[0]


def _by_resource(event_types: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part notifications by resource, in order: it is kept for each, and across them deliveries run side by side."""
    appointments = [each for each in event_types if each.startswith("appointment")]
    return appointments, [each for each in event_types if not each.startswith("appointment")]


def _at_least(items: Sequence[object], count: int) -> Callable[[], Awaitable[bool]]:
    async def reached() -> bool:
        return len(items) >= count

    return reached


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a condition; who checks afterwards says what is missing."""
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await condition():  # noqa: ASYNC110 - the journal tells nobody when it grows
                await asyncio.sleep(POLL_SECONDS)
