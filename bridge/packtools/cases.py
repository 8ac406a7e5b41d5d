"""Cases of a pack: what the WFM and the Buyer do step by step, and what must come of each step.

A case has its own fixed time. Each step goes on from where the one before left the job, or from what `given` says.
"""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, JsonValue, model_validator

from bridge.domain.model import Outcome
from bridge.mapping.document import Strict, Text
from bridge.mef.enums import AppointmentStatus, EventType, WorkOrderState


class Given(Strict):
    """What the Buyer sees of the job before the message, in place of what the steps before led to."""

    work_order: WorkOrderState | None = None
    appointment: AppointmentStatus | None = None


Period = tuple[AwareDatetime, AwareDatetime]
"""A window: its start and its end."""


class Buyer(Strict):
    """What a Buyer asks for, with a `note`. `slot` is the token of the slot; left out, that of an earlier search."""

    search: Period | None = None
    book: Period | None = None
    reschedule: Period | None = None
    cancel: bool = False
    slot: dict[str, JsonValue] = Field(default_factory=dict)
    note: Text | None = None

    @model_validator(mode="after")
    def _one_wish(self) -> Self:
        if [self.search, self.book, self.reschedule, self.cancel or None].count(None) != 3:
            raise ValueError("write one of search, book, reschedule or cancel")
        return self


class SentCommand(Strict):
    """A command to the WFM; of `body` only the named members are compared."""

    routing_key: str | None = None
    body: dict[str, JsonValue] = Field(default_factory=dict)


class Refusal(Strict):
    """What the Buyer is told when the WFM refuses."""

    code: str | None = None
    reason: str | None = None
    path: str | None = None


class Seen(Strict):
    """What the Buyer sees, by the keys of the pack's sections; below them the standard's JSON, in part."""

    work_order: dict[str, JsonValue] | None = None
    appointment: dict[str, JsonValue] | None = None


class Expect(Strict):
    """What must come of a step; only what is named is compared. `null` expects that there is none.

    `reads` has typed values of fields, `sees` what the Buyer sees after the step.
    """

    rule: str | None = None
    outcome: Outcome | None = None
    parked: str | None = None
    ignored: str | None = None
    reason: str | None = None
    buyer: str | None = None
    work_order: WorkOrderState | None = None
    appointment: AppointmentStatus | None = None
    appointment_required: bool | None = None
    visit: str | None = None
    window: Period | None = None
    notifications: tuple[EventType, ...] | None = None
    commands: tuple[SentCommand, ...] | None = None
    flags: tuple[str, ...] | None = None
    refused: Refusal | None = None
    offered: tuple[Period, ...] | None = None
    reads: dict[str, JsonValue] = Field(default_factory=dict)
    sees: Seen = Seen()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("write what must come of it")
        return self


class Step(Strict):
    """A message of the WFM (`message` as JSON, or `body` as text), or a wish of the Buyer with the WFM's `reply`.

    A reply that is text is taken as it stands, as XML is; anything else is JSON. A step of a `time` alone is about what
    is due by then.
    """

    message: JsonValue = None
    body: str | None = None
    routing_key: str = ""
    headers: dict[str, str] = Field(default_factory=dict)
    time: AwareDatetime | None = None
    given: Given | None = None
    buyer: Buyer | None = None
    job: Text | None = None
    reply: JsonValue = None
    expect: Expect

    @model_validator(mode="after")
    def _one_act(self) -> Self:
        if [self.message, self.body, self.buyer].count(None) != 2 and not self.only_time:
            raise ValueError("write one of message, body or buyer")
        return self

    @property
    def only_time(self) -> bool:
        """Tell whether nothing happens in it but that time passes."""
        return self.time is not None and self.message is None and self.body is None and self.buyer is None


class Case(Strict):
    """A story of one or several jobs. `time` is the clock's, in RFC 3339; a step may move it."""

    case: Text
    time: AwareDatetime
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]

    def times(self) -> tuple[datetime, ...]:
        """Give the time of each step: its own, else that of the step before."""
        times: list[datetime] = []
        for step in self.steps:
            times.append(step.time or (times[-1] if times else self.time))
        return tuple(times)
