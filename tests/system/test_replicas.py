"""Two processes of the bridge on one RabbitMQ and one PostgreSQL: one has the pack's messages, and both are ready."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from bridge.domain.model import Outcome
from tests.support import NEVER_S, eventually
from tests.system import skewed_bridge
from tests.system.conftest import MakeLaboratory
from tests.system.laboratory import Laboratory
from tests.system.processes import BridgeProcess

pytestmark = [pytest.mark.system, pytest.mark.integration]

JOBS, EVENTS = 30, 8


@pytest.fixture
async def lab(make_laboratory: MakeLaboratory, database_url: str) -> Laboratory:
    return await make_laboratory(database_url)


@pytest.fixture
async def second(lab: Laboratory, tmp_path: Path) -> AsyncIterator[BridgeProcess]:
    """Another process, an instance of its own."""
    instance = f"{lab.topology.instance}-2"
    process = BridgeProcess(tmp_path / "second.log", lab.bridge.environ | {"BRIDGE_INSTANCE": instance})
    yield process
    process.kill()
    print(process.said)  # noqa: T201 - pytest shows it beside a failure
    await lab.channel.queue_delete(f"{lab.namespace}mef-bridge.{instance}.replies")


async def standing_by(process: BridgeProcess) -> int:
    health = await process.health()
    assert health is not None
    assert health["http"] == 200
    return int(health["details"]["standingBy"])


async def test_when_the_process_that_has_the_messages_is_killed_the_other_goes_on_in_order(
    lab: Laboratory, second: BridgeProcess
) -> None:
    await lab.bridge.start_ready()
    await second.start_ready()
    assert (await standing_by(lab.bridge), await standing_by(second)) == (0, 1)

    async def live(number: int) -> str:
        job = await lab.wfm.create_job(job_no=f"J-{number:04}")
        for _ in range(EVENTS):
            await lab.wfm.hold(job)
        return job

    lives = [asyncio.create_task(live(number)) for number in range(JOBS)]
    await eventually(lambda: heard(lab, JOBS))
    lab.bridge.kill()
    jobs = await asyncio.gather(*lives)
    for job in jobs:  # the one that was killed may have heard all of the others
        await lab.wfm.hold(job)
    for job in jobs:
        await lab.until_heard(job)
    versions: dict[str, list[int]] = defaultdict(list)
    for recorded in await lab.journal():
        assert recorded.entry.outcome in (Outcome.APPLIED, Outcome.IGNORED)  # a pause is no news for the Buyer
        body = orjson.loads(recorded.entry.raw.body)
        versions[body["JOB_NO"]].append(body["JOB_VER"])
    assert versions == {job: list(range(1, EVENTS + 3)) for job in jobs}
    assert await standing_by(second) == 0


async def heard(lab: Laboratory, messages: int) -> bool:
    return len(await lab.journal()) >= messages


async def test_a_process_whose_clock_is_ahead_gives_up_no_command_that_another_one_waits_for(
    lab: Laboratory, second: BridgeProcess
) -> None:
    """By its own clock the deadline was over before the command was given."""
    await lab.bridge.start_ready()
    await second.start_ready("-m", skewed_bridge.__name__, str(2 * NEVER_S))
    await lab.buyer.register()
    job, work_order = await lab.new_job()
    window = (await lab.windows(work_order))[0]
    async with lab.unanswered(job, "BOOKVIS", silent=False):
        booking = asyncio.create_task(lab.buyer.book(work_order, window))
        await lab.until_commanded("BOOKVIS")
        swept = second.said.count(skewed_bridge.SWEPT)
        await eventually(lambda: second.said.count(skewed_bridge.SWEPT) >= swept + 2)  # one may have begun before
    assert (await booking).valid_for == window
    assert "command.abandoned" not in second.said
    assert await eventually(lambda: lab.parties_agree(job)) == "confirmed"
