"""Commands to the WFM, as a pack writes them: rendered by a template, answered by a reply."""

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.mapping import document
from bridge.mapping.commands.context import CommandContext, Find, context_of
from bridge.mapping.commands.replies import ReplyReader, compile_reply
from bridge.mapping.commands.templates import Encode, Write, compile_template, to_json, to_xml
from bridge.mapping.reading.tables import Lookup

__all__ = ["Command", "CommandContext", "Rendered", "compile_command", "context_of"]

_CONTENT_TYPES = {"json": "application/json", "xml": "application/xml"}
_ENCODERS: dict[str, Encode] = {"json": to_json, "xml": to_xml}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A command ready to be published. `body` is compact JSON, or XML."""

    exchange: str
    routing_key: str
    body: bytes
    content_type: str
    reply_expected: bool


@dataclass(frozen=True, slots=True)
class Command:
    """One compiled command of a pack."""

    exchange: str
    routing_key: str
    write: Write
    reply: ReplyReader | None
    format: str = "json"

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
    lookups: Mapping[str, Lookup],
    fields: Mapping[str, Find],
    version: str,
) -> Command:
    """Compile one command of a checked pack; `lookups` and `fields` are as in `compile_template`."""
    return Command(
        exchange=spec.exchange,
        routing_key=spec.routing_key,
        write=compile_template(spec.body, lookups, pack.zone, fields),
        reply=compile_reply(spec.reply, pack, lookups, version, spec.format) if spec.reply is not None else None,
        format=spec.format,
    )
