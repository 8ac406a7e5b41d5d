"""`mef-bridge mapping schema` and `diagram`: what can be drawn from the declaration of packs, and from one pack."""

import json

import typer

from bridge.cli.mapping.directories import PackArgument
from bridge.mapping.document.schema import pack_schema
from bridge.mapping.loader import load_document
from bridge.packtools.diagram import diagram


def schema() -> None:
    """Print the JSON Schema of pack.yaml, for editors."""
    typer.echo(json.dumps(pack_schema(), indent=2, ensure_ascii=False))


def draw(pack: PackArgument) -> None:
    """Print a Mermaid diagram of the WFM's codes and what the Buyer sees of them."""
    typer.echo(diagram(load_document(pack)), nl=False)
