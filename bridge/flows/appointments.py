"""What a Buyer does with Appointments: book, patch, cancel, read (UC 8-12)."""

from dataclasses import replace
from datetime import timedelta

from bridge.domain.model import (
    Appointment,
    AppointmentId,
    BuyerId,
    CommandId,
    CommandKind,
    Decision,
    Outcome,
    WorkOrderId,
)
from bridge.domain.patch import apply_patch, news_for_wfm
from bridge.domain.settlement import CommandResult
from bridge.flows.commands import Commands
from bridge.flows.ports.buyer_views import AppointmentQuery, AppointmentView, Page
from bridge.flows.ports.stores import BuyersStore
from bridge.flows.refusals import NotFound, Rejected
from bridge.flows.time_slots import TimeSlots
from bridge.flows.wishes import NOT_AVAILABLE, NeverOffered, Token, Wish, Wishes, check_change
from bridge.flows.work import Work, Workshop
from bridge.mef.models import AppointmentCreate, AppointmentUpdate, SearchTimeSlotCreate, TimeSlot


class Appointments:
    """The use cases."""

    def __init__(
        self, store: BuyersStore, workshop: Workshop, commands: Commands, time_slots: TimeSlots, *, timeout: timedelta
    ) -> None:
        self._store = store
        self._workshop = workshop
        self._commands = commands
        self._time_slots = time_slots
        self._wishes = Wishes(store, workshop, commands.correlation_of, timeout)

    async def search(
        self, buyers: frozenset[BuyerId], request: SearchTimeSlotCreate, correlation_id: str
    ) -> tuple[TimeSlot, ...]:
        """Search for time slots (UC 7)."""
        return await self._time_slots.search(buyers, request, correlation_id)

    async def book(
        self,
        buyers: frozenset[BuyerId],
        request: AppointmentCreate,
        correlation_id: str,
        command_id: CommandId | None = None,
    ) -> Appointment:
        """Book a visit in the WFM and return the confirmed Appointment (R15-R25).

        `command_id` is given for a request that may have been tried before; the WFM is not asked the same twice.
        """
        result = await self._commands.resume(command_id) if command_id is not None else None
        if result is None:
            wish = Wish(
                kind=CommandKind.BOOK,
                window=request.valid_for,
                buyers=buyers,
                work_order=WorkOrderId(request.work_order.id),
                correlation_id=correlation_id,
                command=command_id or CommandId(self._workshop.new_id()),
                request=request,
            )
            result = await self._carry_out(wish)
        return _granted(result)

    async def patch(
        self,
        buyers: frozenset[BuyerId],
        appointment_id: AppointmentId,
        request: AppointmentUpdate,
        provided: frozenset[str],
        correlation_id: str,
    ) -> Appointment:
        """Patch an Appointment; a new `validFor` is a reschedule that the WFM must agree to (R36-R44).

        Raises `ConflictError` if somebody else changes it at the same time.
        """
        appointment = await self.get(buyers, appointment_id)
        if request.valid_for is None or request.valid_for == appointment.valid_for:
            return await self._patch_here(appointment, request, provided, correlation_id)
        wish = Wish(
            kind=CommandKind.RESCHEDULE,
            window=request.valid_for,
            buyers=buyers,
            work_order=appointment.work_order,
            correlation_id=correlation_id,
            command=CommandId(self._workshop.new_id()),
            request=request,
            appointment=appointment,
            provided=provided,
        )
        return _granted(await self._carry_out(wish))

    async def cancel(
        self,
        buyers: frozenset[BuyerId],
        appointment_id: AppointmentId,
        correlation_id: str,
        command_id: CommandId | None = None,
    ) -> None:
        """Cancel an Appointment once the WFM agrees (R45-R50); `command_id` as in `book`."""
        result = await self._commands.resume(command_id) if command_id is not None else None
        if result is None:
            appointment = await self.get(buyers, appointment_id)
            wish = Wish(
                kind=CommandKind.CANCEL,
                buyers=buyers,
                work_order=appointment.work_order,
                correlation_id=correlation_id,
                command=command_id or CommandId(self._workshop.new_id()),
                appointment=appointment,
            )
            result = await self._carry_out(wish)
        if result.problems:
            raise Rejected(*result.problems)

    async def get(self, buyers: frozenset[BuyerId], appointment_id: AppointmentId) -> Appointment:
        """Return an Appointment of one of the Buyers; raises `NotFound` (R33)."""
        appointment = await self._store.reads.appointment(appointment_id, buyers)
        if appointment is None:
            raise NotFound
        return appointment

    async def view(self, buyers: frozenset[BuyerId], appointment_id: AppointmentId) -> AppointmentView:
        """Return what one of the Buyers may see of an Appointment; raises `NotFound` (R33)."""
        appointment = await self._store.reads.appointment_view(appointment_id, buyers)
        if appointment is None:
            raise NotFound
        return appointment

    async def list(self, query: AppointmentQuery) -> Page[AppointmentView]:
        """Return a page of Appointments (R30, R31)."""
        return await self._store.reads.appointments(query)

    async def _carry_out(self, wish: Wish) -> CommandResult:
        """Have the WFM do it; a window that was never offered is searched first (R17, R42)."""
        begun = await self._wishes.begin(wish)
        if isinstance(begun, NeverOffered):
            token = await self._search_window(begun, wish)
            begun = await self._wishes.begin(replace(wish, token=token))
        if isinstance(begun, NeverOffered):
            raise Rejected(NOT_AVAILABLE)
        return await self._commands.issue(begun.command, begun.message)

    async def _search_window(self, begun: NeverOffered, wish: Wish) -> Token:
        """Ask the WFM whether it has just this window."""
        windows = [wish.window] if wish.window is not None else []
        for slot in await self._time_slots.offers(begun.work_order, windows, wish.correlation_id):
            if slot.window == wish.window:
                return slot.token
        raise Rejected(NOT_AVAILABLE)

    async def _patch_here(
        self, read: Appointment, request: AppointmentUpdate, provided: frozenset[str], correlation_id: str
    ) -> Appointment:
        """Take a patch that does not concern the WFM's calendar; new notes and contacts are passed on to it."""
        work_order = await self._store.reads.work_order(read.work_order)
        if work_order is None:
            raise NotFound
        work = Work(self._workshop)
        async with work.transaction() as tx:
            await work.load(tx, [work_order.job])
            job = work.job(work_order.job)
            appointment = check_change(job, read, request, provided, work.now)
            patched = replace(apply_patch(appointment, request), changed_at=work.now)
            notes = news_for_wfm(appointment, request)
            decision = Decision(outcome=Outcome.APPLIED, job=replace(job, appointment=patched), effects=notes)
            work.queue(job.ref).adopt(decision, work.now, correlation_id)
        return patched


def _granted(result: CommandResult) -> Appointment:
    if result.problems or result.appointment is None:
        raise Rejected(*result.problems)
    return result.appointment
