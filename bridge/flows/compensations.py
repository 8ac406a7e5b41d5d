"""Sees to it that no ghost visit is left in the WFM: bookings that are taken back are asked for until they are gone.

The database remembers when the WFM is asked next, so neither a lost command, a lost reply nor a restart ends it.
"""

from dataclasses import replace

import structlog

from bridge.domain import compensation
from bridge.domain.model import (
    Accepted,
    AppointmentId,
    Command,
    CommandKind,
    Decision,
    Ids,
    Outcome,
    Refused,
    WorkOrderId,
)
from bridge.flows.ports.journal_entry import JournalEntry, WfmMessage
from bridge.flows.work import Work, Workshop
from bridge.mapping.pack import Pack, Unreadable
from bridge.mef.enums import Error422Code

log = structlog.get_logger(__name__)


class Compensations:
    """The use case."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    async def ask_again(self, asked: Command) -> None:
        """Ask the WFM once more, unless another process did or the visit is gone meanwhile."""
        work = Work(self._workshop)
        async with work.transaction() as tx:
            await work.load(tx, [asked.job])
            command = compensation.standing(work.job(asked.job), asked.id)
            if command is None or command.try_again_at is None or command.try_again_at > work.now:
                return
            decision = compensation.ask_again(work.job(asked.job), command, work.now)
            _carry_out(work, command, decision)
            again = compensation.standing(decision.job, asked.id)
            if again is not None and again.tries > command.tries and compensation.needs_operator(again):
                _call_operator(work, again)

    def take(self, work: Work, booking: Command, raw: WfmMessage) -> None:
        """Take the WFM's reply; one that comes twice, or after the visit was found gone, changes nothing."""
        job, pack = work.job(booking.job), work.packs[booking.job.pack]
        command = compensation.standing(job, booking.id)
        if command is None:
            log.debug("compensation.repeated", command=booking.id)
            return
        ids = Ids(WorkOrderId(self._workshop.new_id()), AppointmentId(self._workshop.new_id()))
        decision = compensation.replied(job, command, _read(pack, raw), pack.seller_contact(job), ids, work.now)
        _carry_out(work, command, decision)
        entry = _entry(pack, command, raw, decision.outcome, decision.reason)
        keep = work.park if decision.outcome is Outcome.PARKED else work.record
        keep(replace(entry, transitions=decision.transitions))


def _carry_out(work: Work, command: Command, decision: Decision) -> None:
    work.queue(command.job).adopt(decision, work.now, command.correlation_id)
    log.info(
        "compensation.continued",
        command=command.id,
        job=command.job.key,
        reason=decision.reason,
        tries=command.tries,
        correlation_id=command.correlation_id,
    )


def _call_operator(work: Work, command: Command) -> None:
    reason = (
        f"the visit {command.visit or 'without a number'} of a booking that the Buyer was told is not done may be "
        f"left in the WFM: it was asked {command.tries} times to cancel it and has not agreed; cancel it there, or let "
        "it take place: the Buyer is shown it as soon as the WFM says that it has begun"
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
    raw = WfmMessage(pack=command.job.pack, body=b"", correlation_id=command.correlation_id, received_at=work.now)
    work.record(_entry(work.packs[command.job.pack], command, raw, Outcome.PARKED, reason))


def _read(pack: Pack, raw: WfmMessage) -> Accepted | Refused:
    """A reply that nobody can read is no consent."""
    read = pack.read_reply(CommandKind.CANCEL, raw.body, headers=raw.headers)
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
