"""A whole pack: its sections, and the fields that follow from others."""

from collections.abc import Iterable
from typing import Annotated, Literal, Self, get_args

from pydantic import BeforeValidator, Field, model_validator

from bridge.domain.model import CommandKind, OnIllegal
from bridge.mapping.document.base import Name, Path, Strict, Text, Zone, as_list, field_name
from bridge.mapping.document.commands import CommandSpec, entries
from bridge.mapping.document.fields import FieldSpec, Table, typed_fields
from bridge.mapping.document.inbound import Inbound
from bridge.mapping.document.outputs import AppointmentSection, WorkOrderSection
from bridge.mapping.document.prefixes import expanded
from bridge.mapping.document.replies import Replies
from bridge.mapping.document.rules import Attribution, Party, Rule
from bridge.mapping.formats.datetimes import Dst


class Lifecycle(Strict):
    """The WFM's own graph of statuses: which code a job begins with, and which may follow which."""

    field: Name
    """The code field that holds the status."""
    initial: Annotated[tuple[Text, ...], Field(min_length=1), BeforeValidator(as_list)]
    """The code, or codes, that a job begins with."""
    next: dict[str, tuple[Text, ...]] = {}
    """For each code, those that may follow it."""


class Policies(Strict):
    """What to do where the standard or the WFM leaves a choice."""

    unoffered_window: Literal["search", "pass", "refuse"] = "search"
    """What happens when a Buyer books a window that was never offered: it is searched for first (`search`), sent as it
    is (`pass`), or refused (`refuse`).
    """
    on_illegal: OnIllegal = OnIllegal.PARK
    """What happens where no legal way leads to a rule's goal, for rules that do not say: `park`, `keep` or `follow_up`.
    """
    dst: Dst = "earlier"
    """An hour that happens twice is the `earlier` or the `later` one, or parks the message (`park`), for datetimes that
    do not say; in replies, too, where `park` leaves a slot out.
    """


class PackDocument(Strict):
    """A whole pack."""

    pack: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    """The pack's name: lower-case letters, digits and dashes."""
    version: Text
    """Your own version of it; the bridge adds a hash of the content."""
    extends: Text | None = None
    """The directory of the pack below this one, from here."""
    description: str = ""
    """Free text."""
    zone: Zone | None = None
    """The time zone of every time that has none of its own."""
    paths: dict[Name, Path] = {}
    """Names for the beginnings of long paths: with `payload: $.data.payload`, `$payload.Status` is
    `$.data.payload.Status`, wherever a path may stand. One may begin with another above it.
    """
    inbound: Inbound
    """How messages arrive and what identifies them."""
    fields: Annotated[dict[Name, FieldSpec], Field(min_length=1)]
    """What is read of a message: fields by names of your own, in snake case."""
    tables: dict[Name, Table] = {}
    """Look-ups, by names of your own."""
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]
    """The decision table: the first rule that fits decides."""
    work_order: WorkOrderSection
    """What the Buyer sees of a WorkOrder."""
    appointment: AppointmentSection
    """What the Buyer sees of a visit."""
    commands: dict[CommandKind, CommandSpec] = {}
    """What the WFM can be asked, by the kind of command."""
    replies: Replies | None = None
    """How replies find their commands; left out, by AMQP's `reply_to` and `correlation_id`."""
    policies: Policies = Policies.model_construct()
    """What to do where the standard or the WFM leaves a choice."""
    attribution: Attribution | None = None
    """Whose fault it is that a visit failed; makes the field `fault`."""
    lifecycle: Lifecycle | None = None
    """The WFM's own graph of statuses, with which `mapping check` walks all histories."""

    @model_validator(mode="before")
    @classmethod
    def _made_fields(cls, data: object) -> object:
        """Give made fields the type of what they are made of, and add the one that `attribution` makes."""
        data = expanded(data) if isinstance(data, dict) else data
        if not isinstance(data, dict) or not isinstance(fields := data.get("fields"), dict):
            return data
        made = typed_fields(fields)
        if "attribution" in data:
            fault = {"attribution": True, "type": "code", "values": list(get_args(Party)), "required": True}
            made.setdefault("fault", fault)
        return {**data, "fields": made}

    @property
    def field_references(self) -> frozenset[str]:
        """What commands write, and replies ask for, of fields: `field.<name>` and `field.<name>.<column>`."""
        bodies = [entries(command.body) for command in self.commands.values()]
        written = [name for body in bodies for _, entry in body for name in entry.names]
        zones = [zone for command in self.commands.values() if command.reply for zone in command.reply.job_zones]
        return frozenset(reference for reference in (*written, *zones) if field_name(reference) is not None)

    @property
    def recalled_fields(self) -> frozenset[str]:
        """The fields that are asked for between messages: for commands, replies and the Seller's contact."""
        written = (name for one in self.field_references if (name := field_name(one)) is not None)
        return frozenset(written) | self.fields_below(self.appointment.seller_references)

    def fields_below(self, references: Iterable[str]) -> frozenset[str]:
        """Name the fields that these fields, and columns of their tables, are made of, and these themselves."""
        found: set[str] = set()
        asked = _names(references)
        while asked:
            found |= asked
            specs = [self.fields[name] for name in asked if name in self.fields]
            asked = {name for spec in specs for name in _names((*self.made_of(spec), *spec.moved_by))} - found
        return frozenset(found & self.fields.keys())

    def made_of(self, spec: FieldSpec) -> tuple[str, ...]:
        """Name the fields, and columns of their tables, that a field is made of."""
        if spec.attribution is not None and self.attribution is not None:
            return self.attribution.reason
        single = tuple(reference for reference in (spec.value, spec.of) if reference is not None)
        return (*single, *(spec.join or ()), *(spec.same or ()), *(spec.first or ()))

    @property
    def passing_fields(self) -> frozenset[str]:
        """The fields that are of one message alone: they are never remembered, or are made of such."""
        passing: set[str] = set()
        for name, spec in self.fields.items():
            if spec.is_passing or _names(self.made_of(spec)) & passing:
                passing.add(name)
        return frozenset(passing)

    def base_of(self, references: Iterable[str]) -> frozenset[str]:
        """Name the fields that some references come down to: those that are made of no others.

        The zone of a time is none of them: a WFM that repeats it has said nothing new of the time.
        """
        found: set[str] = set()
        asked = _names(references) & self.fields.keys()
        while asked:
            found |= asked
            asked = {name for one in asked for name in _names(self.made_of(self.fields[one]))} - found
        return frozenset(name for name in found if not self.made_of(self.fields[name]))

    @property
    def window_fields(self) -> frozenset[str]:
        """The fields of messages that the window of a visit comes down to."""
        window = self.appointment.window
        return self.base_of((*window.start.value, *window.end.value))

    @property
    def visit_fields(self) -> frozenset[str]:
        """The fields of messages that the reference of a visit comes down to."""
        visit = self.appointment.visit
        return self.base_of(visit.value) if visit is not None else frozenset()

    @property
    def kept_fields(self) -> frozenset[str]:
        """The fields that keep what was told of them, where a message says nothing of it."""
        read = {name: spec for name, spec in self.fields.items() if spec.path is not None and spec.remember}
        if self.inbound.deltas:
            return frozenset(read)
        kept = {name for name, spec in read.items() if spec.keep is not None}
        return frozenset(kept | {name for name, spec in read.items() if spec.belongs_to in kept})

    def of_item(self, name: str) -> Self:
        """The pack as each item of a field of type items sees it: beside the message's fields it has its own."""
        fields: dict[str, FieldSpec] = {}
        for other, spec in self.fields.items():
            if other == name:
                fields |= {own: one.model_copy(update={"remember": False}) for own, one in spec.fields.items()}
            fields[other] = spec
        return self.model_copy(update={"fields": fields})


def _names(references: Iterable[str]) -> set[str]:
    return {reference.partition(".")[0] for reference in references}
