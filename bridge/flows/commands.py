"""Commands on their way to the WFM and back: stored, published, answered, or expired.

The database is the arbiter. A reply and the deadline both lock the job first, and whoever finds the command still
pending settles it; the other one reads what was settled. So a reply may come late, twice, or after a crash, and a
Buyer's request still has exactly one outcome. The process that waits for an answer is only told; it decides nothing.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import structlog

from bridge.batcher import Batcher
from bridge.domain.model import Accepted, Command, CommandId, CommandState, Job, Refused
from bridge.domain.replies import Settlement, expire, settle
from bridge.errors import BrokerUnavailable, NotRouted
from bridge.flows import replies
from bridge.flows.answers import Answer, answer_of, stored, stored_appointment, stored_problems, told
from bridge.flows.applier import Applier, Jobs
from bridge.flows.compensations import Compensations
from bridge.flows.correlation import asked_by, command_of, correlation_of, is_compensation
from bridge.flows.effects import messages_for
from bridge.flows.errors import OUT_OF_REACH_UNDECIDED, WfmTimeout, WfmUnavailable, WfmUndecided, timed_out
from bridge.flows.line import Line
from bridge.flows.patience import Patient
from bridge.flows.ports import BusMessage, Clock, CommandBus, Store, Transaction, WfmMessage
from bridge.flows.questions import Questions
from bridge.flows.replies import WfmReply
from bridge.flows.sweep import Sweep
from bridge.flows.waiters import Waiters
from bridge.mapping.pack import Pack, Unreadable

log = structlog.get_logger(__name__)


class Commands:
    """The use case."""

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
        self.sweep = Sweep(store, packs, clock, abandon=self._abandon, ask_again=self._compensations.ask_again)
        self._answers: Waiters[Answer] = Waiters()
        self.questions = Questions(bus)
        self._instance = instance
        self._issued: dict[str, Command] = {}
        self._batcher = Batcher(Patient(self._commit, self._park))

    async def run(self) -> None:
        """Settle commands nobody waits for any more, until cancelled; then replies that are not settled are left."""
        try:
            await self.sweep.run()
        finally:
            await self._batcher.stop()

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
                return told(command.kind, await answered)
        except TimeoutError:
            return await self._expire(command)

    async def handle_reply(self, message: WfmMessage) -> None:
        """Take one message of a reply queue; return when all that follows from it is safe."""
        reply = replies.correlated(message, self._packs)
        if reply.problem is not None:
            await self._batcher.submit(reply)
            return
        if self.questions.answer(reply.correlation_id, reply.raw.body):
            return
        if not reply.was_passed_on:
            await self._batcher.submit(reply)
            await self._pass_on(reply)
        await self._tell(command_of(reply.correlation_id))

    async def _tell(self, asked: CommandId) -> None:
        """Tell who waits here for what another process has settled."""
        if not self._answers.waits(asked):
            return
        async with self._store.transaction() as tx:
            command, settled = await tx.command(asked), await tx.answer(asked)
        if command is not None and settled is not None:
            self._answers.resolve(asked, await self._restored(command, *settled))

    def correlation_of(self, pack: Pack, command: CommandId) -> str:
        """Give what the reply to a command of this process is to be known by."""
        return correlation_of(pack, command, self._instance)

    async def _pass_on(self, reply: WfmReply) -> None:
        """Tell the process that waits. Nothing depends on it: commands are settled, and a search has its time-out."""
        asker = self._other_asker(reply)
        if asker is None:
            return
        try:
            await self._bus.pass_on(reply.raw.body, reply.correlation_id, asker)
        except (NotRouted, BrokerUnavailable) as error:
            log.warning("reply.not_passed_on", correlation_id=reply.correlation_id, problem=str(error))

    def _other_asker(self, reply: WfmReply) -> str | None:
        """Give the process that asked, where it is another one. Only processes that share a queue have such replies."""
        pack = self._packs.get(reply.raw.pack)
        if pack is None or pack.replies is None or pack.replies.queue is None:
            return None
        asker = asked_by(reply.correlation_id)
        return asker if asker != self._instance else None

    async def _abandon(self, command: Command) -> None:
        log.warning("command.abandoned", command=command.id, kind=command.kind, job=command.job.key)
        with suppress(WfmTimeout):
            await self._expire(command)

    async def _commit(self, batch: Sequence[WfmReply]) -> Sequence[None]:
        """Settle all replies first, then look what waited for them: so the journal is written once for all."""
        answers: list[tuple[Command, Answer]] = []
        async with self._store.transaction() as tx:
            await tx.record([replies.uncorrelated(reply, reply.problem) for reply in batch if reply.problem])
            asked = await self._asked(tx, [reply for reply in batch if not reply.problem])
            jobs = await tx.load_jobs({command.job for _, command in asked})
            for reply, command in asked:
                answers += await self._take(tx, jobs, command, reply)
            await self._applier.apply_waiting(tx, jobs, {command.job for command, _ in answers})
        for command, answer in answers:
            self._answers.resolve(command.id, answer)
        return [None] * len(batch)

    async def _asked(self, tx: Transaction, batch: Sequence[WfmReply]) -> list[tuple[WfmReply, Command]]:
        """Find the commands that are answered; those of this process need no query. Their state comes with the job."""
        asked: list[tuple[WfmReply, Command]] = []
        for reply in batch:
            id_ = command_of(reply.correlation_id)
            command = self._issued.get(id_) or await tx.command(id_)
            if command is not None and reply.raw.pack in ("", command.job.pack):
                asked.append((replace(reply, raw=replace(reply.raw, pack=command.job.pack)), command))
            elif self._other_asker(reply) is None:
                log.info("reply.unsolicited", correlation_id=reply.correlation_id)
        return asked

    async def _take(self, tx: Transaction, jobs: Jobs, asked: Command, reply: WfmReply) -> list[tuple[Command, Answer]]:
        pack = self._packs.get(asked.job.pack)
        if pack is None:
            await tx.record([replies.unreadable(reply, asked, f"pack {asked.job.pack} is not loaded")])
            return []
        if is_compensation(reply.correlation_id):
            await self._compensations.take(tx, jobs, pack, asked, reply.raw)
            return []
        holds = jobs[asked.job].holds
        line = await self._applier.pinned().apply_due(tx, jobs, asked.job) if holds else None
        command = await self._open(tx, jobs[asked.job], asked.id)
        if command is None:
            log.debug("reply.repeated", command=asked.id)
            return []
        return await self._settle(tx, jobs, pack, command, reply, line)

    async def _settle(
        self, tx: Transaction, jobs: Jobs, pack: Pack, command: Command, reply: WfmReply, line: Line | None
    ) -> list[tuple[Command, Answer]]:
        read = pack.read_reply(command.asked_as, reply.raw.body)
        if isinstance(read, Unreadable) or not isinstance(answer := read.reply, Accepted | Refused):
            reason = read.reason if isinstance(read, Unreadable) else "not a reply to this command"
            await tx.record([replies.unreadable(reply, command, reason)])
            return []
        now, ids = self._clock(), self._applier.ids()

        def settled(job: Job) -> Settlement:
            return settle(job, command, answer, pack.seller_contact, ids, now)

        if line is not None:
            await line.answer(command, answer, settled, now)
        settlement = settled(jobs[command.job])
        await tx.record([replies.taken(reply, settlement, read, pack.version)])
        await self._carry_out(tx, jobs, pack, settlement)
        return [(command, answer_of(settlement))]

    async def _open(self, tx: Transaction, job: Job, asked: CommandId) -> Command | None:
        """Return the command if its reply can still matter: it is pending, or came to nothing only by its deadline."""
        known = next((command for command in job.commands if command.id == asked), None)
        if known is not None:
            return known
        older = await tx.command(asked)
        return older if older is not None and older.state is CommandState.EXPIRED else None

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
                await self._carry_out(tx, jobs, self._packs[command.job.pack], expire(jobs[command.job], pending))
                await self._applier.apply_waiting(tx, jobs, [command.job])
        if settled is None:
            raise timed_out(command.kind)
        return told(command.kind, await self._restored(command, *settled))

    async def _restored(self, command: Command, state: CommandState, kept: Mapping[str, object]) -> Answer:
        found = stored_appointment(command, kept)
        appointment = await self._store.reads.appointment(found) if found is not None else None
        return Answer(state, appointment, stored_problems(kept))

    async def _fail(self, command: Command) -> None:
        """The command never left. What waited to be told from its echo is news."""
        async with self._store.transaction() as tx:
            jobs = await tx.load_jobs([command.job])
            job = jobs[command.job]
            jobs[command.job] = replace(job, commands=tuple(c for c in job.commands if c.id != command.id))
            await tx.settle_command(replace(command, state=CommandState.FAILED), {})
            await self._applier.apply_waiting(tx, jobs, [command.job])

    async def _carry_out(self, tx: Transaction, jobs: Jobs, pack: Pack, settlement: Settlement) -> None:
        """Write what a settlement means. After it, the WFM's echoes that waited for it can be told from news."""
        decision, command = settlement.decision, settlement.command
        jobs[command.job] = decision.job
        await tx.save_jobs([decision.job])
        await tx.settle_command(command, stored(settlement))
        await self._applier.announce(tx, decision, command.correlation_id)
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
        async with self._store.transaction() as tx:
            await tx.record([replies.crashed(reply, error)])


def _pending(job: Job, command: CommandId) -> Command | None:
    return next((c for c in job.commands if c.id == command and c.state is CommandState.PENDING), None)
