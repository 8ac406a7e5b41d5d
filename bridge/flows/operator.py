"""What operators ask of the store and are told by it: values only, for the command line and the console alike."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from bridge.domain.model import BuyerId, CommandKind, CommandState, JobRef, WorkOrderId
from bridge.flows.ports.job_trace import TracedCommand
from bridge.flows.ports.journal_entry import RecordedEntry
from bridge.flows.ports.outbox_entry import OutboxReport, OutboxState
from bridge.flows.ports.webhook_delivery import DeliveryFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFilter:
    """Which refused requests are meant; None means any."""

    buyer: BuyerId | None = None
    status: int | None = None
    work_order: WorkOrderId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFilter:
    """Which commands are meant; None means any.

    `in_flight` are those that wait for a reply, or are being taken back in the WFM.
    """

    in_flight: bool = False
    state: CommandState | None = None
    kind: CommandKind | None = None
    buyer: BuyerId | None = None
    jobs: Collection[JobRef] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandStory:
    """A command with the WFM's replies to it, and what was sent to the WFM to take it back."""

    command: TracedCommand
    replies: tuple[RecordedEntry, ...]
    sent: tuple[OutboxReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxFilter:
    """Which messages for the WFM are meant; None means any."""

    state: OutboxState | None = None
    pack: str | None = None
    jobs: Collection[JobRef] | None = None


class RetryOutcome(StrEnum):
    """What a retry came to."""

    AGAIN = "again"
    DUE = "due"
    BEHIND = "behind"
    UNDER_WAY = "underWay"
    SUSPENDED = "suspended"
    OVER = "over"
    NO_LISTENER = "noListener"
    UNKNOWN = "unknown"


_TEXTS: Mapping[RetryOutcome, str] = {
    RetryOutcome.AGAIN: "will be sent again",
    RetryOutcome.DUE: "is due now",
    RetryOutcome.BEHIND: "waits behind {behind}, and follows it",
    RetryOutcome.UNDER_WAY: "is under way",
    RetryOutcome.SUSPENDED: "waits until its listener is resumed",
    RetryOutcome.OVER: "has left already",
    RetryOutcome.NO_LISTENER: "has no listener any more",
    RetryOutcome.UNKNOWN: "does not exist",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """What became of one number; `behind` is that of the one it waits behind."""

    number: int
    outcome: RetryOutcome
    behind: int | None = None

    @property
    def is_done(self) -> bool:
        """Tell whether it is tried now."""
        return self.outcome in (RetryOutcome.AGAIN, RetryOutcome.DUE)

    @property
    def text(self) -> str:
        """Say it in words that follow the number."""
        return _TEXTS[self.outcome].format(behind=self.behind)


class Pending(NamedTuple):
    """How many of some pending deliveries wait, by what they wait for.

    `later` wait for their next attempt, and are what a retry brings forward; `due` are so already; those `behind`
    others follow them by themselves; `suspended` wait for their listener.
    """

    later: int
    due: int
    under_way: int
    behind: int
    suspended: int


PAUSED = "an operator paused it"


def paused_because(note: str) -> str:
    """Say why a listener is disabled that an operator pauses."""
    return f"{PAUSED}: {note.strip()}" if note.strip() else PAUSED


def tried(told: Sequence[Retried]) -> str:
    """Sum up what a retry came to, for the audit log."""
    done = sum(each.is_done for each in told)
    return f"{done} tried now" + (f", {len(told) - done} not" if done < len(told) else "")


def described(wanted: DeliveryFilter) -> str:
    """Say which deliveries are meant, in a line."""
    given = {
        "": wanted.state and wanted.state.value,
        "of Buyer ": wanted.buyer,
        "to listener ": wanted.listener,
        "of type ": wanted.event_type and wanted.event_type.value,
        "from ": wanted.since and wanted.since.isoformat(),
        "to ": wanted.until and wanted.until.isoformat(),
    }
    return " ".join(f"{words}{value}" for words, value in given.items() if value) or "of all kinds"


@dataclass(frozen=True, slots=True)
class RuleUsage:
    """How often a rule of a pack held. `when` and `then` are what its row says."""

    rule: str
    when: str
    then: str
    count: int
    last: datetime | None


@dataclass(frozen=True, slots=True)
class CodeUsage:
    """Which codes of a field were seen, and which never."""

    field: str
    seen: tuple[str, ...]
    never: tuple[str, ...]


class Standing(StrEnum):
    """How an activated draft stands to the deployed files."""

    RUNS = "runs"
    OVERTAKEN = "overtaken"
    REDUNDANT = "redundant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """A draft of a pack that was activated: `text` in place of its pack.yaml, which comes to `version`.

    `base` is the version that the deployed files came to when it was activated. `who` did it, and why (`note`).
    `ended_at` is set once no process has those files any more: what was deployed then has taken its place.
    """

    id: str
    pack: str
    base: str
    text: str
    version: str
    who: str
    note: str
    at: datetime
    ended_at: datetime | None = None

    def standing(self, deployed: str) -> Standing:
        """Tell how it stands where the files come to the version `deployed`.

        It runs as long as these are what they were. If they are not, they win: what is deployed later counts, unless
        it is just the draft.
        """
        if self.ended_at is not None:
            return Standing.OVERTAKEN
        if deployed == self.version:
            return Standing.REDUNDANT
        return Standing.RUNS if deployed == self.base else Standing.OVERTAKEN


class RunningPack(NamedTuple):
    """By which version of a pack a process goes, and which its files come to (None: that is not known)."""

    instance: str
    version: str
    deployed: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PackUsage:
    """How a pack was used in the last so many `days`.

    Rules are counted over all messages; codes are of the newest `looked_at` of them. `hops` counts transitions of
    WorkOrders among those, by source and target.
    """

    pack: str
    version: str
    days: int
    rules: tuple[RuleUsage, ...]
    codes: tuple[CodeUsage, ...]
    hops: Mapping[tuple[str, str], int]
    looked_at: int
