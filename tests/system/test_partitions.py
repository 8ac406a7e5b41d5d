"""Two processes of the bridge share four partitions: whatever happens to one of them, nothing is lost, done twice or
out of its order, and a Buyer's booking meets the WFM's events of its job wherever they come in.

Each is shown where the bridge divides the messages, and where RabbitMQ's exchange does (`inbound.partition_by`).
"""

import asyncio
import os
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import orjson
import pytest

from bridge.domain.model import Outcome
from bridge.simulator.wfm import JOB_HEADER
from tests.support import eventually
from tests.system import crashing_bridge as crash
from tests.system.conftest import MakeLaboratory, rewrite
from tests.system.laboratory import CREATED, REQUIRED, Laboratory
from tests.system.processes import BridgeProcess
from tests.system.test_kill import HOPS, OF_THE_APPOINTMENT, OF_THE_WORK_ORDER

pytestmark = [pytest.mark.system, pytest.mark.integration]

JOBS = 50
PARTITIONS = 4
BRIDGE, EXCHANGE = "the bridge divides", "the exchange divides"
ALL_POINTS = (
    (BRIDGE, crash.passed_on_not_acked),
    (EXCHANGE, crash.received_not_committed),
    (BRIDGE, crash.received_not_committed),
    (EXCHANGE, crash.committed_not_acked),
    (BRIDGE, crash.committed_not_acked),
)
POINTS = ALL_POINTS if os.environ.get("MEF_BRIDGE_ALL_POINTS") else ALL_POINTS[:2]
"""The other ones with MEF_BRIDGE_ALL_POINTS=1: each starts two processes."""


@pytest.fixture
def divides() -> str:
    """Who divides the messages; a test says otherwise."""
    return BRIDGE


@pytest.fixture
def rabbitmq_url(request: pytest.FixtureRequest, divides: str, rabbitmq_url: str) -> str:
    """That of one whose exchanges can divide messages, where they do."""
    if divides == BRIDGE:
        return rabbitmq_url
    url: str = request.getfixturevalue("private_rabbitmq").url
    return url


@pytest.fixture
async def lab(make_laboratory: MakeLaboratory, database_url: str, divides: str, pack: Path) -> Laboratory:
    lab = await make_laboratory(database_url, WFM_PARTITIONS=str(PARTITIONS), PACKS=str(pack))
    if divides == EXCHANGE:
        bindings = 'bindings: ["job.#"]'
        rewrite(pack, bindings, f"{bindings}\n  partition_by: {{header: {JOB_HEADER}}}")
        lab.divided_by = f"header {JOB_HEADER}"
    return lab


@pytest.fixture
async def second(lab: Laboratory, tmp_path: Path) -> AsyncIterator[BridgeProcess]:
    """Another process, an instance of its own."""
    instance = f"{lab.topology.instance}-2"
    process = BridgeProcess(tmp_path / "second.log", lab.bridge.environ | {"BRIDGE_INSTANCE": instance})
    yield process
    process.kill()
    print(process.said)  # noqa: T201 - pytest shows it beside a failure
    await lab.channel.queue_delete(f"{lab.namespace}mef-bridge.{instance}.replies")


async def heard(lab: Laboratory, messages: int) -> bool:
    return len(await lab.journal(limit=10_000)) >= messages


@pytest.mark.parametrize(("divides", "point"), POINTS)
async def test_what_a_killed_process_had_in_hand_is_applied_once_by_the_other(
    lab: Laboratory, second: BridgeProcess, point: Callable[[str], None]
) -> None:
    """It dies at the start of work, as in test_kill.py; the other one has come since, and goes on at once."""
    await lab.start_dying(point, delivery_timeout_s=2)  # the other one waits for the end of its claims
    job, _ = await lab.planned()
    await second.start_ready()
    await lab.wfm.start_work(job)
    assert await lab.bridge.ended() == -signal.SIGKILL
    assert f"killed: {point.__name__}" in lab.bridge.said
    await lab.wfm.finish(job)
    expected = sorted([OF_THE_WORK_ORDER, OF_THE_APPOINTMENT])
    await eventually(lambda: sorted(lab.told().values()) == expected)
    await lab.until_settled()
    assert sorted(lab.told().values()) == expected
    assert await lab.hops(job) == HOPS
    assert [recorded.entry.outcome for recorded in await lab.journal()] == [Outcome.APPLIED] * 4


@pytest.mark.parametrize("divides", [BRIDGE, EXCHANGE])
async def test_processes_join_die_and_leave_and_each_message_is_applied_once_and_in_order(
    lab: Laboratory, second: BridgeProcess
) -> None:
    second.start()
    await lab.bridge.start_ready()
    await second.ready()
    jobs: list[str] = []

    async def hold_all(times: int) -> None:
        for _ in range(times):
            await asyncio.gather(*map(lab.wfm.hold, jobs))

    await lab.buyer.register()
    _, appointment, _ = await lab.booked()
    of_the_booked_one = len(await lab.journal())
    jobs += [await lab.wfm.create_job(job_no=f"P-{number:04}") for number in range(JOBS)]
    await hold_all(2)
    await eventually(lambda: heard(lab, JOBS))

    lab.bridge.kill()  # whatever it has in hand; the other one goes on with all partitions
    await hold_all(2)
    await eventually(lambda: heard(lab, 4 * JOBS))

    lab.bridge.start()  # it joins again, and has its share after a while
    holding = asyncio.create_task(hold_all(2))
    await lab.bridge.ready()
    await holding

    async def has_its_share() -> bool:
        await hold_all(1)
        return "this process is given these messages now" in lab.bridge.said.rpartition("bridge.ready")[2]

    await eventually(has_its_share, every_s=1)
    stopping = asyncio.create_task(second.stop())
    await hold_all(2)
    assert await stopping == 0
    await hold_all(1)
    sent = {job: lab.wfm.acme.job(job).version for job in jobs}
    await eventually(lambda: heard(lab, sum(sent.values()) + of_the_booked_one), every_s=0.5)
    journal = await lab.journal(limit=10_000)
    assert {recorded.entry.outcome for recorded in journal} <= {Outcome.APPLIED, Outcome.IGNORED}  # a pause is no news
    versions: dict[str, list[int]] = defaultdict(list)
    for recorded in journal:
        body = orjson.loads(recorded.entry.raw.body)
        versions[body.get("JOB_NO", "")].append(body.get("JOB_VER", 0))
    assert {job: versions[job] for job in jobs} == {job: list(range(1, sent[job] + 1)) for job in jobs}
    (found,) = await lab.buyer.appointments()
    assert (found.id, found.status) == (appointment.id, "confirmed")
    await lab.until_settled()
    assert sum(types == [CREATED, REQUIRED] for types in lab.told().values()) == JOBS
