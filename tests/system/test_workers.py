"""`mef-bridge serve --workers 2`: two processes behind one port, under a supervisor."""

import os
import re
import signal
from pathlib import Path

import pytest

from tests.support import eventually
from tests.system.conftest import MakeLaboratory
from tests.system.laboratory import Laboratory
from tests.system.processes import ORDINARY

pytestmark = [pytest.mark.system, pytest.mark.integration]


def workers(lab: Laboratory) -> list[str]:
    """The process ids of the workers below the supervisor."""
    supervisor = lab.bridge.pid
    return Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()


async def test_two_workers_serve_one_port_and_a_dead_one_is_started_again(
    make_laboratory: MakeLaboratory, database_url: str
) -> None:
    lab = await make_laboratory(database_url, WFM_PARTITIONS="2")
    await lab.bridge.start_ready(*ORDINARY, "--workers", "2")
    await eventually(lambda: lab.bridge.said.count("bridge.ready") == 2)
    instances = set(re.findall(r"bridge\.ready.*instance=(\S+)", lab.bridge.said))
    assert instances == {f"{lab.topology.instance}.1", f"{lab.topology.instance}.2"}
    bound = [line for line in lab.bridge.said.splitlines() if "bind the inbound queue: done" in line]
    assert {instance for line in bound for instance in instances if f"instance={instance}" in line} == instances
    assert len(set(re.findall(r"admin\.listening.*url=(\S+)", lab.bridge.said))) == 2

    await lab.buyer.register()
    first, second = map(int, workers(lab))
    os.kill(first, signal.SIGKILL)
    await lab.new_job()  # the other one goes on, on the same port
    await eventually(lambda: lab.bridge.said.count("bridge.ready") == 3)
    assert "worker.ended" in lab.bridge.said
    assert str(second) in workers(lab)

    assert await lab.bridge.stop() == 0
    assert lab.bridge.said.count("bridge.stopped") == 2
    for instance in instances:
        await lab.channel.queue_delete(f"{lab.namespace}mef-bridge.{instance}.replies")


async def test_workers_end_with_their_supervisor_whatever_its_end_was(
    make_laboratory: MakeLaboratory, database_url: str
) -> None:
    lab = await make_laboratory(database_url)
    await lab.bridge.start_ready(*ORDINARY, "--workers", "1")
    await eventually(lambda: "bridge.ready" in lab.bridge.said)
    (worker,) = workers(lab)
    lab.bridge.kill()
    await eventually(lambda: not Path(f"/proc/{worker}/exe").exists())
    assert "bridge.stopped" in lab.bridge.said
    await lab.channel.queue_delete(f"{lab.namespace}mef-bridge.{lab.topology.instance}.1.replies")
