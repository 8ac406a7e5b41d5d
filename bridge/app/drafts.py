"""Drafts of packs, checked in a copy of the pack's directory, and what they would do."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from bridge.app.process import new_id, now
from bridge.console.drafts import Backtest, Checked, Fate, fate_of
from bridge.errors import PermanentError
from bridge.flows.job_updates import JobUpdates
from bridge.flows.ports import MessageFilter
from bridge.flows.work import Workshop
from bridge.mapping.document.layers import PACK_FILE, files_of
from bridge.mapping.loader import load_pack
from bridge.mapping.pack import Pack
from bridge.packtools.difference import changes
from bridge.packtools.replay import events_of
from bridge.store import SqlStore
from bridge.yaml_source import InvalidDocument

BACKTESTED: Final = 1_000
"""So many of the newest messages are gone through; it takes about a second of one CPU."""


class PackDrafts:
    """`Drafts` of bridge.console. `directories` are those of the packs that run."""

    def __init__(
        self,
        store: SqlStore,
        packs: Mapping[str, Pack],
        directories: Sequence[Path],
        workshop: Workshop,
    ) -> None:
        self._store = store
        self._packs = packs
        self._directories = directories
        self._workshop = workshop

    async def check(self, pack: str, text: str) -> Checked:
        """Check a draft, and compile it if there is nothing wrong with it."""
        return await asyncio.to_thread(checked, self._directory(pack), pack, text)

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

    def _directory(self, pack: str) -> Path:
        """Find where a pack that runs is. The order of the packs is that of their directories."""
        for name, directory in zip(self._packs, self._directories, strict=True):
            if name == pack:
                return directory
        raise PermanentError(f"This bridge does not run a pack {pack!r}.")


def checked(directory: Path, pack: str, text: str) -> Checked:
    """Check a draft in a copy of all directories that the pack is made of, each where it is from the others."""
    with tempfile.TemporaryDirectory(prefix="mef-bridge-draft-") as place:
        copy = _copied(directory, Path(place))
        (copy / PACK_FILE).write_text(text, encoding="utf-8")
        _stay_inside(copy, Path(place))
        try:
            made = load_pack(copy)
        except InvalidDocument as invalid:
            prefix = f"{copy}{os.sep}"
            return Checked(tuple(replace(one, file=one.file.removeprefix(prefix)) for one in invalid.findings), None)
    if made.name != pack:
        raise PermanentError(f"The draft's name is {made.name!r}; it must stay {pack!r}.")
    return Checked((), made)


def _stay_inside(copy: Path, place: Path) -> None:
    """Refuse a draft that names files elsewhere: who may edit packs need not be who may read this machine's files."""
    for path in files_of(copy):
        if not path.resolve().is_relative_to(place.resolve()):
            raise PermanentError(f"The draft names {path}, which is not in the directories of the pack that runs.")


def _copied(directory: Path, place: Path) -> Path:
    files = {one.resolve() for one in files_of(directory)}
    directories = {one for one in files if one.is_dir()}
    root = Path(os.path.commonpath(directories | {directory.resolve()}))
    for one in directories:
        (place / "copy" / one.relative_to(root)).mkdir(parents=True, exist_ok=True)
        for inner in (each for each in one.iterdir() if each.is_file()):
            shutil.copyfile(inner, place / "copy" / inner.relative_to(root))
    return place / "copy" / directory.resolve().relative_to(root)
