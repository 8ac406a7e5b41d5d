"""Messages to the WFM, and the templates of their bodies: nested mappings and lists of literals and value entries.

A mapping with the key `value` is an entry, one with the key `each` is written several times; any other mapping is an
object of the WFM's message.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, ValidationError, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails

from bridge.mapping.document.base import Strict, Text
from bridge.mapping.document.replies import Reply
from bridge.mapping.formats.datetimes import check_written_format, check_zone
from bridge.mapping.formats.values import check_number
from bridge.mapping.formats.xml import check_body
from bridge.yaml_source import did_you_mean

Key = str | int


def _check_default(value: str | int | bool | None) -> str | int | bool | None:
    if isinstance(value, int):
        check_number(value)
    return value


def _check_zone(text: str) -> str:
    return text if is_reference(text) else check_zone(text)


def is_reference(zone: str) -> bool:
    """Tell whether a zone is not named, but said by a value."""
    return zone.startswith(("field.", "slot."))


class TemplateValue(BaseModel):
    """A value from the bridge in a message to the WFM; `value` may name several, the first present one is taken."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    value: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]
    """What is written; of a list the first one that is present."""
    default: Annotated[str | int | bool | None, AfterValidator(_check_default)] = None
    """What is written where it is absent; needed where it may be."""
    omit: bool = False
    """`true`: the key is left out where the value is absent."""
    format: Annotated[str, AfterValidator(check_written_format)] | None = None
    """How a time is written, as for a datetime field, or a part of it (`%Y-%m-%d`, `%H:%M`); left out, RFC 3339 in
    UTC.
    """
    zone: Annotated[str, AfterValidator(_check_zone)] | None = None
    """The zone a time is written in, or what says it: `field.<name>`, `field.<name>.<column>` or `slot.<name>`. The
    pack's `zone` where it is left out or absent.
    """
    table: str | None = None
    """The table that has what is written for the value."""
    column: str | None = None
    """The column of that table."""

    @property
    def zone_reference(self) -> str | None:
        """What says the zone, where it is not named."""
        return self.zone if self.zone is not None and is_reference(self.zone) else None

    @property
    def names(self) -> tuple[str, ...]:
        """All values that are asked for."""
        return self.value if self.zone_reference is None else (*self.value, self.zone_reference)

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        if isinstance(data, dict) and not isinstance(data["value"], list):
            return {**data, "value": [data["value"]]}
        return data


class Repeated(BaseModel):
    """Something in a message to the WFM that is written once for each of several things."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    each: Literal["notes", "periods", "contacts"]
    """What it is written for, as a list: the Buyer's `notes` on a booking, the `periods` of a search (the WFM is asked
    once for all of them then), or the Buyer's `contacts`.
    """
    item: Any
    """What is written for each; its value entries may also write `each.<attribute>`."""
    omit: bool = False
    """`true`: the key is left out where there is none. Left out, an empty list is written (in XML, nothing)."""

    @model_validator(mode="after")
    def _not_nested(self) -> Self:
        if repetitions(self.item):
            raise ValueError("what is written for each cannot hold another each")
        return self


Template = TemplateValue | Repeated | dict[str, Any] | tuple[Any, ...] | str | int | float | bool | None


def parse_body(data: object) -> Template:
    """Read the template of a whole body, which is an object. Raises as `parse_template`."""
    if not isinstance(data, dict) or "value" in data or "each" in data:
        raise ValueError("expected a mapping with the members of the message")
    return parse_template(data)


def parse_template(data: object) -> Template:
    """Read a template. Raises pydantic's `ValidationError` with every problem below it."""
    if isinstance(data, dict):
        if "value" in data:
            return TemplateValue.model_validate(data)
        return _parse_repeated(data) if "each" in data else _parse_object(data)
    if isinstance(data, list):
        return tuple(value for _, value in _parse_all(enumerate(data)))
    if isinstance(data, int | float) and not isinstance(data, bool):
        return check_number(data)
    if data is None or isinstance(data, str | bool):
        return data
    raise ValueError("expected text, a number, true, false, nothing, a mapping or a list")


def _parse_repeated(data: dict[str, object]) -> Repeated:
    parsed = dict(_parse_all((key, data[key]) for key in ("item",) if key in data))
    return Repeated.model_validate({**data, **parsed})


def _parse_object(data: dict[str, object]) -> dict[str, Any]:
    return {str(key): value for key, value in _parse_all(data.items())}


def _parse_all(items: Iterable[tuple[Key, object]]) -> list[tuple[Key, Template]]:
    parsed: list[tuple[Key, Template]] = []
    problems: list[InitErrorDetails] = []
    for key, item in items:
        _collect(key, item, parsed, problems)
    if problems:
        raise ValidationError.from_exception_data("body", problems, input_type="json")
    return parsed


def _collect(key: Key, item: object, parsed: list[tuple[Key, Template]], problems: list[InitErrorDetails]) -> None:
    try:
        parsed.append((key, parse_template(item)))
    except ValidationError as error:
        problems.extend(_below(key, error))


def _below(key: Key, error: ValidationError) -> list[InitErrorDetails]:
    return [_below_one(key, one) for one in error.errors(include_url=False)]


def _below_one(key: Key, one: ErrorDetails) -> InitErrorDetails:
    loc = (key, *one["loc"])
    if one["type"] != "extra_forbidden":
        return InitErrorDetails(type=one["type"], loc=loc, input=one["input"], ctx=one.get("ctx", {}))
    name = str(loc[-1])
    unknown = ValueError(f"unknown key '{name}'{did_you_mean(name, _KEYS)}")
    return InitErrorDetails(type="value_error", loc=(*loc, "[key]"), input=one["input"], ctx={"error": unknown})


_KEYS = (*TemplateValue.model_fields, *Repeated.model_fields)
At = tuple[Key, ...]


def entries(template: Template) -> list[tuple[At, TemplateValue]]:
    """List the value entries of a template with their locations in it."""
    return [(at, part) for at, part in _parts(template) if isinstance(part, TemplateValue)]


def repetitions(template: Template) -> dict[At, Repeated]:
    """Give what of a template is written several times, by its location in it."""
    return {at: part for at, part in _parts(template) if isinstance(part, Repeated)}


def _parts(template: Template, here: At = ()) -> Iterator[tuple[At, TemplateValue | Repeated]]:
    if isinstance(template, TemplateValue | Repeated):
        yield here, template
    for key, item in _below_template(template):
        yield from _parts(item, (*here, key))


def _below_template(template: Template) -> Iterable[tuple[Key, Template]]:
    if isinstance(template, Repeated):
        return [("item", template.item)]
    if isinstance(template, dict):
        return template.items()
    return enumerate(template) if isinstance(template, tuple) else ()


def _as_written(template: Template) -> object:
    """Give the template with a list in place of everything that is written several times."""
    if isinstance(template, Repeated):
        return (_as_written(template.item),)
    if isinstance(template, dict):
        return {key: _as_written(item) for key, item in template.items()}
    return tuple(map(_as_written, template)) if isinstance(template, tuple) else template


class CommandSpec(Strict):
    """A message to the WFM; `format` is that of the reply too."""

    exchange: Text
    """The exchange the command is sent to."""
    routing_key: str
    """Its routing key."""
    format: Literal["json", "xml"] = "json"
    """What the command and its reply are written in. An XML body is one root element."""
    body: Annotated[Any, PlainValidator(parse_body, json_schema_input_type=dict[str, object])]
    """The message, in its order. A mapping with the key `value` is a value entry, one with the key `each` is written
    several times; everything else is written as it stands.
    """
    reply: Reply | None = None
    """How the WFM answers; `note` and `ticket` may do without."""

    @model_validator(mode="after")
    def _writable(self) -> Self:
        if self.format != "xml":
            return self
        if (trouble := check_body(_as_written(self.body))) is not None:
            raise ValueError(trouble)
        if any(isinstance(root, TemplateValue) and root.omit for root in self.body.values()):
            raise ValueError("the root element of an XML body cannot be omitted; give a default")
        return self
