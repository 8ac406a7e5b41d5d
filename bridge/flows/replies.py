"""The WFM's replies: which command each one is about, and what the journal says of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from bridge.domain.model import Command, MessageId, Outcome
from bridge.domain.replies import Settlement
from bridge.flows.correlation import asked_by
from bridge.flows.ports import UNKNOWN_COMMAND, JournalEntry, WfmMessage
from bridge.mapping.pack import Pack, ReplyRead, Unreadable

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WfmReply:
    """A message from a reply queue. Its `pack` is given where the queue is one pack's own.

    `problem` says why nobody knows which command it answers.
    """

    raw: WfmMessage
    problem: Unreadable | None = None

    @property
    def correlation_id(self) -> str:
        """Says which command it answers."""
        return self.raw.correlation_id

    @property
    def was_passed_on(self) -> bool:
        """Did another process of ours take it off a fixed queue, and do all that is to be done but telling us?"""
        return not self.raw.pack and asked_by(self.correlation_id) is not None


def correlated(raw: WfmMessage, packs: Mapping[str, Pack]) -> WfmReply:
    """Find out which command is answered: some packs say where in the body that stands."""
    pack = packs.get(raw.pack)
    found = pack.correlation_of(raw.body, raw.correlation_id) if pack is not None else raw.correlation_id
    if isinstance(found, Unreadable):
        return WfmReply(raw, found)
    if not found:
        return WfmReply(raw, Unreadable("it has no correlation_id", {}))
    return WfmReply(replace(raw, correlation_id=found))


def taken(reply: WfmReply, settlement: Settlement, read: ReplyRead, pack_version: str) -> JournalEntry:
    """Write down a reply that settled its command."""
    command = settlement.command
    return JournalEntry(
        message=MessageId(f"reply:{command.id}"),
        job=command.job,
        raw=reply.raw,
        outcome=settlement.decision.outcome,
        reason=settlement.decision.reason,
        rule=f"commands.{command.kind}",
        pack_version=pack_version,
        transitions=settlement.decision.transitions,
        flags=read.flags,
        explanation=read.explanation,
    )


def uncorrelated(reply: WfmReply, problem: Unreadable) -> JournalEntry:
    """Park a reply that does not say which command it is to."""
    log.warning("reply.uncorrelated", pack=reply.raw.pack, reason=problem.reason)
    return JournalEntry(
        message=None,
        job=None,
        raw=reply.raw,
        outcome=Outcome.PARKED,
        reason=f"a reply to nobody knows which command: {problem.reason}",
        rule=UNKNOWN_COMMAND,
        explanation=problem.explanation,
    )


def unreadable(reply: WfmReply, command: Command, reason: str) -> JournalEntry:
    """Park a reply that does not say what became of its command."""
    log.warning("reply.unreadable", command=command.id, job=command.job.key, reason=reason)
    return JournalEntry(
        message=None,
        job=command.job,
        raw=reply.raw,
        outcome=Outcome.PARKED,
        reason=f"reply to {command.kind}: {reason}",
        rule=f"commands.{command.kind}",
    )


def crashed(reply: WfmReply, error: Exception) -> JournalEntry:
    """Park a reply that the bridge failed on."""
    return JournalEntry(
        message=None,
        job=None,
        raw=reply.raw,
        outcome=Outcome.PARKED,
        reason=f"the bridge failed on this reply: {type(error).__name__}: {error}",
        rule=UNKNOWN_COMMAND,
    )
