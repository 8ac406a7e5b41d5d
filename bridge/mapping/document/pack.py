"""A whole pack: its sections, and the fields that follow from others."""

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from bridge.domain.model import CommandKind, OnIllegal
from bridge.mapping.datetimes import Dst
from bridge.mapping.document.base import Name, Strict, Text, Zone, as_list
from bridge.mapping.document.commands import CommandSpec
from bridge.mapping.document.fields import FieldSpec
from bridge.mapping.document.inbound import Inbound
from bridge.mapping.document.outputs import AppointmentSection, WorkOrderSection
from bridge.mapping.document.rules import Attribution, Party, Rule
from bridge.mapping.document.tables import Table


class Lifecycle(Strict):
    """The WFM's own graph of statuses: which code a job begins with, and which may follow which."""

    field: Name
    initial: Annotated[tuple[Text, ...], Field(min_length=1), BeforeValidator(as_list)]
    next: dict[str, tuple[Text, ...]] = {}


class Policies(Strict):
    """What to do where the standard or the WFM leaves a choice."""

    unoffered_window: Literal["search", "pass", "refuse"] = "search"
    on_illegal: OnIllegal = OnIllegal.PARK
    dst: Dst = "earlier"


class PackDocument(Strict):
    """A whole pack."""

    pack: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    version: Text
    extends: Text | None = None
    description: str = ""
    zone: Zone | None = None
    inbound: Inbound
    fields: Annotated[dict[Name, FieldSpec], Field(min_length=1)]
    tables: dict[Name, Table] = {}
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]
    work_order: WorkOrderSection
    appointment: AppointmentSection
    commands: dict[CommandKind, CommandSpec] = {}
    policies: Policies = Policies()
    attribution: Attribution | None = None
    lifecycle: Lifecycle | None = None

    @model_validator(mode="before")
    @classmethod
    def _made_fields(cls, data: object) -> object:
        """Give made fields the type of what they are made of, and add the one that `attribution` makes."""
        if not isinstance(data, dict) or not isinstance(fields := data.get("fields"), dict):
            return data
        made = {name: _made(spec, fields) for name, spec in fields.items()}
        if "attribution" in data:
            made["fault"] = {"attribution": True, "type": "code", "values": list(get_args(Party)), "required": True}
        return {**data, "fields": made}


SOURCES = ("path", "header", "routing_key", "value", "previous", "changed", "asked", "join", "attribution")
_OWN = {*SOURCES, "required", "default", "remember"}


def _made(spec: object, fields: Mapping[str, object]) -> object:
    if not isinstance(spec, dict):
        return spec
    if "asked" in spec:
        return {"type": "code", "values": ["buyer", "seller"], "required": True, **spec}
    if "changed" in spec:
        return {"type": "boolean", "required": True, **spec}
    base = fields.get(spec["previous"]) if isinstance(spec.get("previous"), str) else None
    if not isinstance(base, dict):
        return spec
    return {**{key: value for key, value in base.items() if key not in _OWN}, **spec}
