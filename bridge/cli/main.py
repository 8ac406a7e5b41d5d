"""`mef-bridge`: puts the verbs together and turns our errors into one clear message and exit code 1."""

import os
import sys
import traceback
from typing import Annotated, Any

import typer

from bridge import __version__
from bridge.cli.commands import COMMANDS
from bridge.cli.verb import Verbs
from bridge.errors import BridgeError


class AllCommands(Verbs):
    """What stands below `mef-bridge`."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        for command in COMMANDS:
            self.add_command(command)


app = typer.Typer(
    name="mef-bridge",
    cls=AllCommands,
    help="A MEF 137 Appointment and WorkOrder API in front of a legacy workforce-management system (WFM).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


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
    # There are no plugins of pydantic here, and to look for them it would read the metadata of every package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        app()
    except BridgeError as error:
        _say(error)
        sys.exit(1)
    except Exception:  # noqa: BLE001 - a fault of ours; what Python would print of it may have a password in it
        sys.stderr.write(_masked(traceback.format_exc()))
        sys.exit(1)


def _masked(text: str) -> str:
    from bridge.yaml_source import mask_secrets  # as below

    return mask_secrets(text)


def _say(error: BridgeError) -> None:
    from rich.console import Console  # not before it is needed: it is slow to import

    Console(stderr=True, soft_wrap=True).print(str(error), style="red", markup=False, highlight=False)
