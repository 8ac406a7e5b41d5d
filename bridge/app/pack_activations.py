"""Drafts of packs that were activated. They are kept in the database, and every process that has the pack runs them.

Packs are loaded from files as ever. Then, for each pack whose files still come to the version that they came to when
a draft of it was activated, the draft takes the place of pack.yaml. Files that were deployed since win. So an
activation outlives restarts, needs no file to be written, and is gone with the next deployment: once no process has
the old files any more it has ended for good, so that a deployment can be rolled back without it coming again.

What a process runs follows from its files and the database alone. Each looks into the database every second, and says
there at once what it has taken up.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from bridge.app.draft_check import checked
from bridge.app.packs import load_packs, place_in, places_of
from bridge.app.process import Start, new_id, now
from bridge.console.activations import Running
from bridge.console.drafts import Source
from bridge.errors import PermanentError, StoreUnavailable
from bridge.flows.live_packs import LivePacks, LoadedPacks, NeedsRestart, PackReload
from bridge.flows.operator import Activation, RunningPack, Standing
from bridge.loops import every
from bridge.mapping.document.layers import PACK_FILE
from bridge.mapping.loader import load_pack
from bridge.mapping.pack import Pack
from bridge.settings import Settings
from bridge.store import SqlStore
from bridge.yaml_source import InvalidDocument

LOOK_EVERY_S: Final = 1.0
"""How often a process looks what others have activated or taken back."""
PATIENCE_S: Final = 3.0
"""So long who activates a draft or takes it back waits for other processes; then he is told who has not followed."""
PAUSE_S: Final = 0.1

log = structlog.get_logger(__name__)


def activated(
    deployed: Mapping[str, Pack], places: Mapping[str, Path], activations: Iterable[Activation]
) -> dict[str, Pack]:
    """Put activated drafts in the place of what the files say, where they stand. `places` are the packs' directories.

    May block. Raises `PermanentError` for a draft that does not come to what it was activated as.
    """
    packs = dict(deployed)
    for one in activations:
        if one.pack in packs and one.standing(deployed[one.pack].version) is Standing.RUNS:
            packs[one.pack] = _made(one, places[one.pack])
    return packs


async def running_packs(settings: Settings, store: SqlStore) -> dict[str, Pack]:
    """Load the packs as a running bridge with the same files and this database goes by them. Raises as `load_packs`."""
    deployed = load_packs(settings)
    return activated(deployed, places_of(settings, deployed), await store.activations.current())


class PackActivations:
    """`Activations` of bridge.console, and what keeps the packs of this process as they are to be."""

    def __init__(self, settings: Settings, packs: LivePacks, store: SqlStore) -> None:
        self._settings = settings
        self._packs = packs
        self._store = store
        self._places = places_of(settings, packs)
        self._known: Sequence[Activation] = ()
        self._overtaken: set[str] = set()
        self._looking = asyncio.Lock()
        self._changing = asyncio.Lock()
        self.reload: Final = PackReload(packs, self._load)

    # what runs here

    def start(self, start: Start) -> None:
        """Look again and again what others have activated or taken back."""
        start(every(LOOK_EVERY_S, self._look_again, "activations"), "activations")

    async def look(self) -> None:
        """Look what is activated, and run by that. Raises `StoreUnavailable`."""
        async with self._looking:
            if await self._store.activations.ids() != {one.id for one in self._known}:
                self._known = await self._store.activations.current()
                await self._take_up()
            for one in self._known:
                await self._see_whether_overtaken(one)

    @property
    def problems(self) -> Sequence[str]:
        """A line for each activated draft that should run here and does not."""
        return [
            f"{one.pack}: the draft that {one.who} activated ({one.version}) does not run here; the log says why "
            "(packs.refused)"
            for one in self._known
            if self._runs_by_right(one) and not self._runs(one)
        ]

    async def _look_again(self) -> None:
        with suppress(StoreUnavailable):  # which `Lookout` tells
            await self.look()

    def _load(self) -> LoadedPacks:
        deployed = load_packs(self._settings)
        return LoadedPacks(activated(deployed, self._places, self._known), deployed)

    def _anew(self) -> LoadedPacks:
        """Leave the files alone: those that were changed and not taken up yet wait for that."""
        deployed = self._packs.deployed
        return LoadedPacks(activated(deployed, self._places, self._known), deployed)

    async def _take_up(self) -> None:
        wanted = {name: pack.version for name, pack in self._packs.deployed.items()}
        wanted |= {one.pack: one.version for one in self._known if self._runs_by_right(one)}
        before = {name: pack.version for name, pack in self._packs.items()}
        if wanted == before or not await self.reload.exchange(self._anew):
            return
        for one in self._known:
            if self._runs(one) and before[one.pack] != one.version:
                log.info("activation.taken_up", pack=one.pack, version=one.version, who=one.who)
        await self._store.processes.tell()

    async def _see_whether_overtaken(self, one: Activation) -> None:
        """Say once that other files were deployed; end it where no process has those it was made for."""
        if one.pack not in self._packs or self._runs_by_right(one):
            return
        deployed = self._packs.deployed[one.pack].version
        is_redundant = one.standing(deployed) is Standing.REDUNDANT
        if not is_redundant and one.id not in self._overtaken:
            self._overtaken.add(one.id)
            log.warning("activation.overtaken", pack=one.pack, version=one.version, who=one.who, deployed=deployed)
        if any(each.deployed in (None, one.base) for each in await self._store.processes.going_by(one.pack)):
            return
        if is_redundant:
            await self._store.activations.remove(one.id)
        elif await self._store.activations.end(one.id, now()):
            log.info("activation.ended", pack=one.pack, version=one.version, who=one.who, deployed=deployed)

    def _runs_by_right(self, one: Activation) -> bool:
        deployed = self._packs.deployed.get(one.pack)
        return deployed is not None and one.standing(deployed.version) is Standing.RUNS

    def _runs(self, one: Activation) -> bool:
        return self._runs_by_right(one) and self._packs[one.pack].version == one.version

    # what people see of it, and do

    async def source(self, pack: str) -> Source:
        """Give what a draft begins with: the activated one if that runs, else the file."""
        path = place_in(self._places, pack) / PACK_FILE
        one = next((one for one in self._known if one.pack == pack and self._runs(one)), None)
        text = one.text if one is not None else await asyncio.to_thread(_read, path)
        return Source(str(path), text, hashlib.sha256(text.encode()).hexdigest())

    async def running(self, pack: str) -> Running | None:
        """Tell of the activated draft of a pack, and where it runs; None if there is none."""
        one = await self._store.activations.latest(pack)
        if one is None or pack not in self._packs:
            return None
        standing = one.standing(self._packs.deployed[pack].version)
        return Running(one, standing, tuple(await self._store.processes.going_by(pack)))

    async def obstacle(self, pack: str, draft: Pack | None = None) -> str | None:
        """Tell why no draft of a pack can be activated now, or not this one; None if it can."""
        deployed = self._packs.deployed[pack].version
        if await asyncio.to_thread(_version_of, self._places[pack]) != deployed:
            return "Its files were changed and not taken up yet: have the bridge do that first (kill -HUP)."
        others = [each for each in await self._store.processes.going_by(pack) if each.deployed != deployed]
        if others:
            named = ", ".join(f"{each.instance} ({each.deployed or 'an earlier bridge'})" for each in others)
            return f"Other processes have other files of this pack, which would win there: {named}. Deploy them first."
        return None if draft is None else self._needs_restart(draft)

    def _needs_restart(self, draft: Pack) -> str | None:
        try:
            self._packs.check({**self._packs, draft.name: draft})
        except NeedsRestart as needs:
            return f"{needs}. Deploy it as files."
        return None

    async def activate(self, pack: str, text: str, digest: str, who: str, note: str) -> str:
        """Have all processes run a draft; return its version. `digest` is of what it was made from."""
        async with self._changing:
            await self.look()
            if (await self.source(pack)).digest != digest:
                raise PermanentError(f"The pack {pack} was changed since you began; open the draft anew.")
            found = await asyncio.to_thread(checked, self._places[pack], pack, text)
            if found.pack is None:
                raise PermanentError("\n".join(["The draft has mistakes.", *map(str, found.findings)]))
            made = found.pack
            obstacle = await self.obstacle(pack, made)
            if obstacle is not None:
                raise PermanentError(obstacle)
            self._refuse_for_nothing(made)
            base = self._packs.deployed[pack].version
            one = Activation(
                id=new_id(), pack=pack, base=base, text=text, version=made.version, who=who, note=note, at=now()
            )
            await self._put(one)
            await self._until_followed(pack, made.version, base)
            return made.version

    async def take_back(self, pack: str) -> str:
        """Have all processes go by the deployed files again; return the version of those here."""
        async with self._changing:
            one = await self._store.activations.latest(pack)
            if one is None or not await self._store.activations.remove(one.id):
                raise PermanentError(f"There is no activated draft of {pack} any more.")
            await self.look()
            log.info("activation.taken_back", pack=pack, version=one.version)
            await self._until_followed(pack, one.base, one.base)
            return self._packs[pack].version

    def _refuse_for_nothing(self, made: Pack) -> None:
        if made.version == self._packs[made.name].version:
            raise PermanentError("The draft changes nothing: the pack runs as that already.")
        if made.version == self._packs.deployed[made.name].version:
            raise PermanentError("The draft is what the deployed files say: take the activated one back instead.")

    async def _put(self, one: Activation) -> None:
        """Keep one and take it up; where that fails, all is as it was before."""
        before = next((known for known in self._known if known.pack == one.pack), None)
        kept = self._store.activations
        if not await kept.activate(one, before.id if before is not None else None):
            raise PermanentError("Somebody else has activated a draft of this pack meanwhile; open yours anew.")
        await self.look()
        if self._runs(one):
            return
        await (kept.remove(one.id) if before is None else kept.activate(before, one.id))
        await self.look()
        raise PermanentError("The bridge refused it, and goes on as before; its log says why (packs.refused).")

    async def _until_followed(self, pack: str, version: str, base: str) -> None:
        """Wait for the other processes that have the same files, though not for long."""

        def follows(each: RunningPack) -> bool:
            return each.version == version or each.deployed != base

        for _ in range(int(PATIENCE_S / PAUSE_S)):
            if all(map(follows, await self._store.processes.going_by(pack))):
                return
            await asyncio.sleep(PAUSE_S)


def _made(one: Activation, place: Path) -> Pack:
    of = f"the draft of {one.pack} that {one.who} activated"
    try:
        found = checked(place, one.pack, one.text)
    except PermanentError as failure:  # no room for the copy, or a file that cannot be read
        raise PermanentError(f"{of}: {failure}") from None
    if found.pack is None:
        raise PermanentError("\n".join(f"{of}: {finding}" for finding in found.findings))
    if found.pack.version != one.version:
        raise PermanentError(f"{of} was {one.version}, and would now be {found.pack.version}: a file of it has changed")
    return found.pack


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PermanentError(f"{path}: {getattr(error, 'strerror', None) or 'is not UTF-8'}") from error


def _version_of(place: Path) -> str | None:
    try:
        return load_pack(place).version
    except InvalidDocument:
        return None
