"""Commands as an operator gives them, in a directory with a database of its own."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bridge.cli import main
from bridge.flows.ports.journal_entry import JournalEntry
from bridge.store import SqlStore, open_store


class Home:
    """A directory with the database of a bridge."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def store(self, work: Callable[[SqlStore], Awaitable[Any]]) -> Any:
        async def opened() -> Any:
            store = await open_store("sqlite:///bridge.sqlite3", new_id=lambda: "ev")
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(opened())

    def record(self, *entries: JournalEntry) -> None:
        async def work(store: SqlStore) -> None:
            async with store.transaction() as tx:
                await tx.record(entries)

        self.store(work)

    def outcomes(self) -> list[str]:
        found = self.store(lambda store: store.journal.latest())
        return [recorded.entry.outcome for recorded in reversed(found)]

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Give the exit code and what was printed."""
        self._monkeypatch.setattr(sys, "argv", ["mef-bridge", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = self._capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Home:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRIDGE_DATABASE_URL", "sqlite:///bridge.sqlite3")
    return Home(tmp_path, monkeypatch, capsys)
