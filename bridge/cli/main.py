"""`mef-bridge`: puts the verbs together and turns our errors into one clear message and exit code 1."""

import sys
from typing import Annotated

import typer
from rich.console import Console

from bridge import __version__
from bridge.cli import deliveries, mapping, messages, simulate, tokens
from bridge.cli.asyncapi import print_asyncapi
from bridge.cli.conformance import conformance
from bridge.cli.demo import demo
from bridge.cli.serve import serve
from bridge.errors import BridgeError

app = typer.Typer(
    name="mef-bridge",
    help="A MEF 137 Appointment and WorkOrder API in front of a legacy workforce-management system (WFM).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve)
app.command("demo")(demo)
app.command("conformance")(conformance)
app.command("asyncapi")(print_asyncapi)
app.add_typer(simulate.app, name="simulate")
app.add_typer(mapping.app, name="mapping")
app.add_typer(messages.app, name="messages")
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(tokens.app, name="token")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mef-bridge {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    del version


def main() -> None:
    """Run the command line."""
    try:
        app()
    except BridgeError as error:
        Console(stderr=True, soft_wrap=True).print(str(error), style="red", markup=False, highlight=False)
        sys.exit(1)
