"""Begins bookings: the rules are checked and the command is stored under the job's lock, before anything is sent.

Bookings that come at the same time begin in one transaction; each of them may be refused alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bridge.batcher import Batcher
from bridge.domain.model import (
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
from bridge.domain.requests import UNKNOWN_WORK_ORDER, check_booking
from bridge.errors import BridgeError
from bridge.flows.effects import to_bus_message
from bridge.flows.errors import Rejected
from bridge.flows.live_packs import pack_of
from bridge.flows.ports import BusMessage, BuyersStore, Clock, Owner, Window
from bridge.mapping.commands.context import context_of
from bridge.mapping.pack import Pack
from bridge.mef.enums import Error422Code
from bridge.mef.models import AppointmentCreate

Token = Mapping[str, object]

ENDED = Problem(Error422Code.OTHER_ISSUE, "The WorkOrder has ended; a new one replaced it.", "/workOrder/id")
NOT_AVAILABLE = Problem(
    Error422Code.INVALID_VALUE, "No technician is available in this window; search for time slots.", "/validFor"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A booking as a Buyer asked for it. `token` is the WFM's for the window, once that was searched."""

    buyers: frozenset[BuyerId]
    request: AppointmentCreate
    correlation_id: str
    command: CommandId
    token: Token | None = None

    @property
    def window(self) -> Window:
        """The window asked for."""
        return Window(WorkOrderId(self.request.work_order.id), self.request.valid_for)


@dataclass(frozen=True, slots=True)
class Begun:
    """A command that is stored, and the message with which to send it."""

    command: Command
    message: BusMessage


@dataclass(frozen=True, slots=True)
class NeverOffered:
    """The window must be searched first."""

    work_order: WorkOrder


class Bookings:
    """The step. It is the only way in which a booking begins."""

    def __init__(
        self,
        store: BuyersStore,
        packs: Mapping[str, Pack],
        correlation_of: Callable[[Pack, CommandId], str],
        clock: Clock,
        timeout: timedelta,
    ) -> None:
        self._store = store
        self._packs = packs
        self._correlation_of = correlation_of
        self._clock = clock
        self._timeout = timeout
        self._batcher = Batcher(self._begin_all)

    async def begin(self, wanted: Wanted) -> Begun | NeverOffered:
        """Begin a booking; raises `Rejected`, or `Unrenderable` if the pack cannot say it."""
        begun = await self._batcher.submit(wanted)
        if isinstance(begun, BridgeError):
            raise begun
        return begun

    async def _begin_all(self, bookings: Sequence[Wanted]) -> list[Begun | NeverOffered | BridgeError]:
        async with self._store.transaction() as tx:
            owners = await tx.owners({wanted.window.work_order for wanted in bookings})
            jobs = await tx.load_jobs({owner.job for owner in owners.values()})
            offers = await tx.offered_slots({wanted.window for wanted in bookings}, self._clock())
            tokens = {window: slot.token for window, slot in offers.items()}
            results = [self._begin(owners, jobs, tokens, wanted) for wanted in bookings]
            await tx.add_commands([result.command for result in results if isinstance(result, Begun)])
        return results

    def _begin(
        self,
        owners: Mapping[WorkOrderId, Owner],
        jobs: dict[JobRef, Job],
        tokens: Mapping[Window, Token],
        wanted: Wanted,
    ) -> Begun | NeverOffered | BridgeError:
        try:
            work_order, job = self._check(owners, jobs, wanted)
            token = wanted.token if wanted.token is not None else self._token(job.ref, tokens.get(wanted.window))
            if token is None:
                return NeverOffered(work_order)
            begun = self._write(wanted, job, work_order, token)
        except BridgeError as error:
            return error
        # Of two bookings for one WorkOrder that begin together, the second finds the first under way.
        jobs[job.ref] = replace(job, commands=(*job.commands, begun.command))
        return begun

    def _check(
        self, owners: Mapping[WorkOrderId, Owner], jobs: Mapping[JobRef, Job], wanted: Wanted
    ) -> tuple[WorkOrder, Job]:
        owner = owners.get(wanted.window.work_order)
        if owner is None or owner.buyer not in wanted.buyers or not self._store.shows(owner.job):
            raise Rejected(UNKNOWN_WORK_ORDER)
        job = jobs[owner.job]
        if job.work_order is None or job.work_order.id != wanted.window.work_order:
            raise Rejected(ENDED)
        problems = check_booking(job, wanted.request, self._clock())
        if problems:
            raise Rejected(*problems)
        return job.work_order, job

    def _token(self, job: JobRef, offered: Token | None) -> Token | None:
        return offered if offered is not None else unoffered(pack_of(self._packs, job))

    def _write(self, wanted: Wanted, job: Job, work_order: WorkOrder, token: Token) -> Begun:
        """Make the command and its message: what the pack cannot say is not stored either."""
        request, now = wanted.request, self._clock()
        pack = pack_of(self._packs, job.ref)
        held = pack.held_appointment(job)
        command = Command(
            id=wanted.command,
            kind=CommandKind.BOOK,
            job=job.ref,
            work_order=work_order.id,
            buyer=work_order.buyer,
            appointment=held.id if held else None,
            window=request.valid_for,
            request=request,
            visit=held.visit if held else None,
            correlation_id=wanted.correlation_id,
            created_at=now,
            expires_at=now + self._timeout,
        )
        context = context_of(command, job, work_order, held, token)
        known_by = replace(context, correlation=self._correlation_of(pack, command.id))
        return Begun(command, to_bus_message(pack, command.asked_as, known_by, command.correlation_id))


def unoffered(pack: Pack) -> Token | None:
    """Say what a pack makes of a window that was never offered: {} passes it, None has it searched (R17, R42)."""
    if pack.unoffered_window == "refuse":
        raise Rejected(NOT_AVAILABLE)
    return {} if pack.unoffered_window == "pass" else None
