"""`mef-bridge messages replay`: parked messages applied anew."""

from collections.abc import Sequence
from typing import Annotated

import typer

from bridge.app.packs import load_packs
from bridge.app.process import new_id, now
from bridge.cli.database import with_store
from bridge.cli.messages import why
from bridge.cli.options import ConfigOption
from bridge.domain.model import Outcome
from bridge.errors import PermanentError
from bridge.flows.job_updates import JobUpdates
from bridge.flows.ports import JournalEntry
from bridge.flows.refusals import NotReplayable
from bridge.flows.work import Workshop
from bridge.settings import Settings, load_settings
from bridge.store import SqlStore
from bridge.telemetry import configure_logging

MOST_AT_ONCE = 1_000_000


def replay_messages(
    numbers: Annotated[list[int] | None, typer.Argument(help="Numbers of parked entries.")] = None,
    all_parked: Annotated[bool, typer.Option("--all-parked", help="All of them, oldest first.")] = False,
    config: ConfigOption = None,
) -> None:
    """Apply parked messages anew, by the packs as they are now. The bridge may run meanwhile.

    What follows from them is in the database at once; a running bridge sends it when it looks next.
    """
    if bool(numbers) == all_parked:
        raise PermanentError("name the entries to replay, or say --all-parked")
    settings = load_settings(config)
    configure_logging(settings.log.format, settings.log.level)
    failed = with_store(settings, lambda store: _replay(settings, store, numbers or []), read_only=False)
    if failed:
        raise typer.Exit(1)


async def _replay(settings: Settings, store: SqlStore, numbers: Sequence[int]) -> int:
    """Replay one by one; return how many could not be."""
    seller_of = {pack: seller.id for seller in settings.sellers for pack in seller.packs}
    updates = JobUpdates(store, Workshop(store, load_packs(settings), now, new_id, sellers=seller_of))
    wanted = numbers or [parked.number for parked in reversed(await store.journal.latest(Outcome.PARKED, MOST_AT_ONCE))]
    failed = 0
    for number in wanted:
        try:
            entries = await updates.replay(number)
        except NotReplayable as refused:
            failed += 1
            typer.echo(f"{number}: {refused}", err=True)
        else:
            typer.echo(f"{number}: {'; '.join(map(_became, entries)) or 'was taken before, in another message'}")
    return failed


def _became(entry: JournalEntry) -> str:
    return " ".join(filter(None, [entry.outcome.value, why(entry)]))
