"""Activated drafts of packs: what the console shows of them, and what is done with them."""

from dataclasses import dataclass
from typing import Protocol

from bridge.console.drafts import Source
from bridge.console.masking import Mask
from bridge.flows.facts import Facts
from bridge.flows.operator import Activation, RunningPack, Standing
from bridge.mapping.pack import Pack


@dataclass(frozen=True, slots=True)
class Running:
    """An activated draft, how it stands to the files of this process, and the processes that go by its pack."""

    activation: Activation
    standing: Standing
    processes: tuple[RunningPack, ...]

    @property
    def followed(self) -> list[str]:
        """Where it runs: names of instances."""
        return [each.instance for each in self.processes if each.version == self.activation.version]

    @property
    def awaited(self) -> list[str]:
        """Where it will run, or cannot be taken up; nowhere once it has ended."""
        if self.activation.ended_at is not None:
            return []
        return [each.instance for each in self._others if each.deployed == self.activation.base]

    @property
    def elsewhere(self) -> list[RunningPack]:
        """Where other files win."""
        return [each for each in self._others if each.deployed != self.activation.base]

    @property
    def _others(self) -> list[RunningPack]:
        return [each for each in self.processes if each.version != self.activation.version]


def activation_facts(running: Running, mask: Mask) -> Facts:
    """Say what is activated, by whom and why, and where it runs; not its text, which viewers do not see."""
    one = running.activation
    return {
        "version": one.version,
        "base": one.base,
        "who": one.who,
        "note": mask.text(one.note),
        "at": one.at,
        "endedAt": one.ended_at,
        "standing": running.standing.value,
        "runsOn": running.followed,
        "awaitedOn": running.awaited,
        "otherFilesOn": [each.instance for each in running.elsewhere],
    }


class Activations(Protocol):
    """What is done with activated drafts. All raise `PermanentError` for what is not possible, in a sentence."""

    async def source(self, pack: str) -> Source: ...
    async def running(self, pack: str) -> Running | None: ...
    async def obstacle(self, pack: str, draft: Pack | None = None) -> str | None: ...
    async def activate(self, pack: str, text: str, digest: str, who: str, note: str) -> str: ...
    async def take_back(self, pack: str) -> str: ...
