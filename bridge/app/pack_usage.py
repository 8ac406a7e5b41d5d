"""How the packs are used, for the console: by the journal, and by what the packs say."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from bridge.domain.model import Goal
from bridge.flows.operator import CodeUsage, PackUsage, RuleUsage
from bridge.flows.ports.clock import Clock
from bridge.flows.ports.journal_entry import MessageFilter, RecordedEntry
from bridge.mapping.document import PackDocument
from bridge.mapping.pack import Pack
from bridge.mapping.rules import DecisionTable, Ignore, Outcome, Rule
from bridge.packtools.coverage import Coverage
from bridge.store import SqlStore

LOOKED_AT: Final = 2_000
"""So many of the newest messages are looked into for their codes and hops."""


async def usage_of(store: SqlStore, clock: Clock, pack: Pack, days: int) -> PackUsage:
    """Look how a pack was used in the last so many days."""
    since = clock() - timedelta(days=days)
    held = {rule: (number, last) for rule, number, last in await store.journal.rules(pack.name, since)}
    entries = await store.journal.chosen(MessageFilter(pack=pack.name, since=since), LOOKED_AT)
    table = pack.translator.rules
    return PackUsage(
        pack=pack.name,
        version=pack.version,
        days=days,
        rules=tuple(
            RuleUsage(rule.name, _when(rule, table), _then(rule), *held.get(rule.name, (0, None)))
            for rule in table.rules
        ),
        codes=tuple(_codes(pack.document, entries)),
        hops=_hops(entries),
        looked_at=len(entries),
    )


def _when(rule: Rule, table: DecisionTable) -> str:
    return "; ".join(f"{table.names[cell.column]}: {cell.expected}" for cell in rule.cells) or "anything else"


def _then(rule: Rule) -> str:
    outcome: Outcome = rule.outcome
    if isinstance(outcome, Goal):
        named = [f"WorkOrder {outcome.work_order}" if outcome.work_order else ""]
        named.append(f"Appointment {outcome.appointment}" if outcome.appointment else "")
        return ", ".join(filter(None, named)) or "what is known stays"
    return f"{'ignored' if isinstance(outcome, Ignore) else 'parked'}: {outcome.reason}"


def _codes(document: PackDocument, entries: Iterable[RecordedEntry]) -> list[CodeUsage]:
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
