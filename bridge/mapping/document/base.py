"""What every section of a pack is made of: strict levels, scalars, names, paths, values, and cells."""

import re
from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, model_validator

from bridge.mapping.formats.datetimes import check_format, check_zone
from bridge.mapping.formats.paths import check_path
from bridge.mapping.formats.values import check_number


class Strict(BaseModel):
    """A level of the pack: frozen, and an unknown key is an error. What stands below a key is its description.

    What validates a section is built when it is first used: each is a part of what validates a whole pack.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @property
    def written(self) -> frozenset[str]:
        """Name the keys that are written; one that is left empty says nothing."""
        return frozenset(name for name in self.model_fields_set if getattr(self, name) is not None)


def _scalar(value: object) -> str | int | bool:
    if isinstance(value, int):
        check_number(value)
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


def widen(value: object, key: str) -> object:
    return value if isinstance(value, dict) else {key: value}


def as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


_FIELD = re.compile(r"field\.([a-z][a-z0-9_]*)(?:\.([A-Za-z][A-Za-z0-9_]*))?")


def field_name(value: str) -> str | None:
    """Give the field's name in `field.<name>` and `field.<name>.<column>`, by which a job's fields are asked for."""
    match = _FIELD.fullmatch(value)
    return match[1] if match else None


def field_column(value: str) -> str | None:
    """Give the column in `field.<name>.<column>`."""
    match = _FIELD.fullmatch(value)
    return match[2] if match else None


def _field_reference(value: str) -> str:
    if field_name(value) is None:
        raise ValueError(f"expected field.<name> or field.<name>.<column>; came '{value}'")
    return value


JobField = Annotated[str, AfterValidator(_field_reference)]
Paths = Annotated[tuple[Path, ...], Field(min_length=1), BeforeValidator(as_list)]
Pieces = Annotated[tuple[Text, ...], Field(min_length=1), BeforeValidator(as_list)]


class Value(Strict):
    """Where an output takes its value from: a literal, or `{value: field}` with an optional default."""

    literal: Scalar | None = None
    """The value as it stands; `x` is short for `{literal: x}`."""
    value: tuple[Reference, ...] = ()
    """The field, or the column of a field's table, that the value is taken from; of a list the first one that is
    present.
    """
    default: Scalar | None = None
    """What stands in where none of them is present."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        data = widen(data, "literal")
        if isinstance(data, dict) and "value" in data:
            return {**data, "value": as_list(data["value"])}
        return data

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.literal is None) == (not self.value):
            raise ValueError("write a plain value, or {value: <field>}")
        return self


class Key(Strict):
    """What identifies something: a path; several, of which the first that says something is taken; or joined parts."""

    path: Paths | None = None
    """Where it stands; `job: $.order` is short for `job: {path: $.order}`. Of a list of paths the first that says
    something is taken.
    """
    parts: Annotated[tuple[Path, ...], Field(min_length=2)] | None = None
    """The paths of the parts it is joined from, where one alone is not enough."""
    joined_by: str = "-"
    """What stands between the parts."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        return widen(data, "path")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.path is None) == (self.parts is None):
            raise ValueError("write a path, a list of paths, or {parts: [...]}")
        return self

    @property
    def paths(self) -> tuple[str, ...]:
        """All paths, in their order."""
        return self.path or self.parts or ()


BOUNDS = ("at_least", "above", "at_most", "below")


class Words(Strict):
    """A test of free text: literal pieces, whatever the case of the letters; any of them is enough."""

    starts_with: Pieces | None = None
    """A text that begins so, or with one of a list; upper or lower case are the same."""
    ends_with: Pieces | None = None
    """A text that ends so, or with one of a list; upper or lower case are the same."""
    contains_word: Pieces | None = None
    """A text in which this word, these words, or one of a list stand; upper or lower case are the same."""


class Cell(Words):
    """A condition of a rule on one column: a value, a list (any of), or one of the tests."""

    any: Annotated[tuple[Scalar, ...], Field(min_length=1)] | None = None
    """One of these values; `[A, B]` is short for it, and `A` for a single one."""
    not_: Annotated[tuple[Scalar, ...], Field(min_length=1)] | None = Field(default=None, alias="not")
    """Any value but this, or these; an absent one fits too."""
    present: bool | None = None
    """`true` fits a value that is there, `false` an absent one."""
    at_least: Bound | None = None
    """A whole number, or a moment with its offset, that is this or more. Bounds may be combined."""
    above: Bound | None = None
    """A whole number, or a moment, that is more than this."""
    at_most: Bound | None = None
    """A whole number, or a moment, that is this or less."""
    below: Bound | None = None
    """A whole number, or a moment, that is less than this."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        data = widen(data, "any") if isinstance(data, list | dict) else {"any": [data]}
        return {key: as_list(value) if key in ("any", "not") else value for key, value in data.items()}  # type: ignore[attr-defined]

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        conditions = {"range" if name in BOUNDS else name for name in self.written}
        if len(conditions) != 1:
            raise ValueError("write one condition: a value, a list, {not: …}, {present: …}, a range or a test of text")
        return self
