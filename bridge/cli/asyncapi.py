"""`mef-bridge asyncapi`: what passes over RabbitMQ, for whoever speaks for the WFM."""

import json
from pathlib import Path

import typer

from bridge.app.packs import directories
from bridge.app.wfm_side import topology_of
from bridge.cli.given import given_settings
from bridge.cli.options import ConfigOption
from bridge.mapping.document import PackDocument
from bridge.mapping.loader import load_document
from bridge.packtools.bus_schemas import command_schema, inbound_schema, reply_schema
from bridge.wfm.specification import PackOnBus, Sent, asyncapi
from bridge.wfm.topology import OwnReplies


def print_asyncapi(config: ConfigOption = None) -> None:
    """Print the bus side as AsyncAPI 3.0 (JSON): queues, exchanges, messages, commands and replies of all packs."""
    settings = given_settings(config)
    packs = [_on_bus(directory) for directory in directories(settings)]
    typer.echo(json.dumps(asyncapi(topology_of(settings), packs), indent=2, ensure_ascii=False))


def _on_bus(directory: Path) -> PackOnBus:
    pack = load_document(directory)
    return PackOnBus(
        name=pack.pack,
        exchange=pack.inbound.exchange,
        bindings=pack.inbound.bindings,
        schema=inbound_schema(pack),
        commands=tuple(_sent(pack)),
        own_replies=OwnReplies(pack.pack, pack.replies.queue) if pack.replies is not None else None,
        correlation=(pack.replies.correlation or ()) if pack.replies is not None else (),
    )


def _sent(pack: PackDocument) -> list[Sent]:
    return [
        Sent(
            name=kind.value,
            exchange=spec.exchange,
            routing_key=spec.routing_key,
            schema=command_schema(spec, kind),
            reply=reply_schema(pack, spec.reply, kind) if spec.reply is not None else None,
        )
        for kind, spec in pack.commands.items()
    ]
