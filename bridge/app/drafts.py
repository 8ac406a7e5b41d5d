"""Drafts of packs: what they would do, and how one becomes the pack that runs.

It is put in place of the pack's file, and this process takes it up as on SIGHUP. Where others run the same pack,
nothing is activated here: each reads files of its own, and for a while the same message would mean two things.
"""

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from bridge.app.draft_check import checked
from bridge.app.process import new_id, now
from bridge.console.drafts import Backtest, Checked, Fate, Source, fate_of
from bridge.errors import PermanentError
from bridge.flows.job_updates import JobUpdates
from bridge.flows.ports import MessageFilter
from bridge.flows.work import Workshop
from bridge.mapping.document.layers import PACK_FILE
from bridge.mapping.pack import Pack
from bridge.packtools.difference import changes
from bridge.packtools.replay import events_of
from bridge.store import SqlStore

BACKTESTED: Final = 1_000
"""So many of the newest messages are gone through; it takes about a second of one CPU."""
KEPT: Final = "pack.yaml~"
"""What was there before an activation, beside the pack."""


class PackDrafts:
    """`Drafts` of bridge.console. `directories` are those of the packs that run."""

    def __init__(
        self,
        store: SqlStore,
        packs: Mapping[str, Pack],
        directories: Sequence[Path],
        workshop: Workshop,
        reload: Callable[[], Awaitable[bool]],
    ) -> None:
        self._store = store
        self._packs = packs
        self._directories = directories
        self._workshop = workshop
        self._reload = reload
        self._one_at_a_time = asyncio.Lock()

    async def source(self, pack: str) -> Source:
        """Read the file of a pack."""
        return await asyncio.to_thread(self._read, pack)

    async def check(self, pack: str, text: str, *, with_cases: bool = False) -> Checked:
        """Check a draft, and compile it if there is nothing wrong with it; then run the pack's cases, if wanted."""
        return await asyncio.to_thread(checked, self._directory(pack), pack, text, with_cases=with_cases)

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

    async def obstacle(self, pack: str) -> str | None:
        """Tell why a draft cannot be activated here; None if it can."""
        path = self._directory(pack) / PACK_FILE
        if not os.access(path.parent, os.W_OK) or not os.access(path, os.W_OK):
            return f"The bridge may not write {path}."
        others = await self._store.processes.others(pack)
        if others:
            return (
                f"Other processes run this pack, too ({', '.join(others)}), each by files of its own; from here only "
                "this one could be changed, and for a while the same message would mean two things."
            )
        return None

    async def activate(self, pack: str, text: str, digest: str) -> str:
        """Put a draft in place of the pack; return the version that runs then. `digest` is of what it was made from."""
        async with self._one_at_a_time:
            obstacle = await self.obstacle(pack)
            if obstacle is not None:
                raise PermanentError(obstacle)
            source = await self.source(pack)
            if source.digest != digest:
                raise PermanentError(f"{source.path} was changed since you began; open the draft anew.")
            checked = await self.check(pack, text)
            if checked.pack is None:
                raise PermanentError("The draft has mistakes.")
            await asyncio.to_thread(_put, Path(source.path), text, source.text)
            if not await self._reload() or self._packs[pack].version != checked.pack.version:
                await asyncio.to_thread(_write, Path(source.path), source.text)
                raise PermanentError("The bridge refused it, and goes on as before; its log says why (packs.refused).")
            return checked.pack.version

    def _read(self, pack: str) -> Source:
        path = self._directory(pack) / PACK_FILE
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PermanentError(f"{path}: {getattr(error, 'strerror', None) or 'is not UTF-8'}") from error
        return Source(str(path), text, hashlib.sha256(text.encode()).hexdigest())

    def _directory(self, pack: str) -> Path:
        """Find where a pack that runs is. The order of the packs is that of their directories."""
        for name, directory in zip(self._packs, self._directories, strict=True):
            if name == pack:
                return directory
        raise PermanentError(f"This bridge does not run a pack {pack!r}.")


def _put(path: Path, text: str, before: str) -> None:
    _write(path.with_name(KEPT), before)
    _write(path, text)


def _write(path: Path, text: str) -> None:
    """Change a file at once: who reads it sees the old text or the new one."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".draft-", delete=False) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
    Path(file.name).replace(path)
