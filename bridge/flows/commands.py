"""Commands on their way to the WFM and back: stored, published, answered, or expired.

The database is the arbiter. A reply and the deadline both lock the job first, and whoever finds the command still
pending settles it; the other one reads what was settled. So a reply may come late, twice, or after a crash, and a
Buyer's request still has exactly one outcome. The process that waits for an answer is only told; it decides nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from bridge.domain.model import (
    Accepted,
    Appointment,
    AppointmentId,
    Command,
    CommandId,
    CommandKind,
    CommandState,
    Job,
    JobRef,
    MessageId,
    Outcome,
    Problem,
    Refused,
)
from bridge.domain.replies import Settlement, expire, settle
from bridge.errors import BrokerUnavailable, NotRouted, TransientError
from bridge.flows.applier import Applier, Jobs
from bridge.flows.compensations import Compensations
from bridge.flows.correlation import asked_by, command_of, correlation_of, is_compensation
from bridge.flows.effects import messages_for
from bridge.flows.errors import OUT_OF_REACH_UNDECIDED, WfmTimeout, WfmUnavailable, WfmUndecided, timed_out
from bridge.flows.group_commit import GroupCommit
from bridge.flows.ports import (
    UNKNOWN_COMMAND,
    BusMessage,
    Clock,
    CommandBus,
    JournalEntry,
    Store,
    Transaction,
    WfmMessage,
)
from bridge.flows.questions import Questions
from bridge.flows.waiters import Waiters
from bridge.mapping.pack import Pack, ReplyRead, Unreadable
from bridge.mef.enums import Error422Code

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 2.0
"""How often overdue commands are looked for, of processes that died, and visits that the WFM is to be asked back."""

GRACE = timedelta(seconds=2)
"""How long past its deadline a command is left to the process that waits for it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a settled command means for the Buyer. `appointment` is given where the settling process still has it."""

    state: CommandState
    appointment: Appointment | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class WfmReply:
    """A message from a reply queue: `correlation_id` says which command it answers.

    `raw.pack` is given where the queue is one pack's own. `problem` says why nobody knows which command it answers.
    """

    correlation_id: str
    raw: WfmMessage
    problem: Unreadable | None = None


class Commands:
    """The use case. `run` must be running for replies to be taken."""

    def __init__(
        self,
        store: Store,
        bus: CommandBus,
        packs: Mapping[str, Pack],
        applier: Applier,
        clock: Clock,
        new_id: Callable[[], str],
        *,
        instance: str = "",
    ) -> None:
        self._store = store
        self._bus = bus
        self._packs = packs
        self._applier = applier
        self._clock = clock
        self._new_id = new_id
        self._compensations = Compensations(store, packs, clock, new_id)
        self._answers: Waiters[Answer] = Waiters()
        self.questions = Questions(bus)
        self._instance = instance
        self._issued: dict[str, Command] = {}
        self._group = GroupCommit(self._commit, self._park)

    async def run(self) -> None:
        """Settle replies, and commands nobody waits for any more, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._group.run())
            tasks.create_task(self._sweep())

    async def issue(self, command: Command, message: BusMessage) -> Answer:
        """Publish a stored command and wait for its settlement; raises `WfmTimeout` or `WfmUnavailable`."""
        self._issued[command.id] = command
        try:
            with self._answers.expect(command.id) as answered:
                return await self._send(command, message, answered)
        finally:
            del self._issued[command.id]

    async def _send(self, command: Command, message: BusMessage, answered: asyncio.Future[Answer]) -> Answer:
        try:
            await self._bus.publish(message)
        except NotRouted as error:
            await self._fail(command)
            raise WfmUnavailable from error
        except BrokerUnavailable as error:
            return await self._unconfirmed(command, error)
        return await self._settled(command, answered)

    async def resume(self, asked: CommandId) -> Answer | None:
        """Wait for the settlement of a command that an earlier try of the same request has stored; None if none has.

        Raises `WfmTimeout` if it came to nothing.
        """
        with self._answers.expect(asked) as answered:
            async with self._store.transaction() as tx:
                command = await tx.command(asked)
            if command is None:
                return None
            if command.state is CommandState.PENDING:
                return await self._settled(command, answered)
            return await self._expire(command)

    async def _settled(self, command: Command, answered: asyncio.Future[Answer]) -> Answer:
        try:
            async with asyncio.timeout((command.expires_at - self._clock()).total_seconds()):
                return _told(command.kind, await answered)
        except TimeoutError:
            return await self._expire(command)

    async def handle_reply(self, reply: WfmReply) -> None:
        """Take one message of a reply queue; return when all that follows from it is safe."""
        reply = self._correlated(reply)
        if reply.problem is None and self.questions.answer(reply.correlation_id, reply.raw.body):
            return
        await self._group.submit(reply)
        if reply.problem is None:
            await self._tell(command_of(reply.correlation_id))
            await self._pass_on(reply)

    async def _tell(self, asked: CommandId) -> None:
        """Tell who waits here for what another process has settled, and told us of."""
        command = self._issued.get(asked)
        if command is None or not self._answers.waits(asked):
            return
        async with self._store.transaction() as tx:
            settled = await tx.answer(asked)
        if settled is not None:
            self._answers.resolve(asked, await self._restored(command, *settled))

    def correlation_of(self, pack: Pack, command: CommandId) -> str:
        """Give what the answer to a command of this process is to be known by."""
        return correlation_of(pack, command, self._instance)

    async def _pass_on(self, reply: WfmReply) -> None:
        """Tell the process that waits. Nothing depends on it: commands are settled, and a search has its time-out."""
        asker = asked_by(reply.correlation_id)
        if asker is None or asker == self._instance:
            return
        try:
            await self._bus.pass_on(reply.raw.body, reply.correlation_id, asker)
        except (NotRouted, BrokerUnavailable) as error:
            log.warning("reply.not_passed_on", correlation_id=reply.correlation_id, problem=str(error))

    def _correlated(self, reply: WfmReply) -> WfmReply:
        """Find out which command is answered: some packs say where in the body that stands."""
        pack = self._packs.get(reply.raw.pack)
        found = pack.correlation_of(reply.raw.body, reply.correlation_id) if pack is not None else reply.correlation_id
        if isinstance(found, Unreadable):
            return replace(reply, problem=found)
        if not found:
            return replace(reply, problem=Unreadable("it has no correlation_id", {}))
        return replace(reply, correlation_id=found, raw=replace(reply.raw, correlation_id=found))

    async def look_after(self) -> int:
        """Settle the commands whose process died before their deadline, and ask the WFM once more for the visits of
        bookings that were not done; return how many of both there were.

        One that the bridge fails on is left for the next time, and so is one whose pack is not loaded.
        """
        now = self._clock()
        async with self._store.transaction() as tx:
            overdue = await tx.overdue_commands(now - GRACE)
            standing = await tx.bookings_to_take_back(now)
        self._warn_of_missing_packs([*overdue, *standing])
        for command in overdue:
            await self._survive(command, self._abandon)
        for booking in standing:
            await self._survive(booking, self._compensations.ask_again)
        return len(overdue) + len(standing)

    def _warn_of_missing_packs(self, commands: Sequence[Command]) -> None:
        missing = {command.job.pack for command in commands} - set(self._packs)
        if missing:
            stuck = [command.id for command in commands if command.job.pack in missing]
            log.error("sweep.pack_missing", packs=sorted(missing), commands=stuck)

    async def _survive(self, command: Command, settle_it: Callable[[Command], Awaitable[None]]) -> None:
        if command.job.pack not in self._packs:
            return
        try:
            await settle_it(command)
        except TransientError:
            raise
        except Exception:  # outermost: whatever one command does, the others must be looked after
            log.exception("sweep.crashed", command=command.id, kind=command.kind, job=command.job.key)

    async def _abandon(self, command: Command) -> None:
        log.warning("command.abandoned", command=command.id, kind=command.kind, job=command.job.key)
        with suppress(WfmTimeout):
            await self._expire(command)

    async def _sweep(self) -> None:
        while True:
            try:
                await self.look_after()
            except TransientError as trouble:
                log.warning("sweep.waiting", trouble=str(trouble), retry_in_seconds=SWEEP_SECONDS)
            await asyncio.sleep(SWEEP_SECONDS)

    async def _commit(self, replies: Sequence[WfmReply]) -> None:
        """Settle all replies first, then look what waited for them: so the journal is written once for all."""
        answers: list[tuple[Command, Answer]] = []
        lost = [reply for reply in replies if reply.problem is not None]
        replies = [reply for reply in replies if reply.problem is None]
        async with self._store.transaction() as tx:
            await tx.record(list(map(_uncorrelated, lost)))
            commands = await self._asked(tx, replies)
            jobs = await tx.load_jobs({command.job for command in commands.values()})
            for reply in replies:
                command = commands.get(reply.correlation_id)
                if command is None:
                    log.info("reply.unsolicited", correlation_id=reply.correlation_id)
                elif is_compensation(reply.correlation_id):
                    await self._compensations.take(tx, jobs, command, reply.raw)
                else:
                    answers += await self._take(tx, jobs, command, reply)
            await self._applier.apply_waiting(tx, jobs, {command.job for command, _ in answers})
        for command, answer in answers:
            self._answers.resolve(command.id, answer)

    async def _asked(self, tx: Transaction, replies: Sequence[WfmReply]) -> dict[str, Command]:
        """Find the commands that are answered; those of this process need no query. Their state comes with the job."""
        asked: dict[str, Command] = {}
        for reply in replies:
            id_ = command_of(reply.correlation_id)
            command = self._issued.get(id_) or await tx.command(id_)
            if command is not None and reply.raw.pack in ("", command.job.pack):
                asked[reply.correlation_id] = command
        return asked

    async def _take(
        self, tx: Transaction, jobs: dict[JobRef, Job], asked: Command, reply: WfmReply
    ) -> list[tuple[Command, Answer]]:
        job = jobs[asked.job]
        command = await self._open(tx, job, asked.id)
        if command is None:
            log.debug("reply.repeated", command=asked.id)
            return []
        reply = replace(reply, raw=replace(reply.raw, pack=command.job.pack))
        read = self._packs[asked.job.pack].read_reply(command.asked_as, reply.raw.body)
        if isinstance(read, Unreadable) or not isinstance(read.reply, Accepted | Refused):
            await tx.record([_unreadable(command, reply, read.reason if isinstance(read, Unreadable) else "")])
            return []
        seller = self._packs[asked.job.pack].seller_contact
        settlement = settle(job, command, read.reply, seller, self._applier.ids(), self._clock())
        await tx.record([self._journal(settlement, reply, read)])
        await self._carry_out(tx, jobs, settlement)
        return [(command, _answer(settlement))]

    async def _open(self, tx: Transaction, job: Job, asked: CommandId) -> Command | None:
        """Return the command if its answer can still matter: it is pending, or came to nothing only by its deadline."""
        known = next((command for command in job.commands if command.id == asked), None)
        if known is not None:
            return known
        stored = await tx.command(asked)
        return stored if stored is not None and stored.state is CommandState.EXPIRED else None

    async def _unconfirmed(self, command: Command, error: BrokerUnavailable) -> Answer:
        """The confirm may have been lost after the broker took the command: treat it as sent, and answered if it is."""
        try:
            return await self._expire(command)
        except WfmUndecided:
            raise WfmUnavailable(OUT_OF_REACH_UNDECIDED) from error
        except WfmTimeout:
            raise WfmUnavailable from error

    async def _expire(self, command: Command) -> Answer:
        async with self._store.transaction() as tx:
            jobs = await tx.load_jobs([command.job])
            pending = _pending(jobs[command.job], command.id)
            settled = await tx.answer(command.id) if pending is None else None
            if pending is not None:
                await self._carry_out(tx, jobs, expire(jobs[command.job], pending))
                await self._applier.apply_waiting(tx, jobs, [command.job])
        if settled is None:
            raise timed_out(command.kind)
        return _told(command.kind, await self._restored(command, *settled))

    async def _restored(self, command: Command, state: CommandState, stored: Mapping[str, object]) -> Answer:
        problems = tuple(
            Problem(Error422Code(item["code"]), item["reason"], item["path"]) for item in _items(stored, "problems")
        )
        # A change that the WFM's own message was found to have carried out has no answer of its own.
        appointment_id = stored.get("appointment") or command.appointment
        appointment = await self._store.appointment(AppointmentId(str(appointment_id))) if appointment_id else None
        return Answer(state, appointment, problems)

    async def _fail(self, command: Command) -> None:
        """The command never left. What waited to be told from its echo is news."""
        async with self._store.transaction() as tx:
            jobs = await tx.load_jobs([command.job])
            job = jobs[command.job]
            jobs[command.job] = replace(job, commands=tuple(c for c in job.commands if c.id != command.id))
            await tx.settle_command(replace(command, state=CommandState.FAILED), {})
            await self._applier.apply_waiting(tx, jobs, [command.job])

    async def _carry_out(self, tx: Transaction, jobs: Jobs, settlement: Settlement) -> None:
        """Write what a settlement means. After it, the WFM's echoes that waited for it can be told from news."""
        decision, command = settlement.decision, settlement.command
        jobs[command.job] = decision.job
        await tx.save_jobs([decision.job])
        await tx.settle_command(command, _stored(settlement))
        await self._applier.announce(tx, decision, command.correlation_id)
        pack = self._packs[command.job.pack]
        cause = command.correlation_id
        await tx.send(messages_for(pack, decision.job, decision.effects, self._new_id, self._clock(), cause))
        log.info(
            "command.settled",
            command=command.id,
            kind=command.kind,
            state=command.state,
            job=command.job.key,
            reason=decision.reason,
            correlation_id=command.correlation_id,
        )

    async def _park(self, reply: WfmReply, error: Exception) -> None:
        reason = f"the bridge failed on this reply: {type(error).__name__}: {error}"
        async with self._store.transaction() as tx:
            await tx.record(
                [
                    JournalEntry(
                        message=None,
                        job=None,
                        raw=reply.raw,
                        outcome=Outcome.PARKED,
                        reason=reason,
                        rule=UNKNOWN_COMMAND,
                    )
                ]
            )

    def _journal(self, settlement: Settlement, reply: WfmReply, read: ReplyRead) -> JournalEntry:
        command = settlement.command
        return JournalEntry(
            message=MessageId(f"reply:{command.id}"),
            job=command.job,
            raw=reply.raw,
            outcome=settlement.decision.outcome,
            reason=settlement.decision.reason,
            rule=f"commands.{command.kind}",
            pack_version=self._packs[command.job.pack].version,
            transitions=settlement.decision.transitions,
            flags=read.flags,
            explanation=read.explanation,
        )


def _pending(job: Job, command: CommandId) -> Command | None:
    return next((c for c in job.commands if c.id == command and c.state is CommandState.PENDING), None)


def _told(kind: CommandKind, answer: Answer) -> Answer:
    """Return what the Buyer is to be told; a command that came to nothing without a reason timed out (504)."""
    if answer.state is not CommandState.ACCEPTED and not answer.problems:
        raise timed_out(kind)
    return answer


def _answer(settlement: Settlement) -> Answer:
    accepted = settlement.command.state is CommandState.ACCEPTED
    appointment = settlement.decision.job.appointment if accepted else None
    return Answer(settlement.command.state, appointment, settlement.problems)


def _stored(settlement: Settlement) -> dict[str, object]:
    answer = _answer(settlement)
    return {
        "appointment": answer.appointment.id if answer.appointment else None,
        "problems": [{"code": p.code, "reason": p.reason, "path": p.path} for p in answer.problems],
    }


def _items(stored: Mapping[str, object], key: str) -> list[dict[str, str]]:
    items = stored.get(key)
    return items if isinstance(items, list) else []


def _uncorrelated(reply: WfmReply) -> JournalEntry:
    reason, explanation = (reply.problem.reason, reply.problem.explanation) if reply.problem is not None else ("", {})
    log.warning("reply.uncorrelated", pack=reply.raw.pack, reason=reason)
    return JournalEntry(
        message=None,
        job=None,
        raw=reply.raw,
        outcome=Outcome.PARKED,
        reason=f"an answer to nobody knows which command: {reason}",
        rule=UNKNOWN_COMMAND,
        explanation=explanation,
    )


def _unreadable(command: Command, reply: WfmReply, reason: str) -> JournalEntry:
    log.warning("reply.unreadable", command=command.id, job=command.job.key, reason=reason)
    return JournalEntry(
        message=None,
        job=command.job,
        raw=reply.raw,
        outcome=Outcome.PARKED,
        reason=f"reply to {command.kind}: {reason or 'not an answer to this command'}",
        rule=f"commands.{command.kind}",
    )
