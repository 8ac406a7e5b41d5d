"""Whether a WFM has fallen silent: it answers none of the commands that it is sent."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bridge.domain.model import Command, CommandState
from bridge.flows.ports.journal_entry import JournalEntry

IN_A_ROW: Final = 3
"""So many commands without a reply, one after another, are no accident."""


class Silence:
    """A Watcher of bridge.flows.ports. It knows what this process has seen since it started."""

    def __init__(self) -> None:
        self._unanswered: Counter[str] = Counter()
        self._heard: dict[str, datetime] = {}

    def recorded(self, entry: JournalEntry) -> None:
        """The WFM of a pack said something, if only in an event."""
        self._heard[entry.raw.pack] = entry.raw.received_at

    def settled(self, command: Command, at: datetime) -> None:
        """A command was answered, or not in time."""
        pack = command.job.pack
        if command.state is CommandState.EXPIRED:
            self._unanswered[pack] += 1
        else:
            self._unanswered[pack] = 0
            self._heard[pack] = at

    @property
    def problems(self) -> Sequence[str]:
        """A line for each WFM that answers nothing."""
        return [
            f"the WFM of {pack} has not answered the last {count} commands; last heard of: {self._last(pack)}"
            for pack, count in sorted(self._unanswered.items())
            if count >= IN_A_ROW
        ]

    def _last(self, pack: str) -> str:
        heard = self._heard.get(pack)
        return "never since the start" if heard is None else f"{heard:%Y-%m-%dT%H:%M:%SZ}"
