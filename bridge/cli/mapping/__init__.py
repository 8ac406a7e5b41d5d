"""`mef-bridge mapping`: work on packs, one module a verb."""

import typer

from bridge.cli.mapping import cases, difference, drawings, explain, new
from bridge.cli.mapping.check import check

app = typer.Typer(help="Check packs and try them out.", no_args_is_help=True)


@app.callback()
def _mapping() -> None:
    """Check packs and try them out."""


app.command()(check)
app.command("test")(cases.run)
app.command("diff")(difference.run)
app.command("explain")(explain.run)
app.command("schema")(drawings.schema)
app.command("diagram")(drawings.draw)
app.command("new")(new.run)
