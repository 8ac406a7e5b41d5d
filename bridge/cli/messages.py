"""`mef-bridge messages`: what the WFM has said and what became of it."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bridge.app import new_id
from bridge.cli.serve import ConfigOption
from bridge.domain.model import Outcome
from bridge.flows.ports import RecordedEntry
from bridge.settings import Settings, load_settings
from bridge.store import open_store

app = typer.Typer(help="The journal of WFM messages.", no_args_is_help=True)


@app.callback()
def _messages() -> None:
    """The journal of WFM messages."""


@app.command("list")
def list_messages(
    config: ConfigOption = None,
    outcome: Annotated[Outcome | None, typer.Option(help="Only messages with this outcome, such as parked.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
) -> None:
    """List the newest messages with what the bridge did and why."""
    entries = asyncio.run(_load(load_settings(config), outcome, limit))
    Console().print(_table(entries))


async def _load(settings: Settings, outcome: Outcome | None, limit: int) -> Sequence[RecordedEntry]:
    store = await open_store(settings.database.url.get_secret_value(), new_id=new_id)
    try:
        return await store.journal(outcome, limit)
    finally:
        await store.close()


def _table(entries: Sequence[RecordedEntry]) -> Table:
    table = Table("no.", "received", "job", "message", "outcome", "rule", "why / transitions")
    for recorded in entries:
        entry = recorded.entry
        hops = ", ".join(f"{t.resource} {t.source or 'new'} → {t.target}" for t in entry.transitions)
        table.add_row(
            str(recorded.number),
            f"{entry.raw.received_at:%Y-%m-%d %H:%M:%S}",
            entry.job.key if entry.job else "-",
            entry.message or "-",
            entry.outcome,
            entry.rule or "-",
            hops or entry.reason,
        )
    return table
