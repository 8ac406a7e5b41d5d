"""The named, typed inputs of a message, and the tables that their codes are looked up in."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator
from pydantic.json_schema import SkipJsonSchema

from bridge.mapping.document.base import Cell, Name, Path, Reference, Scalar, Strict, Text, Zone, as_list, widen
from bridge.mapping.formats.datetimes import Dst, check_format
from bridge.mapping.formats.durations import UNITS as DURATION_FORMATS

Asked = Literal["book", "reschedule", "cancel"]
FieldType = Literal["text", "code", "integer", "boolean", "datetime", "duration", "list", "items"]


class FieldZone(Strict):
    """The zone of a field: its name, a field that holds the name, or one that holds the minutes east of Greenwich."""

    name: Zone | None = None
    """A zone of the time zone database; `zone: Europe/Warsaw` is short for `zone: {name: Europe/Warsaw}`."""
    value: Reference | None = None
    """The field, or the column of a field's table, that holds such a name."""
    minutes: Name | None = None
    """The integer field that holds the minutes east of Greenwich."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if len(self.written) != 1:
            raise ValueError("write a zone such as Europe/Warsaw, {value: <field>} or {minutes: <field>}")
        return self


def _zone_form(data: object) -> object:
    return widen(data, "name")


def _field_format(text: str, info: ValidationInfo) -> str:
    if text in DURATION_FORMATS:
        return text
    if info.data.get("type") == "duration":
        raise ValueError(f"a duration needs a format: {', '.join(DURATION_FORMATS)}; got '{text}'")
    return check_format(text)


class FieldSpec(Strict):
    """One named, typed input of a message; `path` may be a list, of which the first that says something is taken."""

    path: Annotated[tuple[Path, ...], Field(min_length=1), BeforeValidator(as_list)] | None = None
    """Where it stands in the message; of a list of paths the first that says something is taken."""
    header: Text | None = None
    """A header of the message."""
    routing_key: Literal[True] | None = None
    """The routing key of the message."""
    value: Reference | None = None
    """Another field above, or a column of its table: so one table leads to the next."""
    previous: Name | None = None
    """What another field was before this message; it has that field's type."""
    changed: Annotated[tuple[Name, ...], Field(min_length=1), BeforeValidator(as_list)] | None = None
    """True when one of these fields is not what it was: named by `inbound.changed_names`, or unlike the job's record.
    """
    writes: Annotated[tuple[Name, ...], Field(min_length=1), BeforeValidator(as_list)] | None = None
    """Deltas: true when this very message tells one of these fields, or empties it; a made field is told where one of
    those is that it is made of.
    """
    empties: Annotated[tuple[Name, ...], Field(min_length=1), BeforeValidator(as_list)] | None = None
    """Deltas: true when this very message says that one of these fields is empty, whether or not it was before."""
    asked: Annotated[tuple[Asked, ...], Field(min_length=1), BeforeValidator(as_list)] | None = None
    """`book`, `reschedule`, `cancel` or a list of them: the field is `buyer` when the Buyer has asked for this and the
    WFM may be speaking of it, else `seller`.
    """
    attribution: SkipJsonSchema[Literal[True] | None] = None
    """The field is made by the section `attribution`. Nobody writes this."""
    join: Annotated[tuple[Reference, ...], Field(min_length=2)] | None = None
    """Several fields above, joined to one text; absent where one of them is."""
    joined_by: str = " "
    """What stands between joined fields."""
    same: Annotated[tuple[Reference, ...], Field(min_length=2)] | None = None
    """Several fields (or columns of tables) above: true when they are all the same, absent where one of them is."""
    first: Annotated[tuple[Reference, ...], Field(min_length=2)] | None = None
    """The first of several fields (or columns of tables) above that is there; it has their type."""
    of: Reference | None = None
    """`items.inner`, a code field of the items of a field above: the first code of `precedence` that any item has."""
    precedence: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    """With `of`: all codes of that field, the one that counts most first. Absent where no item has a code."""
    type: FieldType = "text"
    """What the value is."""
    required: bool = False
    """`true`: an absent value parks the message."""
    remember: bool = True
    """`false`: the value is this message's own and is never kept."""
    belongs_to: Name | None = None
    """What was told of this field lives and dies with what was told of another one above: a message that tells that one
    and not this one empties this one.
    """
    default: Scalar | None = None
    """What stands in for an absent value."""
    empty: Literal["absent", "keep"] | None = None
    """What `""` means: `absent`, or `keep` (deltas): it says nothing and the last known value stays. Left out, it is a
    value.
    """
    nulls: Literal["absent", "keep"] | None = None
    """What `null` means: `absent` or `keep`, as with `empty`. Left out, it is a value, which most types refuse."""
    values: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    """Code: the codes there are; any other parks the message."""
    keep: Annotated[tuple[Text, ...], Field(min_length=1), BeforeValidator(as_list)] | None = None
    """Code: codes that say nothing, in a complete message too: the last known one stays, as old as it is."""
    table: Name | None = None
    """Code: the codes are the rows of this table, and `field.column` names a column of the row."""
    ignore_others: Text | None = None
    """Code: why a message with any other code is of no interest. It is ignored, whatever else is in it, unless the
    Buyer sees its job already: then it is parked, for the job has changed hands.
    """
    yes: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    """Boolean: the spellings of true; left out, only JSON's own `true` is."""
    no: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    """Boolean: the spellings of false; left out, only JSON's own `false` is."""
    format: Annotated[str, AfterValidator(_field_format)] | None = None
    """Datetime: `iso`, `epoch` (seconds), `epoch_ms`, `epoch_us`, `epoch_ns`, `json_date`
    (`/Date(1772715845000+0100)/`), or a `strptime` format with date and time. Duration: `seconds`, `minutes`, `hours`,
    `days` (numbers, decimals too), `clock` (`01:30` or `01:30:00`), `iso` (`PT1H30M`), or `date` (`1970-01-01 04:00:00`
    is four hours).
    """
    zone: Annotated[FieldZone, BeforeValidator(_zone_form)] | None = None
    """Datetime without an offset: its zone. The pack's `zone` where it is left out."""
    dst: Dst | None = None
    """Datetime: an hour that happens twice is the `earlier` or the `later` one; or it parks the message (`park`), as
    does an hour that the clock change leaves out. `policies.dst` where it is left out.
    """
    not_before: Name | None = None
    """Datetime: a time before that of this field above is one of the next day."""
    loose: bool = False
    """Code: upper or lower case, blanks around it and leading zeros make no difference."""
    synonyms: dict[Text, Text] = {}
    """Code: other spellings, and the codes they stand for."""
    split: Text | None = None
    """List: what separates the items of a text; blank items are left out."""
    item: Path | None = None
    """List of objects: the path, from the object, of what is taken of each."""
    where: dict[Path, "Cell"] = {}
    """List of objects, items: the cells, by path from the object, that one must fit to be taken."""
    distinct: bool = False
    """List, items: the same text, or an item of which all fields are the same, is taken once."""
    sort_by: Text | None = None
    """By what the items are sorted, the least first and those without it last: of a list the path, from the object, of
    a number or text (`$` is the item itself), of items the name of a field inside.
    """
    descending: bool = False
    """With `sort_by`, `true`: the greatest first; those without it are last all the same."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """List, items: at most so many."""
    fields: dict[Name, "FieldSpec"] = {}
    """Items: what is read of each item, by a `path` that starts at the item, or made by `value`, `join`, `same`
    or `first`.
    """
    key: Name | None = None
    """Items (deltas): the field inside that an item is known by. What a message says of an item is put onto what is
    known of it, and other items stay; without a key a list replaces the one before.
    """

    @property
    def is_passing(self) -> bool:
        """Tell whether it is of its message alone, and never remembered."""
        return self.header is not None or self.routing_key is not None or (self.path is not None and not self.remember)

    @property
    def is_read(self) -> bool:
        """Tell whether it is read from the message, and not made of other fields."""
        return any(getattr(self, source) is not None for source in _READ)

    @property
    def moved_by(self) -> tuple[str, ...]:
        """The fields, and columns of their tables, that put a date-time into its zone or onto its day."""
        zone = self.zone or FieldZone(name="UTC")
        return tuple(name for name in (self.not_before, zone.value, zone.minutes) if name is not None)

    @property
    def is_context(self) -> bool:
        """Tell whether it says what was so before its message: nothing that is told now."""
        return self.previous is not None or self.asked is not None

    @property
    def is_sign(self) -> bool:
        """Tell whether it is true just where the message has written something."""
        return any(one is not None for one in (self.changed, self.writes, self.empties))


class Table(Strict):
    """A look-up: rows found by the text in their key column."""

    key: Name
    """The column that is looked up."""
    on_miss: Literal["park", "default", "keep"] = "park"
    """What becomes of a code without a row: its message is parked (`park`), it gets the `default` row, or it stays as
    it is without a row (`keep`).
    """
    default: dict[Name, str] | None = None
    """The columns of a code without a row, with `on_miss: default`."""
    file: Text | None = None
    """A file beside the pack that has the rows: CSV with the columns' names in the first line (an empty cell is absent,
    and what stands in quotes is kept as it is), or YAML with the one key `rows`.
    """
    rows: tuple[dict[Name, str], ...]
    """The rows, unless they stand in a `file`. Every cell is a text: put codes that look like numbers in quotes."""

    @cached_property
    def by_key(self) -> Mapping[str, Mapping[str, str]]:
        """The rows by their codes; made once, for many fields may ask and a table may be a directory of thousands."""
        return {row[self.key]: row for row in self.rows}


_READ = ("path", "header", "routing_key")
_MADE = ("value", "previous", "changed", "writes", "empties", "asked", "join", "same", "first", "of", "attribution")
SOURCES = (*_READ, *_MADE)
_OWN = {*SOURCES, "precedence", "key", "required", "default", "remember", "keep", "belongs_to"}


def typed_fields(fields: Mapping[str, object], above: Mapping[str, object] | None = None) -> dict[str, object]:
    """Complete the made ones among fields, in their order; they may be made of those `above`, too.

    A field that is made of others takes over what those declare: the type, the codes, whether it can be absent. This
    works on what was written, before its shape is known to be right, and leaves what it does not understand as it is.
    """
    typed = dict(fields)
    for name, spec in fields.items():
        typed[name] = _typed(spec, {**(above or {}), **typed})
    return typed


def _typed(spec: object, fields: Mapping[str, object]) -> object:
    if not isinstance(spec, dict):
        return spec
    if "asked" in spec:
        return {"type": "code", "values": ["buyer", "seller"], "required": True, **spec}
    if isinstance(codes := spec.get("precedence"), list) and codes and all(isinstance(code, str) for code in codes):
        return {"type": "code", "values": codes, **spec}
    if isinstance(inside := spec.get("fields"), dict):
        return {**spec, "fields": typed_fields(inside, fields)}
    if spec.keys() & {"changed", "writes", "empties"}:
        return {"type": "boolean", "required": True, **spec}
    if isinstance(spec.get("same"), list):
        sure = all(_is_sure(fields.get(str(one))) for one in spec["same"]) and not spec.keys() & _MAY_LACK
        return {"type": "boolean", **({"required": True} if sure else {}), **spec}
    if isinstance(spec.get("first"), list):
        return {**_of_first([fields.get(str(one)) for one in spec["first"]], spec), **spec}
    base = fields.get(spec["previous"]) if isinstance(spec.get("previous"), str) else None
    if not isinstance(base, dict):
        return spec
    return {**{key: value for key, value in base.items() if key not in _OWN}, **spec}


def _of_first(bases: Sequence[object], spec: Mapping[str, object]) -> dict[str, object]:
    """Give what is true of several fields: they are of one type, or one of them is always there."""
    specs = [base for base in bases if isinstance(base, dict)]  # a column of a table is none
    sure = any(map(_is_sure, specs))
    found: dict[str, object] = {"required": True} if sure and not spec.keys() & _MAY_LACK else {}
    types = [base.get("type", "text") for base in specs]
    if "type" in spec or not types or len(types) < len(bases) or any(one != types[0] for one in types):
        return found
    return found | (_codes_of(specs) if types[0] == "code" else {"type": types[0]})


def _is_sure(base: object) -> bool:
    return isinstance(base, dict) and (base.get("required") is True or "default" in base)


_MAY_LACK = {"required", "default", "empty", "nulls"}


def _codes_of(specs: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Give the codes of several fields together; nothing where they look up different tables."""
    lists = [values for spec in specs if isinstance(values := spec.get("values"), list)]
    tables = [spec.get("table") for spec in specs]
    if len(lists) == len(specs) and not any(tables):
        every = [code for values in lists for code in values]
        return {"type": "code", "values": [code for i, code in enumerate(every) if code not in every[:i]]}
    same = not lists and all(table == tables[0] for table in tables)
    return {"type": "code", "table": tables[0]} if same else {}
