"""How the packs are used, for the console: by the journal, and by what the packs say."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Final

from bridge.domain.model import Goal
from bridge.errors import BridgeError
from bridge.flows.operator import CodeUsage, PackUsage, RuleUsage
from bridge.flows.ports import Clock, MessageFilter, RecordedEntry
from bridge.mapping.document import PackDocument
from bridge.mapping.document.layers import read_pack
from bridge.mapping.pack import Pack
from bridge.mapping.rules import DecisionTable, Ignore, Outcome, Rule
from bridge.packtools.coverage import Coverage
from bridge.store import SqlStore
from bridge.yaml_source import validate

LOOKED_AT: Final = 2_000
"""So many of the newest messages are looked into for their codes and hops."""


class PackUsages:
    """The packs of some directories, as they are used."""

    def __init__(self, store: SqlStore, directories: Iterable[Path], clock: Clock) -> None:
        self._store = store
        self._directories = tuple(directories)
        self._clock = clock
        self._documents: dict[str, PackDocument | None] = {}

    async def read(self, pack: Pack, days: int) -> PackUsage:
        """Look how a pack was used in the last so many days."""
        since = self._clock() - timedelta(days=days)
        held = {rule: (number, last) for rule, number, last in await self._store.journal.rules(pack.name, since)}
        entries = await self._store.journal.chosen(MessageFilter(pack=pack.name, since=since), LOOKED_AT)
        table = pack.translator.rules
        return PackUsage(
            pack=pack.name,
            version=pack.version,
            days=days,
            rules=tuple(
                RuleUsage(rule.name, _when(rule, table), _then(rule), *held.get(rule.name, (0, None)))
                for rule in table.rules
            ),
            codes=tuple(_codes(self._document(pack), entries)),
            hops=_hops(entries),
            looked_at=len(entries),
        )

    def _document(self, pack: Pack) -> PackDocument | None:
        """Give what the pack's files said when it was first asked for; None where they could not be read."""
        if pack.version not in self._documents:
            self._documents[pack.version] = self._read(pack.name)
        return self._documents[pack.version]

    def _read(self, name: str) -> PackDocument | None:
        """Read without proofs, which take long: the pack runs, so it has passed them."""
        for directory in self._directories:
            try:
                document = validate(PackDocument, read_pack(directory))
            except BridgeError:
                continue
            if document.pack == name:
                return document
        return None


def _when(rule: Rule, table: DecisionTable) -> str:
    return "; ".join(f"{table.names[cell.column]}: {cell.expected}" for cell in rule.cells) or "anything else"


def _then(rule: Rule) -> str:
    outcome: Outcome = rule.outcome
    if isinstance(outcome, Goal):
        named = [f"WorkOrder {outcome.work_order}" if outcome.work_order else ""]
        named.append(f"Appointment {outcome.appointment}" if outcome.appointment else "")
        return ", ".join(filter(None, named)) or "what is known stays"
    return f"{'ignored' if isinstance(outcome, Ignore) else 'parked'}: {outcome.reason}"


def _codes(document: PackDocument | None, entries: Iterable[RecordedEntry]) -> list[CodeUsage]:
    if document is None:
        return []
    coverage = Coverage(document)
    for recorded in entries:
        coverage.add_explained(recorded.entry.explanation.get("fields"))
    named = ((each.what.removeprefix("codes of field "), each) for each in coverage.codes())
    return [CodeUsage(name, each.used, each.unused) for name, each in named]


def _hops(entries: Iterable[RecordedEntry]) -> Counter[tuple[str, str]]:
    return Counter(
        (hop.source or "", hop.target)
        for recorded in entries
        for hop in recorded.entry.transitions
        if hop.resource == "workOrder"
    )
