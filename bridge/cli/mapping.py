"""`mef-bridge mapping`: work on packs."""

from pathlib import Path
from typing import Annotated

import typer

from bridge.mapping.loader import load_pack

app = typer.Typer(help="Check packs.", no_args_is_help=True)


@app.callback()
def _mapping() -> None:
    """Check packs."""


@app.command()
def check(pack: Annotated[Path, typer.Argument(help="Directory of the pack.")]) -> None:
    """Report every problem of a pack as file:line:column; exit code 1 if there is one."""
    loaded = load_pack(pack)
    typer.echo(f"{pack}: {loaded.name} {loaded.version}: no problems")
