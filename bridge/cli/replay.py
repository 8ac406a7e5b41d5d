"""`mef-bridge messages replay`: parked messages applied anew."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

import typer

from bridge.app.pack_activations import running_packs
from bridge.app.process import new_id, now
from bridge.cli.about import AboutOption
from bridge.cli.acts import NoteOption, writing
from bridge.cli.chosen_messages import (
    ReasonOption,
    ReceivedSinceOption,
    ReceivedUntilOption,
    RuleOption,
    chosen_messages,
)
from bridge.cli.database import with_store
from bridge.cli.given import given_settings
from bridge.cli.messages import print_groups, why
from bridge.cli.options import ConfigOption
from bridge.domain.model import Outcome
from bridge.errors import PermanentError
from bridge.flows.audit import named
from bridge.flows.job_updates import JobUpdates
from bridge.flows.ports.journal_entry import JournalEntry, MessageFilter
from bridge.flows.refusals import NotReplayable
from bridge.flows.work import Workshop
from bridge.mapping.pack import Pack
from bridge.settings import Settings
from bridge.store import SqlStore
from bridge.store.processes import BEAT_S
from bridge.telemetry import configure_logging

MOST_AT_ONCE = 1_000_000


def replay_messages(
    numbers: Annotated[list[int] | None, typer.Argument(help="Numbers of parked entries.")] = None,
    all_parked: Annotated[bool, typer.Option("--all-parked", help="All of them, oldest first.")] = False,
    about: AboutOption = None,
    rule: RuleOption = None,
    reason: ReasonOption = None,
    since: ReceivedSinceOption = None,
    until: ReceivedUntilOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would become of each; nothing is changed.")
    ] = False,
    unloaded: Annotated[
        bool, typer.Option("--unloaded", help="Also by packs that the running bridge has not loaded.")
    ] = False,
    note: NoteOption = "",
    config: ConfigOption = None,
) -> None:
    """Apply parked messages anew, by the packs as they are now. The bridge may run meanwhile.

    Oldest first, so that the order of a job is kept. What follows from them is in the database at once; a running
    bridge sends it at once. Packs are those on disk, or the drafts that were activated in the console. Without
    --unloaded, a running bridge must go by the same (SIGHUP has it load them): else it would read the next message
    otherwise.
    """
    by_filter = any((all_parked, about, rule, reason, since, until))
    if bool(numbers) == by_filter:
        raise PermanentError(
            "name the entries to replay, or say which: --about, --rule, --reason, --from, --to, --all-parked"
        )
    settings = given_settings(config)
    configure_logging(settings.log.format, "error")  # what became of each is printed

    async def work(store: SqlStore) -> int:
        packs = await running_packs(settings, store)
        if not unloaded and not dry_run:
            await _are_loaded(store, packs)
        wanted = await chosen_messages(store, about, rule, reason, since, until) if by_filter else None
        chosen = numbers or await _parked(store, wanted)
        if dry_run:
            return await _replay(settings, store, packs, chosen, dry_run=True)
        async with writing(store, "replay", named("messages", chosen), note) as result:
            failed = await _replay(settings, store, packs, chosen, dry_run=False)
            result.text = f"{len(chosen) - failed} applied, {failed} stay parked"
            return failed

    if with_store(settings, work, read_only=False):
        raise typer.Exit(1)


async def _parked(store: SqlStore, wanted: MessageFilter | None) -> Sequence[int]:
    """Give the numbers of what is meant, oldest first; say before what it is."""
    parked = replace(wanted or MessageFilter(), outcome=Outcome.PARKED)
    print_groups(await store.journal.groups(parked))
    return [one.number for one in reversed(await store.journal.chosen(parked, MOST_AT_ONCE))]


async def _are_loaded(store: SqlStore, packs: Mapping[str, Pack]) -> None:
    """Raise `PermanentError` where a process that lives goes by other packs than those here."""
    here = {name: pack.version for name, pack in packs.items()}
    if not await store.processes.going_by_others(here):
        return
    typer.echo("a bridge goes by other packs than those here; looking whether it lives …", err=True)
    await asyncio.sleep(2 * BEAT_S)  # one that has died says nothing meanwhile
    for instance, name, version in await store.processes.going_by_others(here):
        raise PermanentError(
            f"the running bridge {instance} goes by {name}@{version}, this replay would by {name}@{here[name]}: have "
            "it reload its packs first (kill -HUP), or say --unloaded"
        )


async def _replay(
    settings: Settings, store: SqlStore, packs: Mapping[str, Pack], numbers: Sequence[int], *, dry_run: bool
) -> int:
    """Replay one by one; return how many could not be."""
    seller_of = {pack: seller.id for seller in settings.sellers for pack in seller.packs}
    updates = JobUpdates(store, Workshop(store, packs, now, new_id, sellers=seller_of))
    failed = 0
    for number in numbers:
        try:
            entries = await (updates.preview(number) if dry_run else updates.replay(number))
        except NotReplayable as refused:
            failed += 1
            typer.echo(f"{number}: {refused}", err=True)
        else:
            would = "would be " if dry_run else ""
            became = "; ".join(map(_became, entries)) or "was taken before, in another message"
            typer.echo(f"{number}: {would}{became}")
    return failed


def _became(entry: JournalEntry) -> str:
    return " ".join(filter(None, [entry.outcome.value, why(entry)]))
