"""What Buyers want the WFM to do begins here: the rules are checked, the command is made, written and stored.

All of it happens under the job's lock, before anything is sent. Wishes that come at the same time begin in one
transaction; each of them may be refused alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.batcher import Batcher
from bridge.domain.model import (
    Appointment,
    BuyerId,
    Command,
    CommandId,
    CommandKind,
    Job,
    Problem,
    WorkOrder,
    WorkOrderId,
)
from bridge.domain.patch import buyers_part
from bridge.domain.replacing import replace
from bridge.domain.requests import (
    CHANGE_UNDER_WAY,
    UNKNOWN_WORK_ORDER,
    change_under_way,
    check_booking,
    check_cancel,
    check_update,
)
from bridge.errors import BridgeError, ConflictError
from bridge.flows.bus_messages import to_bus_message
from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.ports.stores import BuyersStore
from bridge.flows.ports.transaction import Owner, Window
from bridge.flows.refusals import NotFound, Rejected
from bridge.flows.work import Work, Workshop, pack_of
from bridge.mapping.commands.context import context_of
from bridge.mapping.pack import Pack
from bridge.mef.enums import Error422Code
from bridge.mef.models import AppointmentCreate, AppointmentUpdate, TimePeriod

Token = Mapping[str, object]

ENDED = Problem(Error422Code.OTHER_ISSUE, "The WorkOrder has ended; a new one replaced it.", "/workOrder/id")
NOT_AVAILABLE = Problem(
    Error422Code.INVALID_VALUE, "No technician is available in this window; search for time slots.", "/validFor"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A booking, a change or a cancellation as a Buyer asked for it.

    `request` is None for a cancellation. `appointment` is the one to change or to cancel, as it was read; `provided`
    has the top-level names of a change. `token` is the WFM's for the window, once that was searched.
    """

    kind: CommandKind
    buyers: frozenset[BuyerId]
    work_order: WorkOrderId
    correlation_id: str
    command: CommandId
    request: AppointmentCreate | AppointmentUpdate | None = None
    appointment: Appointment | None = None
    provided: frozenset[str] = frozenset()
    window: TimePeriod | None = None
    token: Token | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """A command that is stored, and the message with which to send it."""

    command: Command
    message: BusMessage


@dataclass(frozen=True, slots=True)
class NeverOffered:
    """The window must be searched first."""

    work_order: WorkOrder


class Wishes:
    """The step. It is the only way in which a command of a Buyer begins."""

    def __init__(
        self,
        store: BuyersStore,
        workshop: Workshop,
        correlation_of: Callable[[Pack, CommandId], str],
        timeout: timedelta,
    ) -> None:
        self._store = store
        self._workshop = workshop
        self._correlation_of = correlation_of
        self._timeout = timeout
        self._batcher = Batcher(self._begin_all)

    async def begin(self, wish: Wish) -> Begun | NeverOffered:
        """Begin a command; raises `Rejected`, `ConflictError`, or `Unrenderable` if the pack cannot say it."""
        begun = await self._batcher.submit(wish)
        if isinstance(begun, BridgeError):
            raise begun
        return begun

    async def _begin_all(self, wishes: Sequence[Wish]) -> list[Begun | NeverOffered | BridgeError]:
        work = Work(self._workshop)
        async with work.transaction() as tx:
            owners = await tx.owners({wish.work_order for wish in wishes})
            await work.load(tx, {owner.job for owner in owners.values()})
            windows = {Window(wish.work_order, wish.window) for wish in wishes if wish.window is not None}
            offers = await tx.offered_slots(windows, work.now) if windows else {}
            tokens = {window: slot.token for window, slot in offers.items()}
            return [self._begin(work, owners.get(wish.work_order), tokens, wish) for wish in wishes]

    def _begin(
        self, work: Work, owner: Owner | None, tokens: Mapping[Window, Token], wish: Wish
    ) -> Begun | NeverOffered | BridgeError:
        """What the pack cannot say is not stored either. Of two alike, the second finds the first under way."""
        try:
            if owner is None or owner.buyer not in wish.buyers or not self._store.shows(owner.job):
                raise Rejected(UNKNOWN_WORK_ORDER)
            job = work.job(owner.job)
            work_order, appointment = _checked(job, wish, work.now)
            pack = pack_of(work.packs, job.ref)
            token = _token(pack, tokens, wish)
            if token is None:
                return NeverOffered(work_order)
            if wish.kind is CommandKind.BOOK:
                appointment = pack.moved_appointment(job)
            command = self._command(wish, work_order, appointment, work.now)
            context = context_of(command, job, work_order, appointment, token)
            known_by = replace(context, correlation=self._correlation_of(pack, command.id))
            begun = Begun(command, to_bus_message(pack, command.asked_as, known_by, command.correlation_id))
            work.add(command)
        except BridgeError as error:
            return error
        return begun

    def _command(self, wish: Wish, work_order: WorkOrder, appointment: Appointment | None, now: datetime) -> Command:
        return Command(
            id=wish.command,
            kind=wish.kind,
            job=work_order.job,
            work_order=work_order.id,
            buyer=work_order.buyer,
            appointment=appointment.id if appointment else None,
            window=wish.window,
            request=wish.request,
            visit=appointment.visit if appointment else None,
            correlation_id=wish.correlation_id,
            created_at=now,
            expires_at=now + self._timeout,
        )


def check_change(
    job: Job, read: Appointment, request: AppointmentUpdate, provided: frozenset[str], now: datetime
) -> Appointment:
    """Return the Appointment as it is now, if it may be changed so; raises `Rejected`.

    Of patches that race, the first one wins (409): the others were written for what is no longer so.
    """
    appointment = _current(job, read)
    if change_under_way(job):
        raise ConflictError(CHANGE_UNDER_WAY)
    if buyers_part(appointment) != buyers_part(read):
        raise ConflictError("The Appointment was changed by somebody else at the same time; read it again.")
    problems = check_update(job, appointment, request, provided, now)
    if problems:
        raise Rejected(*problems)
    return appointment


def _current(job: Job, read: Appointment) -> Appointment:
    """Return an Appointment of the job as it is now; raises `NotFound`."""
    found = job.find_appointment(read.id)
    if found is None:
        raise NotFound
    return found


def _checked(job: Job, wish: Wish, now: datetime) -> tuple[WorkOrder, Appointment | None]:
    """Return what the wish is about, as it is now; raises `Rejected`."""
    if job.work_order is None or (isinstance(wish.request, AppointmentCreate) and job.work_order.id != wish.work_order):
        raise Rejected(ENDED)
    appointment = None
    problems: list[Problem] = []
    if isinstance(wish.request, AppointmentCreate):
        problems = check_booking(job, wish.request, now)
    elif wish.appointment is not None and wish.request is not None:
        appointment = check_change(job, wish.appointment, wish.request, wish.provided, now)
    elif wish.appointment is not None:
        appointment = _current(job, wish.appointment)
        problems = check_cancel(job, appointment)
    if problems:
        raise Rejected(*problems)
    return job.work_order, appointment


def _token(pack: Pack, tokens: Mapping[Window, Token], wish: Wish) -> Token | None:
    """Return the WFM's token of the window, or what the pack makes of one that was never offered (R17, R42).

    {} passes it, None has it searched.
    """
    if wish.token is not None or wish.window is None:
        return wish.token or {}
    offered = tokens.get(Window(wish.work_order, wish.window))
    if offered is None and pack.unoffered_window == "refuse":
        raise Rejected(NOT_AVAILABLE)
    return {} if offered is None and pack.unoffered_window == "pass" else offered
