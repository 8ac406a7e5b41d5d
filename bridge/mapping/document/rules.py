"""The decision table, and whose fault it is."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from bridge.domain.model import OnIllegal
from bridge.mapping.document.base import Reference, Scalar, Strict, Text, Value, as_list, widen
from bridge.mapping.document.cells import Cell, Words
from bridge.mef.enums import AppointmentStatus, WorkOrderState

Party = Literal["buyer", "seller", "neutral", "unknown"]


class ReasonTest(Words):
    """A reason as the WFM gives it: a code, or a test of free text."""

    code: Scalar | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        return widen(data, "code")

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("write a code, or one of starts_with, ends_with and contains_word")
        return self


class Attribution(Strict):
    """Whose fault it is that a visit failed. `unknown` is what to say of a reason that nobody has attributed yet."""

    reason: Annotated[tuple[Reference, ...], Field(min_length=1), BeforeValidator(as_list)]
    buyer: tuple[ReasonTest, ...] = ()
    seller: tuple[ReasonTest, ...] = ()
    neutral: tuple[ReasonTest, ...] = ()
    unknown: Party
    absent: Party = "unknown"


class Then(Strict):
    """What a rule makes of a message: a goal, or `ignore` / `park` with the reason."""

    work_order: WorkOrderState | None = None
    appointment: AppointmentStatus | None = None
    appointment_required: Value | None = None
    creates: bool = False
    on_illegal: OnIllegal | None = None
    hold: Text | None = None
    ignore: Text | None = None
    park: Text | None = None

    @model_validator(mode="after")
    def _goal_or_reason(self) -> Self:
        reasons = [self.hold, self.ignore, self.park]
        goal = self.model_fields_set - {"hold", "ignore", "park"}
        if sum(reason is not None for reason in reasons) + bool(goal) != 1:
            raise ValueError("write a goal, or ignore: <why>, park: <why> or hold: <why>")
        return self


class Rule(Strict):
    """One row of the decision table; the first row whose conditions all hold decides."""

    rule: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    when: dict[Reference, Cell] = {}
    then: Then
