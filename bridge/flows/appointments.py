"""What a Buyer does with Appointments: book, patch, cancel, read (UC 8-12)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from bridge.domain.model import (
    AddNote,
    Appointment,
    AppointmentId,
    BuyerId,
    Command,
    CommandId,
    CommandKind,
    Job,
    JobRef,
    Problem,
    WorkOrder,
    WorkOrderId,
)
from bridge.domain.patch import apply_patch, buyers_part, new_notes
from bridge.domain.requests import (
    CHANGE_UNDER_WAY,
    UNKNOWN_WORK_ORDER,
    change_under_way,
    check_booking,
    check_cancel,
    check_update,
)
from bridge.domain.visits import held_window
from bridge.errors import ConflictError
from bridge.flows.commands import Answer, Commands
from bridge.flows.effects import messages_for, to_bus_message
from bridge.flows.errors import NotFound, Rejected
from bridge.flows.ports import AppointmentQuery, BuyersStore, Clock, Page, Transaction
from bridge.flows.time_slots import TimeSlots
from bridge.mapping.commands import CommandContext
from bridge.mapping.pack import Pack
from bridge.mef.enums import Error422Code
from bridge.mef.models import (
    AppointmentCreate,
    AppointmentUpdate,
    RelatedContactInformation,
    SearchTimeSlotCreate,
    TimePeriod,
    TimeSlot,
)

Token = Mapping[str, object]

ENDED = Problem(Error422Code.OTHER_ISSUE, "The WorkOrder has ended; a new one replaced it.", "/workOrder/id")
NOT_AVAILABLE = Problem(
    Error422Code.INVALID_VALUE, "No technician is available in this window; search for time slots.", "/validFor"
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
        work_order = await self._store.work_order(WorkOrderId(request.work_order.id))
        if work_order is None or work_order.buyer not in buyers:
            raise Rejected(UNKNOWN_WORK_ORDER)
        command = self._command(
            CommandKind.BOOK, work_order, correlation_id, request, request.valid_for, command_id=command_id
        )
        started = await self._start_booking(command, work_order, request, None)
        if started is None:
            token = await self._search_window(work_order, request.valid_for)
            started = await self._start_booking(command, work_order, request, token)
        if started is None:
            raise Rejected(NOT_AVAILABLE)
        command, token = started
        notes = "\n".join(note.text for note in request.note or ())
        held = None if command.appointment is None else await self._store.appointment(command.appointment)
        context = self._context(command, work_order, token, request.related_contact_information, notes, held)
        return _granted(await self._issue(command, context))

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
            return await self._patch_here(appointment, request, provided)
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
        command = self._command(
            CommandKind.CANCEL, work_order, correlation_id, None, None, appointment, command_id=command_id
        )
        async with self._store.transaction() as tx:
            job, current = await self._current(tx, work_order.job, appointment_id)
            problems = check_cancel(job, current)
            if problems:
                raise Rejected(*problems)
            await tx.add_command(command)
        context = self._context(command, work_order, {}, appointment.contacts, "", appointment)
        return _agreed(await self._issue(command, context))

    async def _earlier(self, command_id: CommandId | None) -> Answer | None:
        return None if command_id is None else await self._commands.resume(command_id)

    async def get(self, buyers: frozenset[BuyerId], appointment_id: AppointmentId) -> Appointment:
        """Return an Appointment of one of the Buyers; raises `NotFound` (R33)."""
        appointment = await self._store.appointment(appointment_id)
        if appointment is None or appointment.buyer not in buyers:
            raise NotFound
        return appointment

    async def list(self, query: AppointmentQuery) -> Page[Appointment]:
        """Return a page of Appointments (R30, R31)."""
        return await self._store.appointments(query)

    async def _start_booking(
        self, command: Command, work_order: WorkOrder, request: AppointmentCreate, token: Token | None
    ) -> tuple[Command, Token] | None:
        """Check the rules and store the command under the job's lock; None when the window must be searched first."""
        async with self._store.transaction() as tx:
            job = (await tx.load_jobs([work_order.job]))[work_order.job]
            if job.work_order is None or job.work_order.id != work_order.id:
                raise Rejected(ENDED)
            problems = check_booking(job, request, self._clock())
            if problems:
                raise Rejected(*problems)
            if token is None:
                token = await self._token(tx, work_order.job, work_order.id, request.valid_for)
            if token is None:
                return None
            command = self._moving(command, job)
            await tx.add_command(command)
            return command, token

    def _moving(self, command: Command, job: Job) -> Command:
        """After the Seller moved the visit (R27) the WFM still holds it: the booking moves that one."""
        held = job.appointment
        if held is None or held_window(held) is None or not self._pack(job.ref).has_command(CommandKind.RESCHEDULE):
            return command
        return replace(command, appointment=held.id, visit=held.visit)

    async def _reschedule(
        self,
        appointment: Appointment,
        request: AppointmentUpdate,
        window: TimePeriod,
        provided: frozenset[str],
        correlation_id: str,
    ) -> Appointment:
        work_order = await self._work_order(appointment)
        command = self._command(CommandKind.RESCHEDULE, work_order, correlation_id, request, window, appointment)
        token = await self._start_reschedule(command, appointment, request, provided, None)
        if token is None:
            token = await self._search_window(work_order, window)
            await self._start_reschedule(command, appointment, request, provided, token)
        context = self._context(command, work_order, token, appointment.contacts, "", appointment)
        return _granted(await self._issue(command, context))

    async def _start_reschedule(
        self,
        command: Command,
        appointment: Appointment,
        request: AppointmentUpdate,
        provided: frozenset[str],
        token: Token | None,
    ) -> Token | None:
        async with self._store.transaction() as tx:
            job, current = await self._current(tx, command.job, appointment.id)
            _demand_unchanged(job, current, appointment)
            problems = check_update(job, current, request, provided, self._clock())
            if problems:
                raise Rejected(*problems)
            if token is None and command.window is not None:
                token = await self._token(tx, command.job, command.work_order, command.window)
            if token is not None:
                await tx.add_command(command)
            return token

    async def _patch_here(
        self, appointment: Appointment, request: AppointmentUpdate, provided: frozenset[str]
    ) -> Appointment:
        """Take a patch that does not concern the WFM's calendar; new notes are passed on to it."""
        work_order = await self._work_order(appointment)
        async with self._store.transaction() as tx:
            job, current = await self._current(tx, work_order.job, appointment.id)
            _demand_unchanged(job, current, appointment)
            problems = check_update(job, current, request, provided, self._clock())
            if problems:
                raise Rejected(*problems)
            patched = replace(apply_patch(current, request), changed_at=self._clock())
            notes = [AddNote(n.text, current.id, current.work_order) for n in new_notes(current, request)]
            job = replace(job, appointment=patched)
            await tx.save_jobs([job])
            await tx.send(messages_for(self._pack(job.ref), job, notes, self._new_id, self._clock()))
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

    async def _token(self, tx: Transaction, job: JobRef, work_order: WorkOrderId, window: TimePeriod) -> Token | None:
        """Return the WFM's token of the window; {} when the pack lets an unoffered window pass."""
        slot = await tx.offered_slot(work_order, window, self._clock())
        if slot is not None:
            return slot.token
        policy = self._pack(job).unoffered_window
        if policy == "refuse":
            raise Rejected(NOT_AVAILABLE)  # R17, R42
        return {} if policy == "pass" else None

    async def _search_window(self, work_order: WorkOrder, window: TimePeriod) -> Token:
        """Ask the WFM whether it has just this window (R17, R42)."""
        for slot in await self._time_slots.offers(work_order, [window]):
            if slot.window == window:
                return slot.token
        raise Rejected(NOT_AVAILABLE)

    async def _issue(self, command: Command, context: CommandContext) -> Answer:
        return await self._commands.issue(command, to_bus_message(self._pack(command.job), command.asked_as, context))

    async def _work_order(self, appointment: Appointment) -> WorkOrder:
        work_order = await self._store.work_order(appointment.work_order)
        if work_order is None:
            raise NotFound
        return work_order

    def _pack(self, job: JobRef) -> Pack:
        return self._packs[job.pack]

    def _command(
        self,
        kind: CommandKind,
        work_order: WorkOrder,
        correlation_id: str,
        request: AppointmentCreate | AppointmentUpdate | None,
        window: TimePeriod | None,
        appointment: Appointment | None = None,
        command_id: CommandId | None = None,
    ) -> Command:
        now = self._clock()
        return Command(
            id=command_id or CommandId(self._new_id()),
            kind=kind,
            job=work_order.job,
            work_order=work_order.id,
            buyer=work_order.buyer,
            appointment=appointment.id if appointment else None,
            window=window,
            request=request,
            visit=appointment.visit if appointment else None,
            correlation_id=correlation_id,
            created_at=now,
            expires_at=now + self._timeout,
        )

    def _context(
        self,
        command: Command,
        work_order: WorkOrder,
        token: Token,
        contacts: tuple[RelatedContactInformation, ...],
        note: str,
        appointment: Appointment | None = None,
    ) -> CommandContext:
        return CommandContext(
            command=command.id,
            job=command.job,
            work_order=work_order,
            appointment=appointment,
            visit=command.visit,
            window=command.window or (appointment.valid_for if appointment else None),
            slot=token,
            contacts=contacts,
            note=note or None,
            now=command.created_at,
        )


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
