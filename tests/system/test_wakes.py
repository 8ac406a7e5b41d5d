"""What a command beside a running bridge makes due leaves at once, and not when the bridge looks by itself.

So in these tests it never looks by itself: only the command can have woken it.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.domain.model import JobRef
from bridge.domain.retry import RetryDecision, RetryIn, decide_retry
from bridge.flows.ports.command_bus import BusMessage
from bridge.flows.ports.outbox_entry import OutboxState
from bridge.mef.enums import EventType
from bridge.store import new_store
from tests.console.pictures import mended
from tests.console.scene import PACK, Scene, open_scene, until
from tests.console.test_night_by_cli import command, write_settings
from tests.support import NEVER_S, eventually

pytestmark = pytest.mark.integration


@pytest.fixture
async def scene(tmp_path: Path, either_database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """A bridge whose senders sleep until somebody wakes them."""
    for module in ("bridge.delivery.worker", "bridge.wfm.outbox_sender"):
        monkeypatch.setattr(f"{module}.seconds_until", lambda *_, **__: NEVER_S)
    async with open_scene(tmp_path, database=either_database_url) as opened:
        yield opened


@pytest.fixture
def settings(scene: Scene, tmp_path: Path, either_database_url: str) -> Path:
    """The settings file of commands."""
    file = tmp_path / "beside.yaml"
    write_settings(scene, file, either_database_url)
    return file


async def test_what_a_replay_makes_due_leaves_at_once(scene: Scene, settings: Path) -> None:
    job = await scene.wfm.create_job(ticket="TT-1", visit_required=False)
    await scene.wfm.raw(job, status="LEFT")
    await until(scene, 1)
    file = scene.pack / "pack.yaml"
    file.write_text(mended(file.read_text()))
    assert await scene.bridge.reload()
    assert "1: " not in await command(settings, "messages", "replay", "--reason", "LEFT")
    await eventually(lambda: _told(scene, EventType.WORK_ORDER_STATE_CHANGE))
    (found,) = (await scene.bridge.store.traces.find(job)).jobs

    async def has_left() -> bool:
        sent = (await scene.bridge.store.traces.read(found)).sent
        return bool(sent) and all(each.state is OutboxState.SENT for each in sent)

    await eventually(has_left)


async def test_a_notification_that_waits_is_tried_at_once(
    scene: Scene, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decide_late(*asked: Any) -> RetryDecision:
        decision = decide_retry(*asked)
        return RetryIn(NEVER_S) if isinstance(decision, RetryIn) else decision

    monkeypatch.setattr("bridge.delivery.worker.decide_retry", decide_late)
    scene.buyer.fail_next(1)
    await scene.wfm.create_job(ticket="TT-1", visit_required=False)

    async def has_failed() -> bool:
        return [each.last is not None for each in await scene.bridge.store.backlog.reports()] == [True]

    await eventually(has_failed)
    assert "is due now" in await command(settings, "deliveries", "retry", "1")
    await eventually(lambda: _told(scene, EventType.WORK_ORDER_CREATE))


async def test_what_waits_for_a_paused_listener_leaves_when_it_is_resumed(scene: Scene, settings: Path) -> None:
    listeners = [each.subscription.id for each in await scene.bridge.store.listeners.reports()]
    for id_ in listeners:
        await command(settings, "listeners", "pause", id_)
    await scene.wfm.create_job(ticket="TT-1", visit_required=False)

    async def waits() -> bool:
        return bool(await scene.bridge.store.backlog.reports())

    await eventually(waits)
    assert not _told(scene, EventType.WORK_ORDER_CREATE)
    for id_ in listeners:
        await command(settings, "listeners", "resume", id_)
    await eventually(lambda: _told(scene, EventType.WORK_ORDER_CREATE))


async def test_a_message_for_the_wfm_that_waits_is_tried_at_once(
    scene: Scene, settings: Path, either_database_url: str
) -> None:
    job = await scene.wfm.create_job(ticket="TT-1", visit_required=False)
    beside = new_store(either_database_url, new_id=lambda: "beside")
    await beside.open()
    now = datetime.now(UTC)
    async with beside.transaction() as tx:
        await tx.send([_note(job)])
    (claimed,) = await beside.outbox.claim(now, now + timedelta(minutes=1), 1)
    await beside.outbox.settle(claimed.number, sent=False, error="away", next_attempt_at=now + timedelta(hours=1))
    await beside.close()
    assert "is due now" in await command(settings, "outbox", "retry", str(claimed.number))

    async def is_tried() -> bool:
        report = await scene.bridge.store.outbox.report(claimed.number)
        return report is not None and report.attempts == 2  # though the WFM has no queue for it

    await eventually(is_tried)


def _told(scene: Scene, event_type: EventType) -> bool:
    return event_type in [each.event.event_type for each in scene.buyer.received]


def _note(job: str) -> BusMessage:
    return BusMessage(
        pack=PACK,
        exchange="wfm.commands",
        routing_key="note.add",
        body=b"{}",
        content_type="application/json",
        headers={},
        message_id="M-1",
        correlation_id="corr-1",
        reply_expected=False,
        job=JobRef(PACK, job),
    )
