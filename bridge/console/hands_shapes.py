"""What the admin API answers of deliveries, listeners, commands, the outbox and packs, and takes to act on them."""

from datetime import datetime
from typing import Any, Final

from pydantic import Field

from bridge.console.shapes import Shape

MOST_RETRIED: Final = 1_000
"""Numbers in one act."""


class Attempt(Shape):
    """One attempt at a webhook, or a ping. Neither status nor error: it is under way, or its process died."""

    at: datetime
    status: int | None
    error: str | None
    elapsed_seconds: float
    excerpt: str


class Delivery(Shape):
    """How far a notification is on its way to a listener."""

    number: int
    state: str
    listener: str
    callback: str | None
    buyer: str
    event_id: str
    event_type: str
    event_time: datetime
    resource: str
    attempt_count: int
    last_attempt: Attempt | None
    next_attempt_at: datetime | None
    waits_behind: int | None
    is_listener_disabled: bool


class Deliveries(Shape):
    """Deliveries, newest first."""

    deliveries: list[Delivery]


class WholeDelivery(Delivery):
    """A delivery with every attempt, oldest first."""

    attempts: list[Attempt]


class RetryDeliveries(Shape):
    """Which deliveries are to be tried now: by their numbers, or those of a filter that wait for their next attempt."""

    numbers: list[int] | None = Field(None, min_length=1, max_length=MOST_RETRIED)
    buyer: str | None = None
    listener: str | None = None
    type: str | None = None
    since: str | None = None
    dry_run: bool = False
    note: str = ""


class Retried(Shape):
    """What became of one: again, due, behind, underWay, suspended, over, noListener or unknown."""

    number: int
    outcome: str
    waits_behind: int | None


class Retries(Shape):
    """How many are tried now; `would` says it of a dry run."""

    retried: list[Retried]
    count: int
    would: int | None = None


class Listener(Shape):
    """How a listener is."""

    id: str
    buyer: str
    api: str
    irp: str
    callback: str
    query: str | None
    event_types: list[str]
    buyer_id: str | None
    seller_id: str | None
    registered_at: datetime
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_because: str | None
    waiting: int
    waiting_since: datetime | None


class Listeners(Shape):
    """Listeners, Buyer by Buyer."""

    listeners: list[Listener]


class Note(Shape):
    """Why; to remove a listener it must say something."""

    note: str = ""


class Done(Shape):
    """What came of an act."""

    outcome: str


class Command(Shape):
    """How far a command towards the WFM is. `window` is start/end."""

    id: str
    kind: str
    state: str
    pack: str
    job: str
    work_order: str
    appointment: str | None
    buyer: str
    window: str | None
    created_at: datetime
    expires_at: datetime
    settled_at: datetime | None
    result: dict[str, Any] | None
    take_back_count: int
    take_back_at: datetime | None
    correlation_id: str


class Commands(Shape):
    """Commands, newest first."""

    commands: list[Command]


class Reply(Shape):
    """A reply of the WFM."""

    message: int
    received_at: datetime
    outcome: str
    rule: str | None
    reason: str


class Outgoing(Shape):
    """How far a message for the WFM is."""

    number: int
    state: str
    pack: str
    job: str | None
    exchange: str
    routing_key: str
    message_id: str
    correlation_id: str
    attempt_count: int
    attempted_at: datetime | None
    error: str | None
    next_attempt_at: datetime | None
    waits_behind: int | None
    is_under_way: bool


class WholeCommand(Command):
    """A command with the WFM's replies, and what was sent to take it back."""

    replies: list[Reply]
    sent: list[Outgoing]


class Outbox(Shape):
    """Messages for the WFM, newest first."""

    messages: list[Outgoing]


class WholeOutgoing(Outgoing):
    """A message for the WFM with what it says."""

    content_type: str
    headers: dict[str, str]
    is_reply_expected: bool
    body: str


class RetryOutbox(Shape):
    """Which messages for the WFM are to be tried now."""

    numbers: list[int] = Field(min_length=1, max_length=MOST_RETRIED)
    note: str = ""


class RuleUsage(Shape):
    """How often a rule held."""

    rule: str
    when: str
    then: str
    count: int
    last: datetime | None


class CodeUsage(Shape):
    """Which codes of a field were seen, and which never."""

    field: str
    seen: list[str]
    never: list[str]


class Hop(Shape):
    """How often a transition of WorkOrders was gone; `source` is empty for one that was created."""

    source: str
    target: str
    count: int


class Activation(Shape):
    """An activated draft of a pack, in place of deployed files that come to `base`. `standing`: `runs` or `overtaken`.

    `runsOn`, `awaitedOn` and `otherFilesOn` name processes: where it runs, is to run, and does not since other files
    were deployed there.
    """

    version: str
    base: str
    who: str
    note: str
    at: datetime
    ended_at: datetime | None
    standing: str
    runs_on: list[str]
    awaited_on: list[str]
    other_files_on: list[str]


class PackUsage(Shape):
    """How a pack was used in the last `days`; codes and hops are of the newest `lookedAt` messages."""

    pack: str
    version: str
    days: int
    looked_at: int
    activation: Activation | None
    rules: list[RuleUsage]
    codes: list[CodeUsage]
    hops: list[Hop]
