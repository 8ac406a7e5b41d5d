"""The pack file, declared once: every key that an operator may write, strict at every level.

Short forms (a plain value, a list) are widened to their long form before validation, so that a problem always carries
the place where it was written. What a name refers to is `checker`'s business.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, model_validator

from bridge.domain.model import CommandKind, OnIllegal
from bridge.mapping.datetimes import Dst, check_format, check_zone
from bridge.mapping.durations import UNITS as DURATION_FORMATS
from bridge.mapping.paths import check_path
from bridge.mapping.template_document import parse_body
from bridge.mapping.xml_format import check_names
from bridge.mef.enums import AppointmentStatus, TimeDurationUnits, WorkOrderState


class Strict(BaseModel):
    """A level of the pack: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _scalar(value: object) -> str | int | bool:
    if isinstance(value, str | int):
        return value
    raise ValueError("expected text, a whole number, true or false")


def _bound(value: object) -> int | datetime:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError("expected a whole number, or a moment with its offset such as '2026-03-01T00:00:00Z'")
    return moment


Scalar = Annotated[str | int | bool, PlainValidator(_scalar, json_schema_input_type=str | int | bool)]
Bound = Annotated[int | datetime, PlainValidator(_bound, json_schema_input_type=int | str)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Text = Annotated[str, Field(min_length=1)]
Reference = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)?$")]
Path = Annotated[str, AfterValidator(check_path)]
Zone = Annotated[str, AfterValidator(check_zone)]
Format = Annotated[str, AfterValidator(check_format)]
Asked = Literal["book", "reschedule", "cancel"]
Party = Literal["buyer", "seller", "neutral", "unknown"]
FieldType = Literal["text", "code", "integer", "boolean", "datetime", "duration", "list"]
PlaceType = Literal[
    "FieldedAddress",
    "FormattedAddress",
    "GeographicAddressLabel",
    "GeographicAddressRef",
    "GeographicSiteRef",
    "MEFGeographicPoint",
]


BOUNDS = ("at_least", "above", "at_most", "below")


def _widen(value: object, key: str) -> object:
    return value if isinstance(value, dict) else {key: value}


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


Pieces = Annotated[tuple[Text, ...], Field(min_length=1), BeforeValidator(_as_list)]


class Value(Strict):
    """Where an output takes its value from: a literal, or `{value: field}` with an optional default."""

    literal: Scalar | None = None
    value: tuple[Reference, ...] = ()
    default: Scalar | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        data = _widen(data, "literal")
        if isinstance(data, dict) and "value" in data:
            return {**data, "value": _as_list(data["value"])}
        return data

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.literal is None) == (not self.value):
            raise ValueError("write a plain value, or {value: <field>}")
        return self


class Key(Strict):
    """What identifies something: a path; several, of which the first that says something is taken; or joined parts."""

    path: Annotated[tuple[Path, ...], Field(min_length=1), BeforeValidator(_as_list)] | None = None
    parts: Annotated[tuple[Path, ...], Field(min_length=2)] | None = None
    joined_by: str = "-"

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        return _widen(data, "path")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.path is None) == (self.parts is None):
            raise ValueError("write a path, a list of paths, or {parts: [...]}")
        return self

    @property
    def paths(self) -> tuple[str, ...]:
        """All paths, in their order."""
        return self.path or self.parts or ()


class Version(Strict):
    """A number that grows with every change, or a moment that does (`format`)."""

    path: Path
    format: Format | None = None
    zone: Zone | None = None
    optional: bool = False

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        return _widen(data, "path")


class Unpack(Strict):
    """Something in a message to be put in order before it is read: JSON in a text, or a list of names and values."""

    json_: Path | None = Field(default=None, alias="json")
    pairs: Path | None = None
    name: Text = "name"
    value: Text = "value"

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.json_ is None) == (self.pairs is None):
            raise ValueError("write json: <path>, or pairs: <path>")
        return self


class Xml(Strict):
    """How XML is read: prefixes for namespaces, and elements that are lists even when there is one."""

    namespaces: dict[Text, Text] = {}
    lists: tuple[Text, ...] = ()


class Inbound(Strict):
    """How messages arrive and what identifies them."""

    exchange: Text
    bindings: Annotated[tuple[Text, ...], Field(min_length=1)]
    format: Literal["json", "xml"] = "json"
    xml: Xml = Xml()
    unpack: tuple[Unpack, ...] = ()
    ignore: tuple["IgnoreRule", ...] = ()
    each: Path | None = None
    message_id: Key | None = None
    job: Key
    version: Version | None = None
    versions: dict[Name, Version] = {}
    ties: Literal["apply", "stale"] = "apply"
    occurred_at: Name | None = None
    deltas: bool = False
    changed_names: Path | None = None


def _zone_or_path(text: str) -> str:
    return check_path(text) if text.startswith("$") else check_zone(text)


class FieldZone(Strict):
    """The zone of a field: its name, a field that holds the name, or one that holds the minutes east of Greenwich."""

    name: Zone | None = None
    value: Reference | None = None
    minutes: Name | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("write a zone such as Europe/Warsaw, {value: <field>} or {minutes: <field>}")
        return self


def _zone_form(data: object) -> object:
    return _widen(data, "name")


def _field_format(text: str) -> str:
    return text if text in DURATION_FORMATS else check_format(text)


class FieldSpec(Strict):
    """One named, typed input of a message; `path` may be a list, of which the first that says something is taken."""

    path: Annotated[tuple[Path, ...], Field(min_length=1), BeforeValidator(_as_list)] | None = None
    header: Text | None = None
    routing_key: Literal[True] | None = None
    value: Reference | None = None
    previous: Name | None = None
    changed: Annotated[tuple[Name, ...], Field(min_length=1), BeforeValidator(_as_list)] | None = None
    asked: Annotated[tuple[Asked, ...], Field(min_length=1), BeforeValidator(_as_list)] | None = None
    attribution: Literal[True] | None = None
    join: Annotated[tuple[Reference, ...], Field(min_length=2)] | None = None
    joined_by: str = " "
    type: FieldType = "text"
    required: bool = False
    remember: bool = True
    default: Scalar | None = None
    empty: Literal["absent", "keep"] | None = None
    nulls: Literal["absent", "keep"] | None = None
    values: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    table: Name | None = None
    yes: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    no: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    format: Annotated[str, AfterValidator(_field_format)] | None = None
    zone: Annotated[FieldZone, BeforeValidator(_zone_form)] | None = None
    dst: Dst | None = None
    not_before: Name | None = None
    loose: bool = False
    synonyms: dict[Text, Text] = {}
    split: Text | None = None
    item: Path | None = None
    where: dict[Path, "Cell"] = {}
    distinct: bool = False
    limit: Annotated[int, Field(ge=1)] | None = None


class Table(Strict):
    """A look-up: rows found by the text in their key column."""

    key: Name
    on_miss: Literal["park", "default", "keep"] = "park"
    default: dict[Name, str] | None = None
    file: Text | None = None
    rows: tuple[dict[Name, str], ...]


class Words(Strict):
    """A test of free text: literal pieces, whatever the case of the letters; any of them is enough."""

    starts_with: Pieces | None = None
    ends_with: Pieces | None = None
    contains_word: Pieces | None = None


class Cell(Words):
    """A condition of a rule on one column: a value, a list (any of), or one of the tests."""

    any: Annotated[tuple[Scalar, ...], Field(min_length=1)] | None = None
    not_: Annotated[tuple[Scalar, ...], Field(min_length=1)] | None = Field(default=None, alias="not")
    present: bool | None = None
    at_least: Bound | None = None
    above: Bound | None = None
    at_most: Bound | None = None
    below: Bound | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        data = _widen(data, "any") if isinstance(data, list | dict) else {"any": [data]}
        return {key: _as_list(value) if key in ("any", "not") else value for key, value in data.items()}  # type: ignore[attr-defined]

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        conditions = {"range" if name in BOUNDS else name for name in self.model_fields_set}
        if len(conditions) != 1:
            raise ValueError("write one condition: a value, a list, {not: …}, {present: …}, a range or a test of text")
        return self


class IgnoreRule(Strict):
    """Messages that are of no interest, known before anything of them must be there."""

    path: Path | None = None
    header: Text | None = None
    routing_key: Literal[True] | None = None
    fits: Cell
    why: Text

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if len(self.model_fields_set & {"path", "header", "routing_key"}) != 1:
            raise ValueError("write exactly one of path, header or routing_key")
        return self


class ReasonTest(Words):
    """A reason as the WFM gives it: a code, or a test of free text."""

    code: Scalar | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        return _widen(data, "code")

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("write a code, or one of starts_with, ends_with and contains_word")
        return self


class Attribution(Strict):
    """Whose fault it is that a visit failed. `unknown` is what to say of a reason that nobody has attributed yet."""

    reason: Annotated[tuple[Reference, ...], Field(min_length=1), BeforeValidator(_as_list)]
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


class Item(Strict):
    """An entry of a list; `if_present` leaves it out where that field is absent."""

    if_present: Name | None = None


class Place(Item):
    """A place: the standard's kind, and its attributes by their names in snake case."""

    type: PlaceType
    role: Value
    attributes: dict[Name, Value]


class Person(Item):
    """Someone to reach; the standard wants all of name, number and e-mail address."""

    name: Value
    number: Value
    email_address: Value
    number_extension: Value | None = None
    organization: Value | None = None


class Contact(Person):
    """A contact of a WorkOrder with its role."""

    role: Text


class Entity(Item):
    """What a WorkOrder is about, such as a trouble ticket."""

    id: Value
    role: Value
    referred_type: Value


class Remark(Item):
    """A note of the Seller; left out where the text is absent."""

    text: Value
    author: Value
    date: Value


class Duration(Strict):
    """A time span and its unit."""

    amount: Value
    unit: TimeDurationUnits


class WorkOrderSection(Strict):
    """What the Buyer sees of a WorkOrder."""

    buyer: Value
    place: Annotated[tuple[Place, ...], Field(min_length=1)]
    duration: Duration
    contacts: Annotated[tuple[Contact, ...], Field(min_length=1)]
    related_entity: Annotated[tuple[Entity, ...], Field(min_length=1)]
    task: Value
    note: tuple[Remark, ...] = ()
    planned_execution_date: Value | None = None


class Window(Strict):
    """Start and end of a visit, both date-times."""

    start: Value
    end: Value


class FixedPerson(Strict):
    """A contact that is always the same."""

    name: Text
    number: Text
    email_address: Text
    number_extension: Text | None = None
    organization: Text | None = None


class SellerContact(Strict):
    """The sellerAppointmentContact: who is assigned, else who stands in."""

    assigned: Person | None = None
    default: FixedPerson


class AppointmentSection(Strict):
    """What the Buyer sees of a visit."""

    visit: Value | None = None
    window: Window
    seller_contact: SellerContact
    note: tuple[Remark, ...] = ()


class ReplyMoment(Strict):
    """A date-time in a reply; of several paths the texts are joined by a blank. `zone` may be a path: `$.timeZone`."""

    path: Annotated[tuple[Path, ...], Field(min_length=1), BeforeValidator(_as_list)]
    format: Format
    zone: Annotated[str, AfterValidator(_zone_or_path)] | None = None


class ReplyWindow(Strict):
    """A window in a reply."""

    start: ReplyMoment
    end: ReplyMoment


class Dictionary(Strict):
    """A list in a reply whose entries are found by a name that slots have; one becomes the slot's member `entry`."""

    list: Path
    key: Path
    by: Path


class Slots(ReplyWindow):
    """The offered slots of a search; paths inside start at the slot. `within` are the lists around `each`."""

    within: tuple[Path, ...] = ()
    each: Path
    where: dict[Path, Cell] = {}
    dictionary: Dictionary | None = None
    token: dict[Name, Path] = {}


class Reply(Strict):
    """How the WFM answers a command."""

    status: Path
    accepted: Annotated[tuple[Text, ...], Field(min_length=1)]
    no_status: Literal["accepted", "unreadable"] = "unreadable"
    refused: Name
    visit: Path | None = None
    window: ReplyWindow | None = None
    slots: Slots | None = None


class CommandSpec(Strict):
    """A message to the WFM; `format` is that of the reply too."""

    exchange: Text
    routing_key: str
    format: Literal["json", "xml"] = "json"
    body: Annotated[Any, PlainValidator(parse_body, json_schema_input_type=dict[str, object])]
    reply: Reply | None = None

    @model_validator(mode="after")
    def _writable(self) -> Self:
        if self.format == "xml" and (not isinstance(self.body, dict) or len(self.body) != 1):
            raise ValueError("an XML body has one root element")
        if self.format == "xml" and (bad := check_names(self.body)) is not None:
            raise ValueError(f"'{bad}' cannot be the name of an XML element or attribute")
        return self


class Lifecycle(Strict):
    """The WFM's own graph of statuses: which code a job begins with, and which may follow which."""

    field: Name
    initial: Annotated[tuple[Text, ...], Field(min_length=1), BeforeValidator(_as_list)]
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
