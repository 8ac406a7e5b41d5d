"""What the admin API answers, as models: its OpenAPI document is made of them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from bridge.flows.ports.audit_entry import RecordedAct


class Shape(BaseModel):
    """An object of the API, with names in camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class Problem(Shape):
    """What is wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str


class Act(Shape):
    """An act of a person. `outcome` is empty where nobody knows what came of it."""

    number: int
    at: datetime
    who: str
    role: str
    act: str
    thing: str
    note: str
    outcome: str


class AuditLog(Shape):
    """Acts, newest first."""

    acts: list[Act]


class ParkedReason(Shape):
    """How many messages are parked for a reason."""

    pack: str
    reason: str
    count: int


class Undelivered(Shape):
    """What waits for a listener."""

    buyer: str
    listener: str
    waiting: int
    oldest_seconds: float


class Now(Shape):
    """How the bridge is. Counts are null while the database does not answer."""

    at: datetime
    is_ready: bool
    problems: list[str]
    warnings: list[str]
    packs: dict[str, str]
    parked: list[ParkedReason] | None
    undelivered: list[Undelivered] | None
    waiting_messages: int | None
    pending_commands: int | None
    outbox: int | None
    queues: dict[str, int | None]
    dead_letters: int


class WorkOrder(Shape):
    """A WorkOrder that was found."""

    id: str
    job: str
    pack: str
    buyer: str
    state: str
    tickets: list[str]
    changed_at: datetime
    parked_messages: int


class WorkOrders(Shape):
    """WorkOrders, the newest first."""

    work_orders: list[WorkOrder]


class StoryWorkOrder(Shape):
    """A WorkOrder of a story."""

    id: str
    state: str
    buyer: str


class StoryAppointment(Shape):
    """An Appointment of a story; `valid_for` is start/end."""

    id: str
    status: str
    valid_for: str


class Step(Shape):
    """One thing that happened. Besides these it has ids that lead further, such as `message`, `delivery`, `eventId`."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="allow", frozen=True, serialize_by_alias=True
    )

    at: datetime
    kind: str
    text: str
    details: list[str]
    is_trouble: bool


class Story(Shape):
    """All that is on record of a job, as `mef-bridge trace --json` tells it."""

    job: str
    pack: str
    work_orders: list[StoryWorkOrder]
    appointments: list[StoryAppointment]
    steps: list[Step]
    waiting: list[str]


class Stories(Shape):
    """The stories of the jobs that an id means."""

    stories: list[Story]


class Hop(Shape):
    """A transition of a WorkOrder or an Appointment."""

    resource: str
    id: str
    source: str | None
    target: str


class Message(Shape):
    """A message of the WFM with what became of it."""

    number: int
    received: datetime
    pack: str
    job: str | None
    message: str | None
    outcome: str
    rule: str | None
    reason: str
    held_until: datetime | None
    transitions: list[Hop]


class Messages(Shape):
    """Messages, newest first."""

    messages: list[Message]


class WholeMessage(Message):
    """A message in full."""

    pack_version: str
    flags: list[str]
    correlation_id: str
    routing_key: str
    headers: dict[str, Any]
    body: str
    explanation: dict[str, Any]


class MessageGroup(Shape):
    """How many messages came to the same."""

    count: int
    pack: str
    outcome: str
    reason: str
    first: datetime
    last: datetime


class MessageGroups(Shape):
    """Groups of messages, the largest first."""

    groups: list[MessageGroup]


class Replay(Shape):
    """Which parked messages to apply anew: `numbers`, or all that fit. `note` is required unless it is a dry run."""

    numbers: list[int] | None = Field(None, max_length=1000)
    pack: str | None = None
    reason: str | None = None
    about: str | None = None
    dry_run: bool = False
    note: str = ""


class Became(Shape):
    """What a part of a message comes to."""

    outcome: str
    rule: str | None
    reason: str
    transitions: list[Hop]


class Fate(Shape):
    """What becomes of a parked message; `refused` says why it stays as it is."""

    number: int
    refused: str | None
    became: list[Became]


class Fates(Shape):
    """What becomes of parked messages; of a dry run, what would."""

    dry_run: bool
    messages: list[Fate]


class Discard(Shape):
    """Which parked messages to set aside for good, and why."""

    numbers: list[int] = Field(max_length=1000)
    note: str


class Discarded(Shape):
    """Which were set aside, and which were not parked."""

    discarded: list[int]
    not_parked: list[int]


def act(recorded: RecordedAct, shown: Callable[[str], str]) -> Act:
    """Give the shape of an act; `shown` masks its note."""
    entry = recorded.entry
    return Act(
        number=recorded.number,
        at=entry.at,
        who=entry.who,
        role=entry.role,
        act=entry.act,
        thing=entry.thing,
        note=shown(entry.note),
        outcome=entry.outcome,
    )
