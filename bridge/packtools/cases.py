"""Cases of a pack: what the WFM and the Buyer do step by step, and what must come of each step.

A case has its own fixed time. Each step goes on from where the one before left the job, or from what `given` says.
Messages that come again and again have a name, in the case or in a file that all cases share, and a step says what is
otherwise in its own (`case_messages`).
"""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BeforeValidator, Field, JsonValue, model_validator

from bridge.mapping.document import Name, Strict, Text
from bridge.mef.enums import AppointmentStatus, EventType, WorkOrderState


class MessageSpec(Strict):
    """A message of the WFM: `message` as JSON, `body` as text, or one that has a name, with what is otherwise in it.

    `with` and `without` are by path, as the pack writes paths.
    """

    message: JsonValue = None
    body: str | None = None
    from_: Text | None = Field(default=None, alias="from")
    with_: dict[Text, JsonValue] = Field(default_factory=dict, alias="with")
    without: tuple[Text, ...] = ()
    routing_key: str = ""
    headers: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if (self.with_ or self.without) and self.from_ is None:
            raise ValueError("`with` and `without` change a message that has a name; write it in `from`")
        return self

    @property
    def sources(self) -> int:
        """Count the ways in which it says what the message is."""
        return 3 - [self.message, self.body, self.from_].count(None)


class Template(MessageSpec):
    """A message that has a name."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.sources != 1:
            raise ValueError("write one of message, body or from")
        return self


class Templates(Strict):
    """The messages that the cases of a pack share: what `cases/messages.yaml` has."""

    messages: Annotated[dict[Name, Template], Field(min_length=1)]


class Given(Strict):
    """What the Buyer sees of the job before the message, in place of what the steps before led to.

    What the WFM has told of the job stays known.
    """

    work_order: WorkOrderState | None = None
    appointment: AppointmentStatus | None = None


CaseOutcome = Literal[
    "applied",
    "unchanged",
    "echo",
    "stale",
    "ignored",
    "waiting",
    "parked",
    "superseded",
    "duplicate",
    "refused",
]
"""What becomes of a step: an `Outcome`, or one of two more.

`duplicate`: the message was taken before. `refused`: the bridge refuses the Buyer's wish, and asks the WFM nothing.
"""


def _both(value: object) -> object:
    if isinstance(value, list) and len(value) != 2:
        raise ValueError(f"expected two times, the start and the end; got {len(value)}")
    return value


Period = Annotated[tuple[AwareDatetime, AwareDatetime], BeforeValidator(_both)]
"""A window: its start and its end."""


class Buyer(Strict):
    """What a Buyer asks for, or notes alone. `slot` is the token of the slot; left out, that of a search."""

    search: Period | None = None
    book: Period | None = None
    reschedule: Period | None = None
    cancel: bool = False
    slot: dict[str, JsonValue] = Field(default_factory=dict)
    note: Text | tuple[Text, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """All notes, in their order."""
        return (self.note,) if isinstance(self.note, str) else self.note

    @model_validator(mode="after")
    def _one_wish(self) -> Self:
        wishes = 4 - [self.search, self.book, self.reschedule, self.cancel or None].count(None)
        if wishes != 1 and not (wishes == 0 and self.note):
            raise ValueError("write one of search, book, reschedule or cancel, or a note alone")
        if self.note and (self.search or self.cancel):
            raise ValueError("a search or a cancellation has no note")
        return self


class SentCommand(Strict):
    """A command to the WFM; of `body` only the named members are compared."""

    routing_key: str | None = None
    body: dict[str, JsonValue] = Field(default_factory=dict)


class Refusal(Strict):
    """What the Buyer is told when the bridge or the WFM refuses."""

    code: str | None = None
    reason: str | None = None
    path: str | None = None


class Seen(Strict):
    """What the Buyer sees, by the keys of the pack's sections; below them the standard's JSON, in part."""

    work_order: dict[str, JsonValue] | None = None
    appointment: dict[str, JsonValue] | None = None


class Expect(Strict):
    """What must come of a step; only what is named is compared. `null` expects that there is none.

    `reads` has typed values of fields, `sees` what the Buyer sees after the step. `withheld` says why a
    late message, or one that says nothing new, names no state.
    """

    rule: str | None = None
    outcome: CaseOutcome | None = None
    parked: str | None = None
    ignored: str | None = None
    reason: str | None = None
    withheld: str | None = None
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


class Step(MessageSpec):
    """A message of the WFM, or a wish of the Buyer with the WFM's `reply`.

    A reply that is text is taken as it stands, as XML is; anything else is JSON. A step of a `time` alone is about what
    is due by then. With `show` all that came of it is told, though it came out.
    """

    time: AwareDatetime | None = None
    given: Given | None = None
    buyer: Buyer | None = None
    job: Text | None = None
    reply: JsonValue = None
    show: bool = False
    expect: Expect | None = None

    @model_validator(mode="after")
    def _one_act(self) -> Self:
        if self.sources + (self.buyer is not None) != 1 and not self.only_time:
            raise ValueError("write one of message, body, from or buyer")
        if self.expect is None and not self.show:
            raise ValueError(
                "the key 'expect' is missing; write what must come of it, or `show: true` to see what comes"
            )
        return self

    @property
    def only_time(self) -> bool:
        """Tell whether nothing happens in it but that time passes."""
        return self.time is not None and self.sources == 0 and self.buyer is None


class Case(Strict):
    """A story of one or several jobs. `time` is the clock's, in RFC 3339; a step may move it."""

    case: Text
    time: AwareDatetime
    messages: dict[Name, Template] = Field(default_factory=dict)
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]

    @property
    def names_messages(self) -> bool:
        """Tell whether it names messages, or asks for one by its name."""
        return bool(self.messages) or any(step.from_ is not None for step in self.steps)

    def times(self) -> tuple[datetime, ...]:
        """Give the time of each step: its own, else that of the step before."""
        times: list[datetime] = []
        for step in self.steps:
            times.append(step.time or (times[-1] if times else self.time))
        return tuple(times)
