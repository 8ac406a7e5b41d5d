"""Commands to the WFM as a pack writes them: a template with values of the bridge put in, rendered in its order."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

import orjson

from bridge.errors import PermanentError
from bridge.mapping import document
from bridge.mapping.commands.context import EACH, CommandContext, Find, find_reference
from bridge.mapping.commands.reply import ReplyReader, compile_reply
from bridge.mapping.document.commands import Repeated, Template, TemplateValue, repetitions
from bridge.mapping.formats.datetimes import WriteMoment, moment_writer
from bridge.mapping.formats.values import as_text, briefly
from bridge.mapping.formats.xml import write_xml
from bridge.mapping.reading.fields import Record
from bridge.mapping.reading.references import Lookup, Lookups

Write = Callable[[CommandContext], object]
_Shape = Callable[[object, CommandContext], object]


class Omitted(Enum):
    """Stands for an absent value whose key is left out."""

    OMITTED = "omitted"


class Unrenderable(PermanentError):
    """A command cannot be written as the WFM wants it."""


def compile_template(template: Template, lookups: Lookups, zone: str | None, fields: Mapping[str, Find]) -> Write:
    """Compile a template to a function that builds plain JSON.

    `lookups` holds the pack's tables by name, `fields` what finds the job's own fields, as they are called here.
    """
    if isinstance(template, TemplateValue):
        return _entry(template, lookups, zone, fields)
    if isinstance(template, Repeated):
        return _repeated(template, compile_template(template.item, lookups, zone, fields))
    if isinstance(template, dict):
        members = {key: compile_template(item, lookups, zone, fields) for key, item in template.items()}
        return lambda context: {
            key: value for key, write in members.items() if (value := write(context)) is not Omitted.OMITTED
        }
    if isinstance(template, tuple):
        items = [compile_template(item, lookups, zone, fields) for item in template]
        return lambda context: [value for write in items if (value := write(context)) is not Omitted.OMITTED]
    return lambda _: template


def _repeated(template: Repeated, write_item: Write) -> Write:
    find, omit = EACH[template.each].find, template.omit

    def write(context: CommandContext) -> object:
        written = (write_item(replace(context, each=one)) for one in find(context))
        items = [item for item in written if item is not Omitted.OMITTED]
        return items if items or not omit else Omitted.OMITTED

    return write


def to_json(value: object) -> bytes:
    """Write plain JSON. Raises `Unrenderable` for text that UTF-8 cannot hold."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise Unrenderable(f"the command cannot be written as JSON: {error}") from error


def to_xml(value: object) -> bytes:
    """Write XML. Raises `Unrenderable` for text that XML cannot hold."""
    try:
        return write_xml(value)
    except ValueError as error:
        raise Unrenderable(f"the command cannot be written as XML: {error}") from error


def _entry(entry: TemplateValue, lookups: Lookups, zone: str | None, fields: Mapping[str, Find]) -> Write:
    finders = [_finder(name, fields) for name in entry.value]
    shape = _shape(entry, lookups, zone, fields)
    names, default, omit = " or ".join(entry.value), entry.default, entry.omit

    def write(context: CommandContext) -> object:
        for find in finders:
            value = find(context)
            if value is not None:
                return shape(value, context)
        if omit:
            return Omitted.OMITTED
        if default is None:
            raise Unrenderable(f"{names} is absent, and the pack gives no default")
        return default

    return write


def _finder(name: str, fields: Mapping[str, Find]) -> Find:
    reference = find_reference(name)
    return fields[name] if name in fields or reference is None else reference.find


def _shape(entry: TemplateValue, lookups: Lookups, zone: str | None, fields: Mapping[str, Find]) -> _Shape:
    if entry.table is not None and entry.column is not None:
        return _looked_up(entry.table, lookups[entry.table], entry.column)
    if entry.format is None:
        return _as_json(as_text)
    if entry.zone_reference is not None:
        return _in_zone_of(entry.zone_reference, entry.format, zone, fields)
    return _as_json(moment_writer(entry.format, entry.zone or zone))


def _as_json(write_moment: WriteMoment) -> _Shape:
    def shape(value: object, _: CommandContext) -> object:
        if isinstance(value, datetime):
            return write_moment(value)
        return str(value) if isinstance(value, str) else value  # a plain str of a StrEnum

    return shape


def _in_zone_of(name: str, pattern: str, zone: str | None, fields: Mapping[str, Find]) -> _Shape:
    """Write a moment in the zone that a value says; in the pack's where it is absent."""
    find = _finder(name, fields)

    def shape(value: object, context: CommandContext) -> object:
        found = find(context)
        try:
            write_moment = moment_writer(pattern, as_text(found) if found is not None else zone)
        except ValueError as error:
            raise Unrenderable(f"the zone {name}: {error}") from error
        return _as_json(write_moment)(value, context)

    return shape


def _looked_up(table: str, look_up: Lookup, column: str) -> _Shape:
    def shape(value: object, _: CommandContext) -> object:
        row = look_up(as_text(value))
        if row is None or column not in row:
            raise Unrenderable(f"table {table} has no {column} for {briefly(value)}")
        return row[column]

    return shape


_CONTENT_TYPES = {"json": "application/json", "xml": "application/xml"}
_ENCODERS: Mapping[str, Callable[[object], bytes]] = {"json": to_json, "xml": to_xml}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A command ready to be published. `body` is compact JSON, or XML."""

    exchange: str
    routing_key: str
    body: bytes
    content_type: str
    reply_expected: bool


@dataclass(frozen=True, slots=True)
class CommandTemplate:
    """One compiled command of a pack; `all_periods` tells whether it asks for all periods of a search at once."""

    exchange: str
    routing_key: str
    write: Write
    reply: ReplyReader | None
    format: str
    all_periods: bool = False

    def render(self, context: CommandContext) -> Rendered:
        """Write the command. Raises `Unrenderable` when something that the pack has no default for is absent."""
        return Rendered(
            exchange=self.exchange,
            routing_key=self.routing_key,
            body=_ENCODERS[self.format](self.write(context)),
            content_type=_CONTENT_TYPES[self.format],
            reply_expected=self.reply is not None,
        )


def compile_command(
    spec: document.CommandSpec,
    pack: document.PackDocument,
    lookups: Lookups,
    fields: Mapping[str, Callable[[Record], object]],
    version: str,
) -> CommandTemplate:
    """Compile one command of a checked pack; `lookups` and `fields` are as in `compile_reply`."""
    finders = {name: _of_job(recall) for name, recall in fields.items()}
    return CommandTemplate(
        exchange=spec.exchange,
        routing_key=spec.routing_key,
        write=compile_template(spec.body, lookups, pack.zone, finders),
        reply=compile_reply(spec.reply, pack, lookups, fields, version, spec.format) if spec.reply else None,
        format=spec.format,
        all_periods=any(one.each == "periods" for one in repetitions(spec.body).values()),
    )


def _of_job(recall: Callable[[Record], object]) -> Find:
    return lambda context: recall(context.record)
