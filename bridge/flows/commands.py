"""Commands on their way to the WFM and back: published, replied to, or expired, while somebody here waits for them.

What counts is settled in the database (`settling.py`). The process that waits for a result is only told; it decides
nothing.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import structlog

from bridge.batcher import Batcher, Patient
from bridge.domain.model import Command, CommandId
from bridge.domain.settlement import CommandResult
from bridge.errors import BrokerUnavailable, NotRouted
from bridge.flows.ports.command_bus import BusMessage, CommandBus
from bridge.flows.ports.journal_entry import WfmMessage
from bridge.flows.ports.stores import Store
from bridge.flows.refusals import WfmTimeout, WfmUnavailable
from bridge.flows.replies import PendingReplies, WfmReply, ask, correlated, correlation_of, publish
from bridge.flows.settling import Settling, result_or_timeout
from bridge.flows.sweep import Sweep
from bridge.flows.work import Workshop
from bridge.mapping.formats.bodies import Body
from bridge.mapping.pack import Pack

log = structlog.get_logger(__name__)


class Commands:
    """The use case."""

    def __init__(self, store: Store, bus: CommandBus, workshop: Workshop, *, instance: str = "") -> None:
        self._bus = bus
        self._workshop = workshop
        self._instance = instance
        self._issued: dict[str, Command] = {}
        self._results: PendingReplies[CommandResult] = PendingReplies()
        self._questions: PendingReplies[bytes] = PendingReplies()
        self._settling = Settling(store, workshop, self._issued)
        ask_again = self._settling.compensations.ask_again
        self.sweep = Sweep(store, workshop.packs, workshop.clock, abandon=self._abandon, ask_again=ask_again)
        self._patient = Patient(self._commit, self._settling.park, store.is_well)
        self._batcher = Batcher(self._patient)

    async def run(self) -> None:
        """Settle commands nobody waits for any more, until cancelled; then replies that are not settled are left."""
        try:
            await self.sweep.run()
        finally:
            await self._batcher.stop()

    @property
    def given_up(self) -> int:
        """How many replies could be neither taken nor parked."""
        return self._patient.given_up

    def oldest_s(self) -> float:
        """Tell for how many seconds the oldest reply waits to be safe."""
        return self._batcher.oldest_s()

    def correlation_of(self, pack: Pack, command: CommandId) -> str:
        """Give what the reply to a command of this process is to be known by."""
        return correlation_of(pack, command, self._instance)

    # out

    async def issue(self, command: Command, message: BusMessage) -> CommandResult:
        """Publish a stored command and wait for its settlement.

        Raises `WfmUnavailable` if it did not go out, and `WfmTimeout` if it may have, and no reply came in time.
        """
        self._issued[command.id] = command
        try:
            with self._results.expect(command.id) as result:
                await publish(self._bus, message)
                return await self._settled(command, result)
        except WfmUnavailable:
            await self._settling.fail(command)
            raise
        finally:
            del self._issued[command.id]

    async def resume(self, asked: CommandId) -> CommandResult | None:
        """Wait for the settlement of a command that an earlier try of the same request has stored; None if none has.

        Raises `WfmTimeout` if it came to nothing.
        """
        with self._results.expect(asked) as result:
            command = await self._settling.find(asked)
            if command is None:
                return None
            return await (self._settled(command, result) if command.is_pending else self._settling.expire(command))

    async def _settled(self, command: Command, result: asyncio.Future[CommandResult]) -> CommandResult:
        try:
            async with asyncio.timeout((command.expires_at - self._workshop.clock()).total_seconds()):
                return result_or_timeout(command, await result)
        except TimeoutError:
            return await self._settling.expire(command)

    async def _abandon(self, command: Command) -> None:
        log.warning("command.abandoned", command=command.id, kind=command.kind, job=command.job.key)
        with suppress(WfmTimeout):
            await self._settling.expire(command)

    async def ask(self, message: BusMessage, timeout_s: float) -> bytes:
        """Ask the WFM what changes nothing; return the raw reply. Raises `WfmTimeout` or `WfmUnavailable`."""
        return await ask(self._bus, self._questions, message, timeout_s)

    # back

    async def handle_reply(self, message: WfmMessage) -> None:
        """Take one message of a reply queue; return when all that follows from it is safe."""
        reply = correlated(message, self._workshop.packs, self._instance)
        if reply.problem is not None:
            await self._batcher.submit(reply)
            return
        if self._questions.awaits(reply.correlation_id):
            self._questions.resolve(reply.correlation_id, _in_utf8(message))
            return
        if not reply.was_passed_on:
            await self._batcher.submit(reply)
        if reply.asker is not None:
            await self._pass_on(reply, reply.asker)
        if self._results.awaits(reply.command):
            await self._tell(reply.command)

    async def _commit(self, replies: Sequence[WfmReply]) -> Sequence[None]:
        for command, result in await self._settling.take(replies):
            self._results.resolve(command.id, result)
        return [None] * len(replies)

    async def _tell(self, asked: CommandId) -> None:
        """Tell who waits here for what another process has settled."""
        result = await self._settling.result(asked)
        if result is not None:
            self._results.resolve(asked, result)

    async def _pass_on(self, reply: WfmReply, asker: str) -> None:
        """Tell the process that waits. Nothing depends on it: commands are settled, and a search has its time-out."""
        try:
            await self._bus.pass_on(_in_utf8(reply.raw), reply.correlation_id, asker)
        except (NotRouted, BrokerUnavailable) as error:
            log.warning("reply.not_passed_on", correlation_id=reply.correlation_id, problem=str(error))


def _in_utf8(reply: WfmMessage) -> bytes:
    """Give the body for whoever has no headers, which may say how it is written."""
    return Body(reply.body, reply.headers).in_utf8()
