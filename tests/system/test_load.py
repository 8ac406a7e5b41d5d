"""600 jobs of ten messages each, interleaved and as fast as RabbitMQ takes them: order per job is kept.

What the running bridge made of each job is compared with what the pack and the domain make of its messages one by one.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from random import Random

import aio_pika
import orjson
import pytest

from bridge.domain.decide import decide
from bridge.domain.model import AppointmentId, BuyerId, Ids, Job, JobRef, Outcome, Transition, WorkOrderId
from bridge.flows.ports.buyer_views import WorkOrderQuery
from bridge.mapping.loader import load_pack
from bridge.mapping.pack import Ignored, Pack, Reading, Translated
from bridge.simulator import acme
from bridge.simulator.acme import Acme, Stat, Window
from bridge.simulator.wfm import EVENTS_EXCHANGE
from tests.support import eventually
from tests.system.conftest import MakeLaboratory
from tests.system.laboratory import Laboratory
from tests.system.processes import REPOSITORY

pytestmark = [pytest.mark.system, pytest.mark.integration]

JOBS = 600
MESSAGES_EACH = 10
AT_ONCE = 500
PART = 1000

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
"""Later than any moment at which the bridge decides, so that what is older news does not depend on its speed."""

Step = Callable[[Acme, acme.Job], None]
Verdict = tuple[str, str | None, tuple[tuple[str, str | None, str], ...]]
"""Outcome, rule, and the state changes as (resource, from, to)."""


def agree(day: int) -> Step:
    """By phone, by the dispatcher."""
    return lambda wfm, job: wfm.plan(job, window(day))


def move(day: int) -> Step:
    return lambda wfm, job: wfm.move(job, window(day))


def turn(stat: Stat, reason: str = "") -> Step:
    return lambda wfm, job: wfm.turn(job, stat, reason)


def window(day: int) -> Window:
    start = TOMORROW + timedelta(days=day)
    return Window(start.replace(minute=0, second=0), start.replace(minute=0, second=0) + timedelta(hours=4))


DRIVES, STARTS, PAUSES, FINISHES, CLOSES = map(
    turn, (Stat.DRIVING, Stat.STARTED, Stat.ON_HOLD, Stat.FINISHED, Stat.CLOSED)
)

HISTORIES: Mapping[str, tuple[tuple[Step, ...], str]] = {
    "works": ((agree(1), DRIVES, STARTS, PAUSES, FINISHES, CLOSES), "completed"),
    "skips states": ((agree(1), DRIVES, CLOSES), "completed"),
    "customer away": ((agree(1), turn(Stat.NO_SHOW, "C01"), agree(2), STARTS, FINISHES, CLOSES), "completed"),
    "technician ill": ((agree(1), DRIVES, turn(Stat.NO_SHOW, "T01"), agree(2), CLOSES), "completed"),
    "moved by the Seller": ((agree(1), move(2), agree(3), STARTS, FINISHES), "completed"),
    "visit taken back": ((agree(1), turn(Stat.VISIT_TAKEN_BACK)), "open"),
    "cancelled": ((agree(1), turn(Stat.VISIT_TAKEN_BACK), agree(2), turn(Stat.CANCELLED)), "cancelled"),
    "broken off": ((agree(1), STARTS, turn(Stat.CANCELLED)), "unableToComplete"),
}
"""What happens to a job, and how its WorkOrder ends."""


@dataclass
class Traffic:
    """All messages, in the order in which they are published, and of each job alone."""

    bodies: list[bytes] = field(default_factory=list)
    of_job: dict[str, list[bytes]] = field(default_factory=dict)
    ends: dict[str, str] = field(default_factory=dict)


def make_traffic(random: Random) -> Traffic:
    traffic, wfm, minutes = Traffic(), Acme(), count()

    def snapshot(job: acme.Job) -> bytes:
        body = wfm.snapshot(job, TOMORROW + timedelta(minutes=next(minutes)))
        wfm.forget_fallen_visit(job)
        return orjson.dumps(body)

    histories = list(HISTORIES.values())
    for number in range(JOBS):
        steps, end = histories[number % len(histories)]
        job = wfm.new_job(
            customer="PL-00017", visit_required=True, site="SITE-7", tasks=("REPLACE SFP",), minutes=60, remark=""
        )
        messages = [snapshot(job)]
        for step in steps:
            step(wfm, job)
            messages.append(snapshot(job))
        traffic.of_job[job.number] = repeated(messages, random)
        traffic.ends[job.number] = end
    traffic.bodies = interleaved(traffic.of_job, random)
    return traffic


def repeated(messages: list[bytes], random: Random) -> list[bytes]:
    """Fill up with messages that are delivered again, at once or later."""
    filled = list(messages)
    while len(filled) < MESSAGES_EACH:
        original = random.randrange(len(filled))
        filled.insert(random.randint(original + 1, len(filled)), filled[original])
    return filled


def interleaved(of_job: Mapping[str, list[bytes]], random: Random) -> list[bytes]:
    order = [job for job in of_job for _ in range(MESSAGES_EACH)]
    random.shuffle(order)
    left = {job: iter(messages) for job, messages in of_job.items()}
    return [next(left[job]) for job in order]


def one_by_one(pack: Pack, messages: Iterable[bytes]) -> list[Verdict]:
    """What becomes of a job's messages if nothing else happens in the world."""
    verdicts: list[Verdict] = []
    seen: set[str] = set()
    job: Job | None = None
    for body in messages:
        reading = pack.read(body, "", {})
        assert isinstance(reading, Reading)
        if reading.message in seen:
            continue
        seen.add(reading.message)
        job = job or Job(ref=JobRef(pack.name, reading.job.key))
        job, verdict = apply(pack, job, reading, len(seen))
        verdicts.append(verdict)
    return verdicts


def apply(pack: Pack, job: Job, reading: Reading, number: int) -> tuple[Job, Verdict]:
    translation = pack.translate(reading, job)
    if isinstance(translation, Ignored):
        return job, (Outcome.IGNORED, translation.rule, ())
    assert isinstance(translation, Translated)
    ids = Ids(WorkOrderId(f"wo-{number}"), AppointmentId(f"ap-{number}"))
    decision = decide(job, translation.update, ids, datetime.now(UTC))
    return decision.job, (decision.outcome, translation.update.rule, hops(decision.transitions))


def hops(transitions: Iterable[Transition]) -> tuple[tuple[str, str | None, str], ...]:
    return tuple((hop.resource, hop.source, hop.target) for hop in transitions)


@cache
def what_is_said() -> tuple[Traffic, dict[str, list[Verdict]]]:
    """The traffic, and what is to become of each job's messages. For all tests here: it takes a while."""
    traffic = make_traffic(Random(137))
    pack = load_pack(REPOSITORY / "mappings/acme-wfm")
    return traffic, {job: one_by_one(pack, messages) for job, messages in traffic.of_job.items()}


async def publish(lab: Laboratory, bodies: Sequence[bytes]) -> None:
    """As fast as RabbitMQ takes them: many at once, in their order, each confirmed."""
    exchange = await lab.channel.get_exchange(lab.namespace + EVENTS_EXCHANGE)
    for some in batched(bodies, AT_ONCE):
        messages = [aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT) for body in some]
        await asyncio.gather(*(exchange.publish(message, "job.event") for message in messages))


def batched(bodies: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    return (bodies[start : start + size] for start in range(0, len(bodies), size))


async def going_on(count: Callable[[], Awaitable[int]], to: int) -> None:
    """Wait until so much is done, for as long as it goes on: each part in its own time."""
    for part in [*range(PART, to, PART), to]:

        async def done(part: int = part) -> bool:
            return await count() >= part

        await eventually(done, every_s=0.2)


async def recorded(lab: Laboratory) -> dict[str, list[Verdict]]:
    verdicts: dict[str, list[Verdict]] = defaultdict(list)
    for found in await lab.journal(limit=JOBS * MESSAGES_EACH):
        assert found.entry.job is not None, found.entry.reason
        verdicts[found.entry.job.key].append((found.entry.outcome, found.entry.rule, hops(found.entry.transitions)))
    return dict(verdicts)


@pytest.mark.timeout(3600)  # it computes for minutes, which a busy machine makes many
async def test_the_order_of_each_job_is_kept_under_load(
    make_laboratory: MakeLaboratory, either_database_url: str
) -> None:
    traffic, expected = what_is_said()
    everything = sum(map(len, expected.values()))
    lab = await make_laboratory(either_database_url, LOG_LEVEL="warning")
    await lab.wfm.stop()
    await lab.bridge.start_ready()
    store = await lab.store()
    await publish(lab, traffic.bodies)

    async def recorded_so_far() -> int:
        return sum([each.number for each in await store.journal.latest(limit=1)])

    await going_on(recorded_so_far, everything)
    assert await recorded(lab) == expected
    found = await store.reads.work_orders(WorkOrderQuery(buyers=frozenset({BuyerId("acme-buyer")}), limit=2 * JOBS))
    orders = [await store.reads.work_order(each.id) for each in found.items]
    assert {each.job.key: each.state for each in orders if each is not None} == traffic.ends
    assert found.total == JOBS
    assert len(traffic.bodies) == JOBS * MESSAGES_EACH
    await lab.stop_and_find_nothing_left()


def test_the_traffic_has_every_history_and_parks_nothing() -> None:
    """Otherwise the comparison above would compare nothing with nothing."""
    traffic, expected = what_is_said()
    verdicts = [verdict for of_job in expected.values() for verdict in of_job]
    assert {outcome for outcome, _, _ in verdicts} == {Outcome.APPLIED, Outcome.IGNORED, Outcome.UNCHANGED}
    assert set(Counter(traffic.ends.values())) == {"completed", "open", "cancelled", "unableToComplete"}
    assert len(verdicts) < len(traffic.bodies)
