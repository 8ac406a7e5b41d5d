"""The packs that a running bridge goes by, and their exchange without a restart.

New packs are loaded and checked beside the old ones. One problem in any of them and all of the old ones stay; else
they change places in one step, and whoever works on a batch of messages ends it with the packs it began with.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import structlog

from bridge.errors import BridgeError, PermanentError
from bridge.loops import every
from bridge.mapping.pack import Pack

log = structlog.get_logger(__name__)


class NeedsRestart(PermanentError):
    """The change concerns what was set up in RabbitMQ at the start."""


@dataclass(frozen=True, slots=True)
class LoadedPacks:
    """The packs that are to run, by name; `deployed` are the same as their files say, without activated drafts."""

    packs: Mapping[str, Pack]
    deployed: Mapping[str, Pack]


class LivePacks(Mapping[str, Pack]):
    """The packs by name, as they are at the moment of asking; `dict(live)` holds on to them.

    `deployed` are the same as their files said when they were read last.
    """

    def __init__(self, packs: Mapping[str, Pack]) -> None:
        self._packs = dict(packs)
        self.deployed: Mapping[str, Pack] = dict(packs)

    def __getitem__(self, name: str) -> Pack:
        return self._packs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._packs)

    def __len__(self) -> int:
        return len(self._packs)

    def exchange(self, packs: Mapping[str, Pack], deployed: Mapping[str, Pack] | None = None) -> None:
        """Put other packs in their place, all at once. Raises `NeedsRestart`, and changes nothing.

        `deployed` are what their files say, where that is not the same.
        """
        self.check(packs)
        self._packs = dict(packs)
        self.deployed = dict(packs if deployed is None else deployed)

    def check(self, packs: Mapping[str, Pack]) -> None:
        """Raise `NeedsRestart` for packs that cannot come in the place of these."""
        if packs.keys() != self._packs.keys():
            raise NeedsRestart(f"the packs were {_names(self._packs)}, and now are {_names(packs)}; restart the bridge")
        for name, pack in packs.items():
            if pack.inbound != self._packs[name].inbound:
                raise NeedsRestart(f"pack {name}: inbound exchange or bindings have changed; restart the bridge")
            if pack.replies != self._packs[name].replies:
                raise NeedsRestart(f"pack {name}: where replies come to has changed; restart the bridge")


class PackReload:
    """Exchanges the packs when asked to. `load` reads and checks all of them; it may block and raise `BridgeError`."""

    def __init__(self, packs: LivePacks, load: Callable[[], LoadedPacks]) -> None:
        self._packs = packs
        self._load = load
        self._one_at_a_time = asyncio.Lock()

    async def reload(self) -> bool:
        """Load the packs anew; tell whether they run now. What speaks against it is logged, problem by problem."""
        return await self.exchange(self._load)

    async def exchange(self, load: Callable[[], LoadedPacks]) -> bool:
        """As `reload`, loading them otherwise."""
        async with self._one_at_a_time:
            try:
                loaded = await asyncio.to_thread(load)
                self._packs.exchange(loaded.packs, loaded.deployed)
            except BridgeError as refused:
                log.error("packs.refused", problems=str(refused).splitlines(), packs=_versions(self._packs))
                return False
            log.info("packs.reloaded", packs=_versions(loaded.packs))
            return True

    async def watch(self, changed: Callable[[], object], known: object, every_s: float) -> None:
        """Reload whenever `changed`, which may block, gives another value than before; at first that is `known`."""

        async def look() -> None:
            nonlocal known
            found = await asyncio.to_thread(changed)
            if found != known:
                known = found
                await self.reload()

        await every(every_s, look, "packs")


def _names(packs: Mapping[str, Pack]) -> str:
    return ", ".join(sorted(packs)) or "none"


def _versions(packs: Mapping[str, Pack]) -> dict[str, str]:
    return {name: pack.version for name, pack in packs.items()}
