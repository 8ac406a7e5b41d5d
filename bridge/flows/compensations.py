"""Sees to it that no ghost visit is left in the WFM: bookings that are taken back are asked for until they are gone.

The database remembers when the WFM is asked next, so neither a lost command, a lost reply nor a restart ends it.
"""

from collections.abc import Callable, Mapping

import structlog

from bridge.domain import compensation
from bridge.domain.model import (
    Accepted,
    Command,
    CommandKind,
    Decision,
    Outcome,
    Refused,
)
from bridge.flows.applier import Jobs
from bridge.flows.effects import messages_for
from bridge.flows.ports import Clock, JournalEntry, Store, Transaction, WfmMessage
from bridge.mapping.pack import Pack, Unreadable
from bridge.mef.enums import Error422Code

log = structlog.get_logger(__name__)


class Compensations:
    """The use case."""

    def __init__(self, store: Store, packs: Mapping[str, Pack], clock: Clock, new_id: Callable[[], str]) -> None:
        self._store = store
        self._packs = packs
        self._clock = clock
        self._new_id = new_id

    async def ask_again(self, asked: Command) -> None:
        """Ask the WFM once more, unless another process did or the visit is gone meanwhile."""
        async with self._store.transaction() as tx:
            jobs = await tx.load_jobs([asked.job])
            command = compensation.standing(jobs[asked.job], asked.id)
            now = self._clock()
            if command is None or command.try_again_at is None or command.try_again_at > now:
                return
            decision = compensation.ask_again(jobs[asked.job], command, now)
            pack = self._packs[asked.job.pack]
            await self._carry_out(tx, jobs, pack, command, decision)
            again = compensation.standing(decision.job, asked.id)
            if again is not None and again.tries > command.tries and compensation.needs_operator(again):
                await self._call_operator(tx, pack, again)

    async def take(self, tx: Transaction, jobs: Jobs, pack: Pack, booking: Command, raw: WfmMessage) -> None:
        """Take the WFM's reply; one that comes twice, or after the visit was found gone, changes nothing."""
        command = compensation.standing(jobs[booking.job], booking.id)
        if command is None:
            log.debug("compensation.repeated", command=booking.id)
            return
        decision = compensation.replied(jobs[booking.job], command, _read(pack, raw))
        await self._carry_out(tx, jobs, pack, command, decision)
        await tx.record([_entry(pack, command, raw, Outcome.UNCHANGED, decision.reason)])

    async def _carry_out(self, tx: Transaction, jobs: Jobs, pack: Pack, command: Command, decision: Decision) -> None:
        jobs[command.job] = decision.job
        await tx.save_jobs([decision.job])
        await tx.send(
            messages_for(pack, decision.job, decision.effects, self._new_id, self._clock(), command.correlation_id)
        )
        log.info(
            "compensation.continued",
            command=command.id,
            job=command.job.key,
            reason=decision.reason,
            tries=command.tries,
            correlation_id=command.correlation_id,
        )

    async def _call_operator(self, tx: Transaction, pack: Pack, command: Command) -> None:
        reason = (
            f"the visit {command.visit or 'without a number'} of a booking that the Buyer was told is not done may be "
            f"left in the WFM: it was asked {command.tries} times to cancel it and has not agreed; cancel it there"
        )
        log.error(
            "compensation.in_vain",
            command=command.id,
            pack=command.job.pack,
            job=command.job.key,
            visit=command.visit,
            tries=command.tries,
            reason=reason,
            correlation_id=command.correlation_id,
        )
        # No message of the WFM says so: the entry has an empty body.
        raw = WfmMessage(
            pack=command.job.pack, body=b"", correlation_id=command.correlation_id, received_at=self._clock()
        )
        await tx.record([_entry(pack, command, raw, Outcome.PARKED, reason)])


def _read(pack: Pack, raw: WfmMessage) -> Accepted | Refused:
    """A reply that nobody can read is no consent."""
    read = pack.read_reply(CommandKind.CANCEL, raw.body)
    if isinstance(read, Unreadable):
        return Refused(Error422Code.OTHER_ISSUE, read.reason)
    if isinstance(read.reply, Accepted | Refused):
        return read.reply
    return Refused(Error422Code.OTHER_ISSUE, "not a reply to this command")


def _entry(pack: Pack, command: Command, raw: WfmMessage, outcome: Outcome, reason: str) -> JournalEntry:
    return JournalEntry(
        message=None,
        job=command.job,
        raw=raw,
        outcome=outcome,
        reason=reason,
        rule=f"commands.{CommandKind.CANCEL}",
        pack_version=pack.version,
    )
