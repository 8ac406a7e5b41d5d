"""Deltas over a real RabbitMQ: an update may come before its job, and be older or newer than it."""

from pathlib import Path
from typing import Any

import aio_pika
import orjson
import pytest

from bridge.simulator.wfm import EVENTS_EXCHANGE
from tests.integration.flows.acme import IN_MORNING, event
from tests.support import eventually
from tests.system.conftest import MakeLaboratory, rewrite
from tests.system.laboratory import Laboratory

pytestmark = [pytest.mark.system, pytest.mark.integration]


@pytest.fixture
def delta_pack(pack: Path) -> Path:
    """The pack in the box, of a WFM that tells only what has changed."""
    rewrite(pack, "  format: json\n", "  format: json\n  deltas: true\n")
    return pack


async def say(lab: Laboratory, body: dict[str, Any]) -> None:
    """Let the WFM say something that its simulation would not."""
    exchange = await lab.channel.get_exchange(lab.namespace + EVENTS_EXCHANGE)
    await exchange.publish(aio_pika.Message(orjson.dumps(body)), f"job.{body['STAT'].lower()}")


def created(job: str, version: int) -> dict[str, Any]:
    """A whole job, without a visit yet."""
    said: dict[str, Any] = orjson.loads(event("NEW", version, job).body)
    return {name: value for name, value in said.items() if name not in {*IN_MORNING, "REMARK"}}


def update(job: str, version: int, **changes: str) -> dict[str, Any]:
    """What has changed, and nothing else."""
    stamp = {"MSG_ID": f"U-{job}-{version}", "TS": "2026-03-05 13:04:05"}
    return {**stamp, "JOB_NO": job, "JOB_VER": version, "STAT": "SCHD", **changes}


async def outcomes(lab: Laboratory) -> list[tuple[str, str]]:
    """What became of the messages, in order of arrival."""
    entries = [recorded.entry for recorded in await lab.journal()]
    return [(str(entry.message), str(entry.outcome)) for entry in entries]


async def test_updates_that_come_before_their_job_are_applied_when_it_comes(
    make_laboratory: MakeLaboratory, either_database_url: str, delta_pack: Path
) -> None:
    lab = await make_laboratory(either_database_url, PACKS=str(delta_pack))
    await lab.bridge.start_ready()
    await say(lab, update("J-1", 2, **IN_MORNING))
    await say(lab, update("J-2", 1, **IN_MORNING, REMARK="Ring twice"))
    waiting = [("U-J-1-2", "waiting"), ("U-J-2-1", "waiting")]
    await eventually(lambda: _are(lab, waiting))
    await lab.bridge.stop()
    await lab.bridge.start_ready()

    await say(lab, created("J-1", 1))
    await say(lab, created("J-2", 2))

    applied = [(message, "applied") for message, _ in waiting]
    await eventually(lambda: _are(lab, [*applied, ("E-J-1-1", "applied"), ("E-J-2-2", "applied")]))
    planned, opened = sorted(await lab.buyer.work_orders(), key=lambda found: found.state != "planned")
    assert (planned.state, opened.state) == ("planned", "open")  # the older update takes no state back
    notes = (await lab.buyer.work_order(opened.id)).note or ()
    assert [note.text for note in notes] == ["Ring twice"]
    await lab.stop_and_find_nothing_left()


async def _are(lab: Laboratory, expected: list[tuple[str, str]]) -> bool:
    return await outcomes(lab) == expected
