"""What sees to things in RabbitMQ goes on whatever comes."""

import asyncio

import pytest
from structlog.testing import capture_logs

from bridge.backoff import Backoff
from bridge.wfm import upkeep
from bridge.wfm.upkeep import Upkeep
from tests.support import PATIENCE_S


async def test_a_defect_is_told_and_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "RETRIES", Backoff(0.001, 1.0))
    looks = iter([ZeroDivisionError(), None])

    async def look() -> str | None:
        found = next(looks)
        if found is not None:
            raise found
        return None

    kept = Upkeep("keep it", look, queue="q")
    with capture_logs() as logs:
        keeping = asyncio.create_task(kept.keep())
        await asyncio.wait_for(kept.wait(), PATIENCE_S)
    assert [entry["event"] for entry in logs] == [
        "keep it: crashed",
        "keep it: not yet; trying again",
        "keep it: done",
    ]
    assert not keeping.done()
    keeping.cancel()
