"""Search time slots (UC 7): asks the WFM for each requested period at once and remembers the tokens of its offers."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

import structlog

from bridge.domain.model import (
    BuyerId,
    CommandId,
    CommandKind,
    JobRef,
    Offered,
    OfferedSlot,
    Outcome,
    Problem,
    Refused,
    WorkOrder,
    WorkOrderId,
)
from bridge.domain.offers import available, moved_offer
from bridge.domain.requests import UNKNOWN_WORK_ORDER, check_search
from bridge.flows.bus_messages import to_bus_message
from bridge.flows.commands import Commands
from bridge.flows.ports.journal_entry import JournalEntry, WfmMessage
from bridge.flows.ports.stores import BuyersStore
from bridge.flows.refusals import Rejected, WfmUnavailable
from bridge.flows.work import Workshop, pack_of
from bridge.mapping.commands.context import CommandContext
from bridge.mapping.pack import Pack, ReplyRead, Unreadable
from bridge.mef.enums import WorkOrderState
from bridge.mef.models import SearchTimeSlotCreate, TimePeriod, TimeSlot

log = structlog.get_logger(__name__)

QUESTIONS_AT_ONCE: Final = 5
"""Questions of one search that the WFM has at the same time; legacy systems answer one by one anyway."""

NOT_UNDERSTOOD = "The reply of the workforce-management system could not be understood; nothing was done."
"""What the Buyer is told. The reason names paths and values of the WFM, and is for the operator's log."""


class TimeSlots:
    """The use case. `memory` is how long an offer can be booked by its token."""

    def __init__(
        self,
        store: BuyersStore,
        workshop: Workshop,
        commands: Commands,
        *,
        timeout: timedelta,
        memory: timedelta,
        max_periods: int,
    ) -> None:
        self._store = store
        self._workshop = workshop
        self._commands = commands
        self._timeout = timeout
        self._memory = memory
        self._max_periods = max_periods

    async def search(
        self, buyers: frozenset[BuyerId], request: SearchTimeSlotCreate, correlation_id: str
    ) -> tuple[TimeSlot, ...]:
        """Return the windows the WFM has within the requested periods (R13, R14); raises `Rejected` (R12)."""
        work_order = await self._store.reads.work_order(WorkOrderId(request.work_order.id), buyers)
        if work_order is None:
            raise Rejected(UNKNOWN_WORK_ORDER)
        problems = check_search(work_order, request, self._workshop.clock(), self._max_periods)
        if problems:
            raise Rejected(*problems)
        periods = [slot.valid_for for slot in request.requested_time_slot]
        return tuple(TimeSlot(valid_for=slot.window) for slot in await self.offers(work_order, periods, correlation_id))

    async def offers(
        self, work_order: WorkOrder, periods: Sequence[TimePeriod], correlation_id: str
    ) -> tuple[OfferedSlot, ...]:
        """Ask the WFM and remember what it offers within the periods, and what it has for this very job."""
        replies = await self._ask_all(work_order, periods, correlation_id)
        slots = available([*replies, await self._moved(work_order)], periods)
        if slots:
            async with self._store.transaction() as tx:
                await tx.remember_slots(work_order.id, slots, self._workshop.clock() + self._memory)
        return slots

    async def _moved(self, work_order: WorkOrder) -> Offered:
        if work_order.state is not WorkOrderState.OPEN or not work_order.appointments:
            return Offered(())
        return moved_offer(work_order, await self._store.reads.appointment(work_order.appointments[-1]))

    async def _ask_all(
        self, work_order: WorkOrder, periods: Sequence[TimePeriod], correlation_id: str
    ) -> Sequence[Offered]:
        """Ask a few questions at a time, all within one timeout; the first that fails ends the others.

        A question is for one period, or for all of them where the pack writes them all.
        """
        asks_all = pack_of(self._workshop.packs, work_order.job).asks_all_periods
        turn = asyncio.Semaphore(QUESTIONS_AT_ONCE)
        deadline = asyncio.get_running_loop().time() + self._timeout.total_seconds()
        record = await self._store.reads.record(work_order.job)

        async def ask(about: Sequence[TimePeriod]) -> Offered:
            async with turn:
                left = deadline - asyncio.get_running_loop().time()
                return await self._ask(work_order, record, about, left, correlation_id)

        questions = [periods] if asks_all else [[period] for period in periods]
        asked = [asyncio.create_task(ask(about)) for about in questions]
        try:
            return await asyncio.gather(*asked)
        finally:
            for question in asked:
                question.cancel()

    async def _ask(
        self,
        work_order: WorkOrder,
        record: Mapping[str, object],
        periods: Sequence[TimePeriod],
        timeout_s: float,
        correlation_id: str,
    ) -> Offered:
        pack = pack_of(self._workshop.packs, work_order.job)
        command = CommandId(self._workshop.new_id())
        context = CommandContext(
            command=command,
            correlation=self._commands.correlation_of(pack, command),
            job=work_order.job,
            work_order=work_order,
            window=_span(periods),
            periods=tuple(periods),
            record=record,
            now=self._workshop.clock(),
        )
        message = to_bus_message(pack, CommandKind.SEARCH, context, correlation_id)
        body = await self._commands.ask(message, timeout_s)
        return await self._read(pack, work_order.job, record, body, correlation_id)

    async def _read(
        self, pack: Pack, job: JobRef, record: Mapping[str, object], body: bytes, correlation_id: str
    ) -> Offered:
        read = pack.read_reply(CommandKind.SEARCH, body, record)
        if isinstance(read, Unreadable):
            log.warning("search.unreadable", job=job.key, reason=read.reason, correlation_id=correlation_id)
            raise WfmUnavailable(NOT_UNDERSTOOD)
        if read.flags:
            await self._keep_flags(pack, job, body, read, correlation_id)
        if isinstance(read.reply, Refused):
            raise Rejected(Problem(read.reply.code, read.reply.reason, read.reply.path))
        if not isinstance(read.reply, Offered):
            log.warning(
                "search.unreadable", job=job.key, reason="not a reply to a search", correlation_id=correlation_id
            )
            raise WfmUnavailable(NOT_UNDERSTOOD)
        return read.reply

    async def _keep_flags(self, pack: Pack, job: JobRef, body: bytes, read: ReplyRead, correlation_id: str) -> None:
        """Let the operator see what was left out of a reply, or was taken one of two ways; others are not kept."""
        log.warning("search.flagged", job=job.key, flags=read.flags, correlation_id=correlation_id)
        raw = WfmMessage(pack=job.pack, body=body, correlation_id=correlation_id, received_at=self._workshop.clock())
        entry = JournalEntry(
            message=None,
            job=job,
            raw=raw,
            outcome=Outcome.UNCHANGED,
            reason="the reply to a search needs a look",
            rule=f"commands.{CommandKind.SEARCH}",
            pack_version=pack.version,
            flags=read.flags,
            explanation=read.explanation,
        )
        async with self._store.transaction() as tx:
            await tx.record([entry])


def _span(periods: Sequence[TimePeriod]) -> TimePeriod:
    return TimePeriod(
        start_date_time=min(period.start_date_time for period in periods),
        end_date_time=max(period.end_date_time for period in periods),
    )
