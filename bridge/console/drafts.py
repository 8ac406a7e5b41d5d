"""A draft of a pack: what a person would change, what the checker says of it, and what it would do."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bridge.flows.ports.journal_entry import JournalEntry
from bridge.flows.refusals import NotReplayable
from bridge.mapping.pack import Pack
from bridge.packtools.difference import Change
from bridge.yaml_source import Finding


@dataclass(frozen=True, slots=True)
class Source:
    """What a draft begins with: the text that runs, where its file is, and a digest by which a change is known."""

    path: str
    text: str
    digest: str


@dataclass(frozen=True, slots=True)
class FailedCase:
    """A case that comes out otherwise by a draft: its file, its name, and the differences line by line."""

    file: str
    case: str
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CasesRun:
    """What the pack's cases say of a draft: how many hold, and which do not; or why they cannot be run."""

    held: int = 0
    failed: tuple[FailedCase, ...] = ()
    obstacle: str = ""

    @property
    def hold(self) -> bool:
        """Tell whether all of them hold."""
        return not self.failed and not self.obstacle


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checker says of a draft; `pack` is None as long as it finds anything. `cases` if they were asked for."""

    findings: tuple[Finding, ...]
    pack: Pack | None
    cases: CasesRun | None = None


@dataclass(frozen=True, slots=True)
class Fate:
    """What would become of a parked message: what each part comes to, or why it could not be replayed."""

    number: int
    became: tuple[JournalEntry, ...] = ()
    refused: str = ""


async def fate_of(apply: Callable[[int], Awaitable[Sequence[JournalEntry]]], number: int) -> Fate:
    """Apply a parked message anew, or only as if; tell what becomes of it."""
    try:
        return Fate(number, tuple(await apply(number)))
    except NotReplayable as refused:
        return Fate(number, refused=str(refused))


@dataclass(frozen=True, slots=True)
class Backtest:
    """What comes out otherwise over the newest messages on record."""

    messages: int
    changes: tuple[Change, ...]


class Drafts(Protocol):
    """What is done with drafts. All raise `PermanentError` for what is not possible, in a sentence."""

    async def check(self, pack: str, text: str, *, with_cases: bool = False) -> Checked: ...
    async def preview(self, draft: Pack, numbers: Sequence[int]) -> Sequence[Fate]: ...
    async def backtest(self, draft: Pack) -> Backtest: ...
