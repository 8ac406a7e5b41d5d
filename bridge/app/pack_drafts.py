"""Drafts of packs, and what they would do."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bridge.app.draft_check import checked
from bridge.app.packs import place_in
from bridge.app.process import new_id, now
from bridge.console.drafts import Backtest, Checked, Fate, fate_of
from bridge.flows.job_updates import JobUpdates
from bridge.flows.ports.journal_entry import MessageFilter
from bridge.flows.work import Workshop
from bridge.mapping.pack import Pack
from bridge.packtools.difference import changes
from bridge.packtools.replay import events_of
from bridge.store import SqlStore

BACKTESTED: Final = 1_000
"""So many of the newest messages are gone through; it takes about a second of one CPU."""


class PackDrafts:
    """`Drafts` of bridge.console. `places` are the directories of the packs that run."""

    def __init__(
        self, store: SqlStore, packs: Mapping[str, Pack], places: Mapping[str, Path], workshop: Workshop
    ) -> None:
        self._store = store
        self._packs = packs
        self._places = places
        self._workshop = workshop

    async def check(self, pack: str, text: str, *, with_cases: bool = False) -> Checked:
        """Check a draft, and compile it if there is nothing wrong with it; then run the pack's cases, if wanted."""
        return await asyncio.to_thread(checked, place_in(self._places, pack), pack, text, with_cases=with_cases)

    async def preview(self, draft: Pack, numbers: Sequence[int]) -> Sequence[Fate]:
        """Tell what would become of parked messages if the draft ran; changes nothing."""
        packs = {**self._packs, draft.name: draft}
        updates = JobUpdates(self._store, Workshop(self._store, packs, now, new_id, sellers=self._workshop.sellers))
        return [await fate_of(updates.preview, number) for number in numbers]

    async def backtest(self, draft: Pack) -> Backtest:
        """Go through the newest messages with the pack that runs and with the draft."""
        recorded = await self._store.journal.chosen(MessageFilter(pack=draft.name), BACKTESTED)
        oldest = min((one.entry.raw.received_at for one in recorded), default=now())
        events = events_of(recorded, await self._store.commands.since(draft.name, oldest))
        found = await asyncio.to_thread(lambda: tuple(changes(self._packs[draft.name], draft, events)))
        return Backtest(len(recorded), found)
