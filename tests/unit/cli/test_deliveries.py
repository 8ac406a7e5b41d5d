"""`mef-bridge deliveries`: an operator sees what was given up, and has it sent again."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.cli import main
from bridge.domain.model import BuyerId, Notification
from bridge.flows.ports import Attempt, DeliveryState, Subscription, SubscriptionId
from bridge.mef.enums import Api, EventType, Irp
from bridge.store import open_store

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
BUYER = BuyerId("acme-buyer")
CALLBACK = "https://buyer.example.com/" + "x" * 100
LISTENER = Subscription(
    id=SubscriptionId("sub-1"),
    api=Api.WORK_ORDER,
    irp=Irp.SONATA,
    buyer=BUYER,
    callback=CALLBACK,
    query=None,
    event_types=frozenset({EventType.WORK_ORDER_CREATE}),
    created_at=NOW,
)


async def _give_up() -> None:
    store = await open_store("sqlite:///bridge.sqlite3", new_id=lambda: "event-1")
    await store.listeners.add(LISTENER)
    async with store.transaction() as tx:
        await tx.notify([Notification(EventType.WORK_ORDER_CREATE, "wo-1", BUYER)], NOW, "corr-1")
    (claimed,) = await store.deliveries.claim(NOW, NOW, 1)
    failed = Attempt(at=NOW, status=500, error=None, elapsed=0.1)
    await store.deliveries.settle(claimed.number, failed, DeliveryState.DISCARDED, None)
    await store.close()


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["mef-bridge", "deliveries", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out, printed.err


def test_what_was_given_up_is_listed_whole_and_sent_again_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRIDGE_DATABASE_URL", "sqlite:///bridge.sqlite3")
    assert run(capsys, monkeypatch, "list")[2].startswith("there is no database")
    asyncio.run(_give_up())
    listed = run(capsys, monkeypatch, "list", "--state", "discarded")[1].strip().split("\t")
    assert listed == [
        "1",
        "2026-03-05T12:00:00Z",
        "discarded",
        "workOrderCreateEvent",
        "wo-1",
        "event-1",
        CALLBACK,
        "1 attempts, last: 500",
    ]
    assert run(capsys, monkeypatch, "retry", "1") == (0, "1: will be sent again\n", "")
    assert run(capsys, monkeypatch, "retry", "1") == (1, "", "1: is not given up, or has no listener\n")
    (line,) = run(capsys, monkeypatch, "list", "--json")[1].splitlines()
    assert {name: json.loads(line)[name] for name in ("event_id", "state", "attempts")} == {
        "event_id": "event-1",
        "state": "pending",
        "attempts": 0,
    }
