"""Who counts what happens."""

from datetime import datetime
from typing import Protocol

from bridge.domain.model import Command
from bridge.flows.ports.journal_entry import JournalEntry


class Watcher(Protocol):
    """Who counts what happens. Nothing of it may fail, or take time."""

    def recorded(self, entry: JournalEntry) -> None: ...
    def settled(self, command: Command, at: datetime) -> None: ...
