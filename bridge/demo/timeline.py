"""The timeline of the demo: who said what to whom, when, and how long after its cause."""

from dataclasses import dataclass
from datetime import datetime

from rich.console import Console
from rich.text import Text

SPEAKERS = {
    "event": ("WFM    ──▶ bridge", "yellow"),
    "command": ("bridge ──▶ WFM   ", "magenta"),
    "reply": ("WFM    ──▶ bridge", "yellow"),
    "state": ("bridge           ", "bold green"),
    "parked": ("bridge           ", "bold red"),
    "webhook": ("bridge ──▶ Buyer ", "cyan"),
    "request": ("Buyer  ──▶ bridge", "blue"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `latency` is seconds since what caused it, where that is known."""

    at: datetime
    speaker: str
    text: str
    latency: float | None = None


class Timeline:
    """Collects entries as they happen and prints them in order of time at each `flush`."""

    def __init__(self, console: Console, start: datetime) -> None:
        self._console = console
        self._start = start
        self._entries: list[Entry] = []
        self.printed = 0

    def add(self, entry: Entry) -> None:
        """Note something that happened."""
        self._entries.append(entry)

    def flush(self) -> None:
        """Print what has been written down since the last time."""
        for entry in sorted(self._entries, key=lambda each: each.at):
            self._console.print(self._line(entry), soft_wrap=True)
        self.printed += len(self._entries)
        self._entries.clear()

    def _line(self, entry: Entry) -> Text:
        label, style = SPEAKERS[entry.speaker]
        seconds = (entry.at - self._start).total_seconds()
        line = Text(f"  {seconds:7.3f} s  ")
        line.append(label, style=style)
        line.append(f"  {entry.text}")
        if entry.latency is not None:
            line.append(f"  +{entry.latency * 1000:.0f} ms", style="dim")
        return line
