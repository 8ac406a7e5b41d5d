"""The decision table, and whose fault it is."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from bridge.domain.model import MovedBy, OnIllegal
from bridge.mapping.document.base import Cell, Reference, Scalar, Strict, Text, Value, Words, as_list, widen
from bridge.mef.enums import AppointmentStatus, WorkOrderState

Party = Literal["buyer", "seller", "neutral", "unknown"]


class ReasonTest(Words):
    """A reason as the WFM gives it: a code, or a test of free text."""

    code: Scalar | None = None
    """This code, upper or lower case; `C01` is short for `{code: C01}`."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        return widen(data, "code")

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        if len(self.written) != 1:
            raise ValueError("write a code, or one of starts_with, ends_with and contains_word")
        return self


class Attribution(Strict):
    """Whose fault it is that a visit failed. `unknown` is what to say of a reason that nobody has attributed yet."""

    reason: Annotated[tuple[Reference, ...], Field(min_length=1), BeforeValidator(as_list)]
    """The fields, or columns of a field's table, that give the reason; the first one that is attributed counts."""
    buyer: tuple[ReasonTest, ...] = ()
    """The reasons that are the Buyer's fault: codes, and tests of free text."""
    seller: tuple[ReasonTest, ...] = ()
    """The reasons that are the Seller's fault."""
    neutral: tuple[ReasonTest, ...] = ()
    """The reasons that are nobody's fault."""
    unknown: Party
    """What is said of a reason that stands in none of the lists."""
    absent: Party = "unknown"
    """What is said where there is no reason at all."""


_HAS_A_WINDOW = (AppointmentStatus.CONFIRMED, AppointmentStatus.IN_PROGRESS, AppointmentStatus.COMPLETED)


class Then(Strict):
    """What a rule makes of a message: a goal, or `ignore` / `park` with the reason."""

    work_order: WorkOrderState | None = None
    """The state of the WorkOrder to be reached; the bridge finds the legal way there."""
    appointment: AppointmentStatus | None = None
    """The status of the Appointment to be reached; the bridge finds the legal way there."""
    appointment_if_any: AppointmentStatus | None = None
    """The same, where there is a visit: one that stands, or one of which the message has the window. Where there is
    none, the goal is the WorkOrder's alone.
    """
    appointment_required: Value | None = None
    """Whether the Buyer must book a visit: `true`, `false` or a boolean field."""
    creates: bool = False
    """`true`: the message may open a WorkOrder."""
    on_illegal: OnIllegal | None = None
    """What happens when no legal way leads to the goal: the message is parked (`park`), the states stay (`keep`), or
    the WorkOrder ends and a new one follows it (`follow_up`). `policies.on_illegal` where it is left out.
    """
    moved_by: MovedBy | None = None
    """Who has moved the visit, where an Appointment is `confirmed` and the message has another window for it: the
    `seller` (R27: the Appointment is cancelled, and the Buyer is asked to book again), or both sides by `agreement`, on
    the phone perhaps: the Appointment stays confirmed in its new window, and the Buyer is told. `seller` where it is
    left out. Not asked where the Buyer has moved it: that is known. With `inProgress` or `completed`, `agreement` says
    that the visit takes place in the window of this message, be the message of the move lost or late; else the Buyer
    sees the window that was agreed, and a flag says so.
    """
    wait_seconds: Annotated[int, Field(ge=1, le=3600)] | None = None
    """For so many seconds the message is held, without effect. A later one of the job that reaches a state in that time
    takes its place, as if it had never come. For a WFM that cancels a visit and creates it anew to plan it otherwise.
    """
    hold: Text | None = None
    """The states stay, everything else the Buyer sees is brought up to date. Say why."""
    ignore: Text | None = None
    """The message tells the Buyer nothing. Say why."""
    park: Text | None = None
    """An operator must look at the message. Say why."""

    @property
    def status(self) -> AppointmentStatus | None:
        """The status of the Appointment to be reached, if there is a visit or in any case."""
        return self.appointment or self.appointment_if_any

    @property
    def names_state(self) -> bool:
        """Tell whether it names a state to be reached."""
        return self.work_order is not None or self.status is not None

    @property
    def makes_visit(self) -> bool:
        """Tell whether a visit that is unknown so far may come of it."""
        return self.status not in (None, AppointmentStatus.CANCELLED)

    @model_validator(mode="after")
    def _one_status(self) -> Self:
        if self.appointment is not None and self.appointment_if_any is not None:
            raise ValueError("write appointment or appointment_if_any, not both")
        return self

    @model_validator(mode="after")
    def _goal_or_reason(self) -> Self:
        reasons = [self.hold, self.ignore, self.park]
        goal = self.written - {"hold", "ignore", "park"}
        if sum(reason is not None for reason in reasons) + bool(goal) != 1:
            raise ValueError("write a goal, or ignore: <why>, park: <why> or hold: <why>")
        return self

    @model_validator(mode="after")
    def _only_visits_move(self) -> Self:
        if self.moved_by is not None and self.status not in _HAS_A_WINDOW:
            words = "moved_by is about the window of a visit"
            raise ValueError(f"{words}; write appointment: confirmed, inProgress or completed beside it")
        return self

    @model_validator(mode="after")
    def _only_states_wait(self) -> Self:
        if self.wait_seconds is None:
            return self
        if not self.names_state:
            raise ValueError("wait_seconds is for a state; write work_order or appointment beside it")
        if self.creates:
            raise ValueError("what creates a WorkOrder never waits; leave wait_seconds or creates out")
        return self


class Rule(Strict):
    """One row of the decision table; the first row whose conditions all hold decides."""

    rule: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    """The rule's name: lower-case letters, digits and dashes."""
    when: dict[Reference, Cell] = {}
    """The cells that columns must fit, all of them. Left out, every message fits."""
    then: Then
    """A goal, or one of `hold`, `ignore` and `park`."""
