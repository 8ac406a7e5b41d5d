"""Several who watch, as one."""

from collections.abc import Sequence
from datetime import datetime

from bridge.domain.model import Command
from bridge.flows.ports.journal_entry import JournalEntry
from bridge.flows.ports.watcher import Watcher


class Watchers:
    """A Watcher of bridge.flows.ports that tells others."""

    def __init__(self, *watchers: Watcher) -> None:
        self._watchers: Sequence[Watcher] = watchers

    def recorded(self, entry: JournalEntry) -> None:
        """Tell them of an entry."""
        for each in self._watchers:
            each.recorded(entry)

    def settled(self, command: Command, at: datetime) -> None:
        """Tell them of a command."""
        for each in self._watchers:
            each.settled(command, at)
