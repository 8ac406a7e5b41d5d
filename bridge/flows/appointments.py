"""What a Buyer does with Appointments: book, patch, cancel, read (UC 8-12)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from bridge.domain.model import (
    Appointment,
    AppointmentId,
    BuyerId,
    Command,
    CommandId,
    CommandKind,
    Job,
    JobRef,
    WorkOrder,
)
from bridge.domain.patch import apply_patch, buyers_part, news_for_wfm
from bridge.domain.requests import (
    CHANGE_UNDER_WAY,
    change_under_way,
    check_cancel,
    check_update,
)
from bridge.errors import ConflictError
from bridge.flows.answers import Answer
from bridge.flows.bookings import NOT_AVAILABLE, Begun, Bookings, NeverOffered, Token, Wanted, unoffered
from bridge.flows.commands import Commands
from bridge.flows.effects import messages_for, to_bus_message
from bridge.flows.errors import NotFound, Rejected
from bridge.flows.live_packs import pack_of
from bridge.flows.ports import AppointmentQuery, BusMessage, BuyersStore, Clock, Page, Transaction, Window
from bridge.flows.time_slots import TimeSlots
from bridge.mapping.commands.context import context_of
from bridge.mapping.pack import Pack
from bridge.mef.models import (
    AppointmentCreate,
    AppointmentUpdate,
    SearchTimeSlotCreate,
    TimePeriod,
    TimeSlot,
)


class Appointments:
    """The use cases."""

    def __init__(
        self,
        store: BuyersStore,
        packs: Mapping[str, Pack],
        commands: Commands,
        time_slots: TimeSlots,
        clock: Clock,
        new_id: Callable[[], str],
        *,
        timeout: timedelta,
    ) -> None:
        self._store = store
        self._packs = packs
        self._commands = commands
        self._time_slots = time_slots
        self._clock = clock
        self._new_id = new_id
        self._timeout = timeout
        self._bookings = Bookings(store, packs, commands.correlation_of, clock, timeout)

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
        earlier = await self._earlier(command_id)
        if earlier is not None:
            return _granted(earlier)
        wanted = Wanted(
            buyers=buyers,
            request=request,
            correlation_id=correlation_id,
            command=command_id or CommandId(self._new_id()),
        )
        begun = await self._begin(wanted)
        return _granted(await self._commands.issue(begun.command, begun.message))

    async def _begin(self, wanted: Wanted) -> Begun:
        """Begin a booking; a window that was never offered is searched first (R17)."""
        begun = await self._bookings.begin(wanted)
        if isinstance(begun, NeverOffered):
            token = await self._search_window(begun.work_order, wanted.request.valid_for, wanted.correlation_id)
            begun = await self._bookings.begin(replace(wanted, token=token))
        if isinstance(begun, NeverOffered):
            raise Rejected(NOT_AVAILABLE)
        return begun

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
        return await self._reschedule(appointment, request, request.valid_for, provided, correlation_id)

    async def cancel(
        self,
        buyers: frozenset[BuyerId],
        appointment_id: AppointmentId,
        correlation_id: str,
        command_id: CommandId | None = None,
    ) -> None:
        """Cancel an Appointment once the WFM agrees (R45-R50); `command_id` as in `book`."""
        earlier = await self._earlier(command_id)
        if earlier is not None:
            return _agreed(earlier)
        appointment = await self.get(buyers, appointment_id)
        work_order = await self._work_order(appointment)
        command = self._command(CommandKind.CANCEL, appointment, work_order, correlation_id, command_id=command_id)
        async with self._store.transaction() as tx:
            job, current = await self._current(tx, work_order.job, appointment_id)
            problems = check_cancel(job, current)
            if problems:
                raise Rejected(*problems)
            message = self._message(command, job, work_order, {}, appointment)
            await tx.add_commands([command])
        return _agreed(await self._commands.issue(command, message))

    async def _earlier(self, command_id: CommandId | None) -> Answer | None:
        return None if command_id is None else await self._commands.resume(command_id)

    async def get(self, buyers: frozenset[BuyerId], appointment_id: AppointmentId) -> Appointment:
        """Return an Appointment of one of the Buyers; raises `NotFound` (R33)."""
        appointment = await self._store.reads.appointment(appointment_id)
        if appointment is None or appointment.buyer not in buyers:
            raise NotFound
        return appointment

    async def list(self, query: AppointmentQuery) -> Page[Appointment]:
        """Return a page of Appointments (R30, R31)."""
        return await self._store.reads.appointments(query)

    async def _reschedule(
        self,
        appointment: Appointment,
        request: AppointmentUpdate,
        window: TimePeriod,
        provided: frozenset[str],
        correlation_id: str,
    ) -> Appointment:
        work_order = await self._work_order(appointment)
        command = self._command(CommandKind.RESCHEDULE, appointment, work_order, correlation_id, request)
        message = await self._start_reschedule(command, appointment, work_order, request, provided, None)
        if message is None:
            token = await self._search_window(work_order, window, correlation_id)
            message = await self._start_reschedule(command, appointment, work_order, request, provided, token)
        if message is None:
            raise Rejected(NOT_AVAILABLE)
        return _granted(await self._commands.issue(command, message))

    async def _start_reschedule(
        self,
        command: Command,
        appointment: Appointment,
        work_order: WorkOrder,
        request: AppointmentUpdate,
        provided: frozenset[str],
        token: Token | None,
    ) -> BusMessage | None:
        """Check the rules and store the command under the job's lock; None when the window must be searched first.

        What the pack cannot say is not stored: the message is written before.
        """
        async with self._store.transaction() as tx:
            job, current = await self._current(tx, command.job, appointment.id)
            _demand_unchanged(job, current, appointment)
            problems = check_update(job, current, request, provided, self._clock())
            if problems:
                raise Rejected(*problems)
            if token is None and command.window is not None:
                token = await self._token(tx, command.job, Window(command.work_order, command.window))
            if token is None:
                return None
            message = self._message(command, job, work_order, token, appointment)
            await tx.add_commands([command])
            return message

    async def _patch_here(
        self, appointment: Appointment, request: AppointmentUpdate, provided: frozenset[str], correlation_id: str
    ) -> Appointment:
        """Take a patch that does not concern the WFM's calendar; new notes and contacts are passed on to it."""
        work_order = await self._work_order(appointment)
        async with self._store.transaction() as tx:
            job, current = await self._current(tx, work_order.job, appointment.id)
            _demand_unchanged(job, current, appointment)
            problems = check_update(job, current, request, provided, self._clock())
            if problems:
                raise Rejected(*problems)
            patched = replace(apply_patch(current, request), changed_at=self._clock())
            notes = news_for_wfm(current, request)
            job = replace(job, appointment=patched)
            await tx.save_jobs([job])
            await tx.send(messages_for(self._pack(job.ref), job, notes, self._new_id, self._clock(), correlation_id))
        return patched

    async def _current(
        self, tx: Transaction, ref: JobRef, appointment_id: AppointmentId | None
    ) -> tuple[Job, Appointment]:
        """Return the job under its lock and the Appointment as it is now."""
        job = (await tx.load_jobs([ref]))[ref]
        appointments = (job.appointment, *job.ended_appointments)
        current = next((a for a in appointments if a is not None and a.id == appointment_id), None)
        if current is None:
            raise NotFound
        return job, current

    async def _token(self, tx: Transaction, job: JobRef, window: Window) -> Token | None:
        """Return the WFM's token of the window, or what the pack makes of one that was never offered."""
        offers = await tx.offered_slots([window], self._clock())
        return offers[window].token if window in offers else unoffered(self._pack(job))

    async def _search_window(self, work_order: WorkOrder, window: TimePeriod, correlation_id: str) -> Token:
        """Ask the WFM whether it has just this window (R17, R42)."""
        for slot in await self._time_slots.offers(work_order, [window], correlation_id):
            if slot.window == window:
                return slot.token
        raise Rejected(NOT_AVAILABLE)

    async def _work_order(self, appointment: Appointment) -> WorkOrder:
        work_order = await self._store.reads.work_order(appointment.work_order)
        if work_order is None:
            raise NotFound
        return work_order

    def _pack(self, job: JobRef) -> Pack:
        return pack_of(self._packs, job)

    def _command(
        self,
        kind: CommandKind,
        appointment: Appointment,
        work_order: WorkOrder,
        correlation_id: str,
        request: AppointmentUpdate | None = None,
        command_id: CommandId | None = None,
    ) -> Command:
        now = self._clock()
        return Command(
            id=command_id or CommandId(self._new_id()),
            kind=kind,
            job=work_order.job,
            work_order=work_order.id,
            buyer=work_order.buyer,
            appointment=appointment.id,
            window=request.valid_for if request else None,
            request=request,
            visit=appointment.visit,
            correlation_id=correlation_id,
            created_at=now,
            expires_at=now + self._timeout,
        )

    def _message(
        self, command: Command, job: Job, work_order: WorkOrder, token: Token, appointment: Appointment
    ) -> BusMessage:
        pack = self._pack(command.job)
        context = context_of(command, job, work_order, appointment, token)
        known_by = replace(context, correlation=self._commands.correlation_of(pack, command.id))
        return to_bus_message(pack, command.kind, known_by, command.correlation_id)


def _demand_unchanged(job: Job, current: Appointment, read: Appointment) -> None:
    """Of patches that race, the first one wins (409): the others were written for what is no longer so."""
    if change_under_way(job):
        raise ConflictError(CHANGE_UNDER_WAY)
    if buyers_part(current) != buyers_part(read):
        raise ConflictError("The Appointment was changed by somebody else at the same time; read it again.")


def _agreed(answer: Answer) -> None:
    if answer.problems:
        raise Rejected(*answer.problems)


def _granted(answer: Answer) -> Appointment:
    if answer.problems or answer.appointment is None:
        raise Rejected(*answer.problems)
    return answer.appointment
