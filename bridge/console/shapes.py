"""What the admin API answers, as models: its OpenAPI document is made of them."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from bridge.flows.ports import RecordedAct


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


def act(recorded: RecordedAct) -> Act:
    """Give the shape of an act."""
    entry = recorded.entry
    return Act(
        number=recorded.number,
        at=entry.at,
        who=entry.who,
        role=entry.role,
        act=entry.act,
        thing=entry.thing,
        note=entry.note,
        outcome=entry.outcome,
    )
