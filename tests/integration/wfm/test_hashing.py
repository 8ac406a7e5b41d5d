"""A pack's messages divided by RabbitMQ's exchange; and how one way of dividing follows another while messages flow."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from itertools import count

import pytest
from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractExchange
from structlog.testing import capture_logs

from bridge.errors import PermanentError
from bridge.flows.partitioning import InForce, Partitioning
from bridge.localenv.rabbitmq import Node
from bridge.mapping.document import PartitionBy
from bridge.mapping.pack import Pack
from bridge.wfm import inbound as inbound_module
from bridge.wfm import partitions as partitions_module
from bridge.wfm import succession as succession_module
from bridge.wfm.collectors import HashExchange, QueueCollector
from bridge.wfm.link import RabbitLink
from bridge.wfm.partitions import Drain
from bridge.wfm.succession import Succession
from bridge.wfm.topology import Topology, asked
from bridge.wfm.trouble import GONE
from tests.integration.flows.acme import PACK
from tests.integration.wfm.conftest import MakeLink, Wire
from tests.integration.wfm.divided import (
    HEADER,
    JOBS,
    Agreed,
    Process,
    Start,
    bound,
    handled_all,
    say,
    say_all,
    shared_out,
)
from tests.support import PATIENCE_S, eventually

pytestmark = pytest.mark.integration

HASHED = Partitioning(4, f"header {HEADER}")
TWO = Partitioning(2, f"header {HEADER}")


@pytest.fixture
def rabbitmq_url(private_rabbitmq: Node) -> str:
    return private_rabbitmq.url


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions_module, "PATIENCE_S", 0.0)
    monkeypatch.setattr(partitions_module, "LONGEST_PATIENCE_S", 0.0)
    monkeypatch.setattr(succession_module, "OVERLAP_S", 0.1)


@pytest.fixture
def hashed(pack: Pack) -> Pack:
    return replace(pack, inbound=replace(pack.inbound, partition_by=PartitionBy(header=HEADER)))


@pytest.fixture
def by_key(pack: Pack) -> Pack:
    return replace(pack, inbound=replace(pack.inbound, partition_by=PartitionBy(routing_key=True), bindings=("job.*",)))


async def test_the_exchange_divides_and_processes_share_what_it_has_divided(
    start: Start, hashed: Pack, make_link: MakeLink, wfm: AbstractExchange, agreed: Agreed, living: set[str], wire: Wire
) -> None:
    a = await start("a", pack=hashed)
    await bound(a)
    await say_all(wfm, range(1, 4))
    await handled_all(agreed, range(1, 4))
    assert not a.inbound.stands_by
    assert a.inbound.problem is None

    b = await start("b", link=await make_link(wire.url), pack=hashed)
    version = await shared_out(wfm, agreed, a, b, after=3)
    b.open.clear()  # it has messages in hand when it is cut off, which come to the other one
    await say_all(wfm, range(version + 1, version + 3))
    wire.cut()
    living.discard("b")
    await handled_all(agreed, range(1, version + 3))


async def test_the_routing_key_may_name_the_job(
    start: Start, by_key: Pack, wfm: AbstractExchange, agreed: Agreed, topology: Topology, channel: AbstractChannel
) -> None:
    process = await start("a", 8, pack=by_key)
    await bound(process)
    for job in JOBS:
        await wfm.publish(Message(job.encode()), f"job.{job}")
    await eventually(lambda: len(agreed.handled) == len(JOBS))
    by = Partitioning(8, "routing key")
    assert agreed.in_force == InForce(by)
    assert await depths(channel, topology, by) == [0] * 8


async def test_a_division_that_rabbitmq_has_forgotten_is_made_anew_and_no_job_loses_its_order(
    start: Start, hashed: Pack, wfm: AbstractExchange, agreed: Agreed, private_rabbitmq: Node, make_link: MakeLink
) -> None:
    """After a restart it would have led a job to another partition than before."""
    processes = [await start(name, pack=hashed) for name in ("a", "b")]
    await bound(processes[0])
    for process in processes:
        process.open.clear()  # so that something is left in all partitions
    async with Flow(wfm).flowing() as flow:
        private_rabbitmq.control("stop_app")
        private_rabbitmq.control("start_app")
        for process in processes:
            process.open.set()
        await flow.goes_on()
    await flow.all_handled(agreed)
    await eventually(lambda: agreed.in_force == InForce(HASHED))


async def depths(channel: AbstractChannel, topology: Topology, of: Partitioning) -> list[int]:
    queues = [await channel.declare_queue(queue.name, passive=True) for queue in topology.partitions(PACK, of)]
    return [queue.declaration_result.message_count or 0 for queue in queues]


async def test_a_message_that_lacks_the_header_is_handled_and_told_of(
    start: Start, hashed: Pack, wfm: AbstractExchange, agreed: Agreed
) -> None:
    await bound(await start("a", pack=hashed))
    with capture_logs() as logs:
        await say(wfm, "J-1", 1, headers={})
        await eventually(lambda: agreed.handled)
    (told,) = [line for line in logs if line["log_level"] == "warning"]
    assert told["header"] == HEADER


async def test_what_another_binding_brings_into_the_inbound_queue_goes_to_its_partition(
    start: Start, hashed: Pack, wfm: AbstractExchange, agreed: Agreed, topology: Topology, channel: AbstractChannel
) -> None:
    await bound(await start("a", pack=hashed))
    inbound = await channel.get_queue(topology.inbound_queue(PACK).name)
    await channel.default_exchange.publish(Message(b"stray", headers={HEADER: "J-1"}), inbound.name)
    await say(wfm, "J-1", 1)
    await eventually(lambda: len(agreed.handled) == 2)


async def test_what_a_partition_that_somebody_deleted_would_have_got_is_not_lost(
    start: Start,
    hashed: Pack,
    wfm: AbstractExchange,
    agreed: Agreed,
    topology: Topology,
    channel: AbstractChannel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is in the rest, and comes from there when the division is made anew."""
    monkeypatch.setattr(inbound_module, "LOOK_EVERY_S", 0.2)
    await bound(await start("a", pack=hashed))
    await channel.queue_delete(topology.partition(PACK, 2, HASHED).name)
    await say_all(wfm, range(1, 3))
    await handled_all(agreed, range(1, 3))


async def test_the_queue_of_an_earlier_version_must_be_gone(
    start: Start, hashed: Pack, topology: Topology, channel: AbstractChannel
) -> None:
    await channel.declare_queue(topology.earlier_inbound_queue(PACK), durable=True)
    with pytest.raises(PermanentError, match="of an earlier version is there"):
        await start("a", pack=hashed)


# From one way to another


class Flow:
    """A WFM that goes on telling of all jobs, one version after another."""

    def __init__(self, wfm: AbstractExchange) -> None:
        self._wfm = wfm
        self.version = 0

    async def run(self) -> None:
        for version in count(1):
            for job in JOBS:
                await self._say(job, version)
            self.version = version
            await asyncio.sleep(0)

    async def _say(self, job: str, version: int) -> None:
        """Say it until RabbitMQ has confirmed it."""

        async def said() -> bool:
            with suppress(*GONE):
                await say(self._wfm, job, version)
                return True
            return False

        await eventually(said)

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator["Flow"]:
        flow = asyncio.create_task(self.run())
        await self.goes_on()
        yield self
        await self.goes_on()
        flow.cancel()
        await asyncio.wait([flow])

    async def goes_on(self) -> None:
        since = self.version
        await eventually(lambda: self.version > since + 2)

    async def all_handled(self, agreed: Agreed) -> None:
        """Whatever of the last version has been published when the flow ended, is not asked for."""
        await eventually(lambda: all(max(agreed.versions()[job]) >= self.version for job in JOBS))
        for versions in agreed.versions().values():
            assert versions == list(range(1, len(versions) + 1))


async def test_from_each_way_to_each_other_one_nothing_is_lost_or_out_of_order(
    start: Start,
    pack: Pack,
    hashed: Pack,
    wfm: AbstractExchange,
    agreed: Agreed,
    topology: Topology,
    link: RabbitLink,
) -> None:
    ways = [(pack, 1), (hashed, 4), (pack, 4), (hashed, 2), (hashed, 4), (hashed, 1), (pack, 2), (hashed, 4)]
    names = map(str, count())
    last = await start(next(names))
    await bound(last)
    async with Flow(wfm).flowing() as flow:
        for way, partitions in ways[1:]:
            following = await start(next(names), partitions, pack=way)
            await eventually(lambda now=following: now.inbound.stands_by and now.inbound.problem is None)
            last.open.clear()  # so that something is left to be taken first
            await flow.goes_on()
            before = agreed.in_force.now
            await last.inbound.stop(0)
            await eventually(lambda now=following: not now.inbound.stands_by)
            await bound(following)
            assert agreed.in_force == InForce(Partitioning.of(way.inbound, partitions))
            for queue in topology.partitions(PACK, before):
                assert await asked(link.scratch_channel, queue.name) is None
            last = following
    await flow.all_handled(agreed)


Point = Callable[[pytest.MonkeyPatch, Callable[[], Awaitable[None]]], None]


def before(owner: type, name: str) -> Point:
    """The moment before a step of a change."""

    def point(monkeypatch: pytest.MonkeyPatch, die: Callable[[], Awaitable[None]]) -> None:
        step = getattr(owner, name)

        async def dying(*arguments: object, **more: object) -> object:
            await die()
            return await step(*arguments, **more)

        monkeypatch.setattr(owner, name, dying)

    return point


POINTS = {
    "recorded": before(Succession, "_follow"),
    "bound, not released": before(QueueCollector, "release"),
    "the other way bound, not released": before(HashExchange, "release"),
    "released, not drained": before(Drain, "drain"),
    "drained, not removed": before(Drain, "remove"),
}
AFTERWARDS = {"it comes again": True, "the one before comes back": False}


class Stop:
    """Has the first process that comes to a point stand still there, its connection lost, until it is told to go on."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.reached = asyncio.Event()
        self.goes_on = asyncio.Event()

    async def __call__(self) -> None:
        if not self.reached.is_set():
            self._wire.cut()
            self.reached.set()
            await self.goes_on.wait()


@pytest.mark.parametrize("again", AFTERWARDS.values(), ids=AFTERWARDS.keys())
@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS.keys())
async def test_who_comes_after_one_that_died_in_a_change_ends_it(
    start: Start,
    pack: Pack,
    hashed: Pack,
    make_link: MakeLink,
    wfm: AbstractExchange,
    agreed: Agreed,
    wire: Wire,
    monkeypatch: pytest.MonkeyPatch,
    point: Point,
    again: bool,
) -> None:
    """It is only held there, and goes on at the end, when others have long done its work: that does no harm either."""
    ways = (
        [(pack, 4), (hashed, 4)]
        if point is not POINTS["the other way bound, not released"]
        else [(hashed, 4), (pack, 4)]
    )
    (way_before, _), (way, _) = ways
    first = await start("first", 4, pack=way_before)
    await bound(first)
    async with Flow(wfm).flowing() as flow:
        first.open.clear()
        await flow.goes_on()
        await first.inbound.stop(0)
        stop = Stop(wire)
        point(monkeypatch, stop)
        dying = asyncio.create_task(start("dying", 4, link=await make_link(wire.url), pack=way))
        await asyncio.wait_for(stop.reached.wait(), PATIENCE_S)
        await flow.goes_on()
        next_ = await start("next", 4, pack=way if again else way_before)
        await taken_over(next_)
        wire.mend()
        stop.goes_on.set()
        await flow.goes_on()
        await (await dying).inbound.stop(0)
        await flow.goes_on()
    await flow.all_handled(agreed)
    assert agreed.in_force == InForce(Partitioning.of((way if again else way_before).inbound, 4))


async def taken_over(process: Process) -> None:
    await eventually(lambda: not process.inbound.stands_by)
    await bound(process)
