"""Without a collector nothing of OpenTelemetry is there; without the package, one line says what to do."""

import builtins
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.app.optional_tracing import around_deliveries, around_requests, open_tracing
from bridge.delivery.worker import plainly
from bridge.errors import PermanentError, StoreUnavailable
from bridge.settings import Settings, TracingSettings
from bridge.store import SqlStore, new_store
from bridge.tracing.contexts import MOST_REMEMBERED, Contexts
from tests.support import PATIENCE_S

ON = Settings(tracing=TracingSettings(endpoint="http://127.0.0.1:1/v1/traces"))
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


def store() -> SqlStore:
    return new_store("sqlite:///nothing.sqlite3", new_id=lambda: "id")


async def test_without_a_collector_nothing_is_traced() -> None:
    async with AsyncExitStack() as stack:
        assert open_tracing(Settings(), store(), stack) is None
    assert around_requests(None) == ()
    assert around_deliveries(None) is plainly


def test_without_a_collector_opentelemetry_is_not_imported() -> None:
    # FastStream looks for its names of attributes by itself.
    heavy = {"opentelemetry.sdk", "opentelemetry.trace", "bridge.tracing"}
    code = f"import sys, bridge.app.running; print({heavy} & {{*sys.modules}})"
    run = subprocess.run(  # noqa: S603  our own line
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )
    assert run.stdout == "set()\n"


async def test_with_a_collector_there_are_spans_and_what_stands_around() -> None:
    async with AsyncExitStack() as stack:
        tracing = open_tracing(ON, store(), stack)
        assert tracing is not None
        assert len(around_requests(tracing)) == 1
        assert around_deliveries(tracing) is not plainly


async def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    async with AsyncExitStack() as stack:
        with pytest.raises(PermanentError, match=r"tracing.endpoint: .* pip install 'mef-bridge\[otel\]'"):
            open_tracing(ON, store(), stack)


class Kept:
    def __init__(self) -> None:
        self.saved: dict[str, Mapping[str, str]] = {}
        self.is_away = False

    async def save(self, contexts: Mapping[str, Mapping[str, str]], at: datetime) -> None:
        del at
        if self.is_away:
            raise StoreUnavailable("away")
        self.saved |= contexts

    async def find(self, correlation_id: str) -> Mapping[str, str] | None:
        if self.is_away:
            raise StoreUnavailable("away")
        return self.saved.get(correlation_id)


async def test_contexts_are_known_at_once_written_later_and_the_oldest_asked_for() -> None:
    kept = Kept()
    contexts = Contexts(kept, lambda: NOW)
    kept.is_away = True
    for number in range(MOST_REMEMBERED + 1):
        contexts.remember(f"corr-{number}", {"traceparent": str(number)})
    assert await contexts.find("corr-1") == {"traceparent": "1"}
    assert await contexts.find("corr-0") is None
    with pytest.raises(StoreUnavailable):
        await contexts.write()
    kept.is_away = False
    await contexts.write()
    assert len(kept.saved) == MOST_REMEMBERED
    kept.saved["corr-0"] = {"traceparent": "0"}
    assert await contexts.find("corr-0") == {"traceparent": "0"}
