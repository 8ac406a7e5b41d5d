"""The named, typed inputs of a message."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from bridge.mapping.datetimes import Dst, check_format
from bridge.mapping.document.base import Name, Path, Reference, Scalar, Strict, Text, Zone, as_list, widen
from bridge.mapping.document.cells import Cell
from bridge.mapping.durations import UNITS as DURATION_FORMATS

Asked = Literal["book", "reschedule", "cancel"]
FieldType = Literal["text", "code", "integer", "boolean", "datetime", "duration", "list"]


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
    return widen(data, "name")


def _field_format(text: str) -> str:
    return text if text in DURATION_FORMATS else check_format(text)


class FieldSpec(Strict):
    """One named, typed input of a message; `path` may be a list, of which the first that says something is taken."""

    path: Annotated[tuple[Path, ...], Field(min_length=1), BeforeValidator(as_list)] | None = None
    header: Text | None = None
    routing_key: Literal[True] | None = None
    value: Reference | None = None
    previous: Name | None = None
    changed: Annotated[tuple[Name, ...], Field(min_length=1), BeforeValidator(as_list)] | None = None
    asked: Annotated[tuple[Asked, ...], Field(min_length=1), BeforeValidator(as_list)] | None = None
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
