"""Settles commands, each in a transaction: by the WFM's reply, by the deadline, or because they never left.

The database is the arbiter. A reply and the deadline both lock the job first, and whoever finds the command still
pending settles it; the other one reads what was settled. So a reply may come late, twice, or after a crash, and a
Buyer's request still has exactly one outcome.
"""

from collections.abc import Mapping, Sequence

import structlog

from bridge.domain.model import (
    Accepted,
    AppointmentId,
    Command,
    CommandId,
    CommandState,
    MessageId,
    Outcome,
    Problem,
    Refused,
)
from bridge.domain.replacing import replace
from bridge.domain.settlement import CommandResult, Settlement
from bridge.flows.compensations import Compensations
from bridge.flows.ports.journal_entry import UNKNOWN_COMMAND, JournalEntry
from bridge.flows.ports.stores import Store
from bridge.flows.ports.transaction import Transaction
from bridge.flows.refusals import timed_out
from bridge.flows.replies import WfmReply
from bridge.flows.work import Work, Workshop
from bridge.mapping.pack import Unreadable
from bridge.mef.enums import Error422Code

log = structlog.get_logger(__name__)

Results = list[tuple[Command, CommandResult]]


class Settling:
    """The step. `issued` are the commands that this process waits for: they need not be looked for."""

    def __init__(self, store: Store, workshop: Workshop, issued: Mapping[str, Command]) -> None:
        self._store = store
        self._workshop = workshop
        self._issued = issued
        self.compensations = Compensations(workshop)

    # by a reply

    async def take(self, replies: Sequence[WfmReply]) -> Results:
        """Settle what the replies are to; return the commands that are settled now."""
        work, results = Work(self._workshop), Results()
        async with work.transaction() as tx:
            asked = [(reply, command) for reply in replies if (command := await self._asked(tx, work, reply))]
            await work.load(tx, {command.job for _, command in asked}, settling=True)
            for reply, command in asked:
                results += await self._take(tx, work, command, reply)
        return results

    async def park(self, reply: WfmReply, error: Exception) -> None:
        """Keep a reply that the bridge failed on."""
        work = Work(self._workshop)
        async with work.transaction():
            work.record(_parked(reply, f"the bridge failed on this reply: {type(error).__name__}: {error}"))

    async def _asked(self, tx: Transaction, work: Work, reply: WfmReply) -> Command | None:
        """Find the command that a reply is to; how it stands comes with its job."""
        if reply.problem is not None:
            work.record(_uncorrelated(reply, reply.problem))
            return None
        command = self._issued.get(reply.command) or await tx.command(reply.command)
        if command is not None and reply.raw.pack in ("", command.job.pack):
            return command
        if reply.asker is None:
            log.info("reply.unsolicited", correlation_id=reply.correlation_id)
        return None

    async def _take(self, tx: Transaction, work: Work, asked: Command, reply: WfmReply) -> Results:
        reply = replace(reply, raw=replace(reply.raw, pack=asked.job.pack))
        if asked.job.pack not in work.packs:
            work.record(_unreadable(reply, asked, f"pack {asked.job.pack} is not loaded"))
            return []
        if reply.is_compensation:
            self.compensations.take(work, asked, reply.raw)
            return []
        work.queue(asked.job).let_due(work.now)
        command = work.job(asked.job).find_command(asked.id)
        if command is None and not work.has_settled(asked.id):
            older = await tx.command(asked.id)  # so old that it does not come with its job any more
            command = older if older is not None and older.state is CommandState.EXPIRED else None
        if command is None:
            log.debug("reply.repeated", command=asked.id)
            return []
        return _settle(work, command, reply)

    # without one

    async def expire(self, asked: Command) -> CommandResult:
        """Settle a command by its deadline, unless it is settled; raises `WfmTimeout` if it came to nothing."""
        work = Work(self._workshop)
        async with work.transaction() as tx:
            await work.load(tx, [asked.job], settling=True)
            command = work.job(asked.job).find_command(asked.id)
            if command is not None and command.is_pending:
                _log_settled(work.queue(asked.job).expire(command, work.now))
                settled = None
            else:
                settled = await tx.command_result(asked.id)
        if settled is None:
            raise timed_out(asked.kind)
        return result_or_timeout(asked, await self._restored(asked, *settled))

    async def fail(self, command: Command) -> None:
        """The command never left. What waited to be told from its echo is news."""
        work = Work(self._workshop)
        async with work.transaction() as tx:
            await work.load(tx, [command.job], settling=True)
            work.queue(command.job).withdraw(command, work.now)

    # what others have settled

    async def find(self, asked: CommandId) -> Command | None:
        """Read a command."""
        async with self._store.transaction() as tx:
            return await tx.command(asked)

    async def result(self, asked: CommandId) -> CommandResult | None:
        """Read what came of a command; None while it is pending, or unknown."""
        async with self._store.transaction() as tx:
            command, settled = await tx.command(asked), await tx.command_result(asked)
        return None if command is None or settled is None else await self._restored(command, *settled)

    async def _restored(self, command: Command, state: CommandState, kept: Mapping[str, object]) -> CommandResult:
        """Read a result as it was stored.

        A change that the WFM's own message was found to have carried out has none of its own.
        """
        id_ = kept.get("appointment") or command.appointment
        appointment = await self._store.reads.appointment(AppointmentId(str(id_))) if id_ else None
        items = kept.get("problems")
        listed: list[dict[str, str]] = items if isinstance(items, list) else []
        problems = (Problem(Error422Code(item["code"]), item["reason"], item["path"]) for item in listed)
        return CommandResult(state, appointment, tuple(problems))


def result_or_timeout(command: Command, result: CommandResult) -> CommandResult:
    """Return what the Buyer is to be told; a command that came to nothing without a reason timed out (504)."""
    if result.state is not CommandState.ACCEPTED and not result.problems:
        raise timed_out(command.kind)
    return result


def _settle(work: Work, command: Command, reply: WfmReply) -> Results:
    pack = work.packs[command.job.pack]
    read = pack.read_reply(command.asked_as, reply.raw.body, work.job(command.job).record, reply.raw.headers)
    if isinstance(read, Unreadable) or not isinstance(read.reply, Accepted | Refused):
        reason = read.reason if isinstance(read, Unreadable) else "not a reply to this command"
        work.record(_unreadable(reply, command, reason))
        return []
    settlement = work.queue(command.job).settle(command, read.reply, work.now)
    entry = JournalEntry(
        message=MessageId(f"reply:{command.id}"),
        job=command.job,
        raw=reply.raw,
        outcome=settlement.decision.outcome,
        reason=settlement.decision.reason,
        rule=f"commands.{command.kind}",
        pack_version=pack.version,
        transitions=settlement.decision.transitions,
        flags=read.flags,
        explanation=read.explanation,
    )
    work.record(entry)
    _log_settled(settlement)
    return [(settlement.command, settlement.result)]


def _log_settled(settlement: Settlement) -> None:
    command = settlement.command
    log.info(
        "command.settled",
        command=command.id,
        kind=command.kind,
        state=command.state,
        job=command.job.key,
        reason=settlement.decision.reason,
        correlation_id=command.correlation_id,
    )


def _uncorrelated(reply: WfmReply, problem: Unreadable) -> JournalEntry:
    """Park a reply that does not say which command it is to."""
    log.warning("reply.uncorrelated", pack=reply.raw.pack, reason=problem.reason)
    reason = f"a reply to nobody knows which command: {problem.reason}"
    return replace(_parked(reply, reason), explanation=problem.explanation)


def _unreadable(reply: WfmReply, command: Command, reason: str) -> JournalEntry:
    """Park a reply that does not say what became of its command."""
    log.warning("reply.unreadable", command=command.id, job=command.job.key, reason=reason)
    entry = _parked(reply, f"reply to {command.kind}: {reason}")
    return replace(entry, job=command.job, rule=f"commands.{command.kind}")


def _parked(reply: WfmReply, reason: str) -> JournalEntry:
    return JournalEntry(
        message=None, job=None, raw=reply.raw, outcome=Outcome.PARKED, reason=reason, rule=UNKNOWN_COMMAND
    )
