"""On a real RabbitMQ, no two processes run as one instance."""

import asyncio

import pytest
from structlog.testing import capture_logs

from bridge.errors import PermanentError
from bridge.wfm.instance import InstanceMark
from bridge.wfm.topology import Topology
from tests.integration.wfm.conftest import MakeLink, Wire
from tests.support import PATIENCE_S, eventually

pytestmark = pytest.mark.integration


async def test_a_second_process_with_the_same_instance_is_told_so(make_link: MakeLink, topology: Topology) -> None:
    await InstanceMark(await make_link(), topology).take()
    with (
        capture_logs() as logs,
        pytest.raises(PermanentError, match="another process runs as instance 'main'; give each its own `instance`"),
    ):
        await InstanceMark(await make_link(), topology, patience_s=1.5).take()
    assert [log["at_most_s"] for log in logs] == [1.5]


async def test_processes_with_instances_of_their_own_run_together(make_link: MakeLink, topology: Topology) -> None:
    await InstanceMark(await make_link(), topology).take()
    other = Topology(namespace=topology.namespace, instance="other")
    with capture_logs() as logs:
        await InstanceMark(await make_link(), other, patience_s=0).take()
    assert logs == []


async def test_the_mark_of_one_that_dies_is_waited_for(make_link: MakeLink, wire: Wire, topology: Topology) -> None:
    await InstanceMark(await make_link(wire.url), topology).take()
    with capture_logs() as logs:
        second = asyncio.create_task(InstanceMark(await make_link(), topology).take())
        await eventually(lambda: logs)
        assert not second.done()
        wire.cut()
        await asyncio.wait_for(second, PATIENCE_S)


async def test_the_mark_is_taken_again_after_a_reconnect(make_link: MakeLink, wire: Wire, topology: Topology) -> None:
    mark = InstanceMark(await make_link(wire.url), topology)
    await mark.take()
    keeping = asyncio.create_task(mark.keep())
    wire.cut()
    await eventually(lambda: wire.refused >= 1)
    wire.mend()
    await asyncio.wait_for(_until_kept(make_link, topology), PATIENCE_S)
    assert not keeping.done()
    keeping.cancel()


async def _until_kept(make_link: MakeLink, topology: Topology) -> None:
    """Try to be the same instance until that is refused; each try that is not frees it again."""
    while True:
        link = await make_link()
        try:
            await InstanceMark(link, topology, patience_s=0).take()
        except PermanentError:
            return
        await link.stop()
