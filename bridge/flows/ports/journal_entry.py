"""A message of the WFM, what became of it, and the journal that keeps both."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from bridge.domain.model import JobRef, MessageId, Outcome, Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class WfmMessage:
    """A message of the WFM as it came off the bus: raw bytes, never decoded before it reaches the pack.

    Among its headers are AMQP's properties that say how the body is written, `CONTENT_TYPE` and `CONTENT_ENCODING`.
    """

    pack: str
    body: bytes
    routing_key: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    correlation_id: str
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One WFM message and what became of it. `message` is None where the message had no readable identity.

    `explanation` is plain JSON: how the pack read the message, or why it could not. `due_at` is given while it is held
    for a superseding message, or behind one that is: until then.
    """

    message: MessageId | None
    job: JobRef | None
    raw: WfmMessage
    outcome: Outcome
    reason: str = ""
    rule: str | None = None
    pack_version: str = ""
    transitions: tuple[Transition, ...] = ()
    flags: tuple[str, ...] = ()
    explanation: Mapping[str, object] = field(default_factory=dict)
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecordedEntry:
    """A journal entry with its number in the journal (ascending in order of arrival)."""

    number: int
    entry: JournalEntry


UNKNOWN_COMMAND: Final = "replies.unknown"
"""The `rule` in the journal of a reply to nobody knows which command; no rule of a pack has a dot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """Which messages are meant; None means any. `reason` is a part of theirs.

    `since` and `until` (excluded) bound when they came.
    """

    outcome: Outcome | None = None
    pack: str | None = None
    jobs: Collection[JobRef] | None = None
    rule: str | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class MessageGroup(NamedTuple):
    """How many messages of a pack came to the same, and when the first and the last of them came."""

    pack: str
    outcome: Outcome
    reason: str
    number: int
    first: datetime
    last: datetime


class Journal(Protocol):
    """The journal of WFM messages, read outside of transactions."""

    async def due_jobs(self, packs: Collection[str], now: datetime) -> Sequence[JobRef]: ...
    async def waiting_since(self) -> tuple[int, datetime | None]: ...
