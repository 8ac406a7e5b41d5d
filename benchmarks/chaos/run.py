"""A run: sets all up, lets jobs live while things fail, waits until all is over, and gives what was seen."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Final

import aio_pika
import asyncpg  # type: ignore[import-untyped]
from faststream.rabbit import RabbitBroker
from yarl import URL

from benchmarks.chaos.checker import TAKEN, Finding, check
from benchmarks.chaos.evidence import Evidence, HeldVisit, Hop, JobEnd, Notified, Shown, in_sequence
from benchmarks.chaos.faults import Faults
from benchmarks.chaos.lives import Lives, all_lives
from benchmarks.chaos.moody_buyer import MoodyBuyer
from benchmarks.chaos.moody_wfm import MoodyWfm
from benchmarks.chaos.servers import Servers
from benchmarks.lab import until
from bridge.domain.model import Transition
from bridge.flows.ports.journal_entry import JournalEntry
from bridge.localenv.postgres import asyncpg_url
from bridge.simulator.acme import Acme
from tests.integration.wfm.conftest import Wire
from tests.system.laboratory import API_KEY, Laboratory

PAGE: Final = 500
COMMAND_S: Final = 2.0
"""What the WFM is given for a command. Where it is late, it is by about as much."""
LONGER: Final = 1.2
"""Some lives end before they have had their share of the events; all others have so much more than it."""
OVER_WITHIN_S: Final = 300.0
"""All is over so soon, or something is left."""
NOTIFIED_A_SECOND: Final = 20
"""At least so many on a busy machine, where each event has more than one notification."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to happen. `trouble` is the part of requests, commands and messages that go wrong; `hangs` of the
    notifications are never answered, `moves` of the dispatcher's steps move a visit (R27).
    """

    events: int = 1000
    jobs: int = 60
    kills: int = 4
    seed: int = 1
    at_once: int = 40
    trouble: float = 0.15
    hangs: int = 2
    moves: float = 0.25
    pace_s: float = 1.5


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it: the faults, and counts to judge how much there was to find."""

    findings: list[Finding]
    counts: dict[str, object]
    journal: Mapping[str, list[str]]
    faults: Mapping[str, int]

    def explained(self, jobs: int = 5) -> str:
        """Write down the faults, and what became of the messages of some of their jobs."""
        lines = [f"{finding.kind.upper()}: {finding.what}" for finding in self.findings]
        for job in sorted({finding.job for finding in self.findings if finding.job})[:jobs]:
            lines += [f"what became of the messages of {job}:", *(f"  {line}" for line in self.journal.get(job, ()))]
        return "\n".join(lines)


@dataclass
class ChaosLaboratory(Laboratory):
    """A laboratory whose WFM and Buyer are in bad moods."""

    plan: Plan = field(default_factory=Plan)

    def make_wfm(self, broker: RabbitBroker) -> MoodyWfm:
        """Make the moody WFM."""
        return MoodyWfm(broker, self.namespace, Random(f"{self.plan.seed}-wfm"), self.plan.trouble, COMMAND_S)

    def make_buyer(self) -> MoodyBuyer:
        """Make the moody Buyer."""
        random = Random(f"{self.plan.seed}-buyer")
        return MoodyBuyer(self.bridge.url, API_KEY, random, self.plan.trouble, self.plan.hangs)

    async def _remove_names(self) -> None:
        """On a connection of its own: RabbitMQ may have ended since the first was made."""
        async with await aio_pika.connect(self.rabbitmq_url) as connection:
            self.channel = await connection.channel()
            await super()._remove_names()


@asynccontextmanager
async def _wired(url: str) -> AsyncIterator[Wire]:
    wire = Wire(URL(url))
    async with await asyncio.start_server(wire.serve, "127.0.0.1", 0) as server:
        wire.url = str(wire.target.with_host("127.0.0.1").with_port(server.sockets[0].getsockname()[1]))
        try:
            yield wire
        finally:
            wire.release()
            wire.cut()


async def run(
    plan: Plan, rabbitmq_url: str, database_url: str, directory: Path, servers: Servers | None = None
) -> Result:
    """Run it on an empty database of its own. `servers`, if they are the run's own, are ended as well."""
    async with AsyncExitStack() as stack:
        wires = {
            "RabbitMQ": await stack.enter_async_context(_wired(rabbitmq_url)),
            "PostgreSQL": await stack.enter_async_context(_wired(database_url)),
        }
        variables = {
            "BROKER_URL": wires["RabbitMQ"].url,
            "DATABASE_URL": wires["PostgreSQL"].url,
            "COMMANDS_TIMEOUT_SECONDS": str(COMMAND_S),
            "DELIVERY_TIMEOUT_SECONDS": "5",
            "DELIVERY_SCHEDULE_SECONDS": ",".join(["0", *["0.2"] * 200]),
            "LOG_LEVEL": "warning",
        }
        lab = ChaosLaboratory(rabbitmq_url, database_url, directory, variables, plan=plan)
        await lab.set_up(stack)
        wfm, buyer = lab.wfm, lab.buyer
        assert isinstance(wfm, MoodyWfm)
        assert isinstance(buyer, MoodyBuyer)
        await lab.bridge.start_ready()
        await buyer.register()
        began = time.perf_counter()
        faults = Faults(
            lab.bridge,
            wires,
            servers,
            database_url,
            Random(f"{plan.seed}-faults"),
            plan.kills,
            lambda: len(wfm.said) / plan.events,
        )
        lives = Lives(
            wfm, buyer, plan.seed, round(plan.events * LONGER / plan.jobs), plan.moves, plan.pace_s, faults.up
        )
        await _live(lives, faults, plan)
        lived = time.perf_counter() - began
        wfm.trouble = buyer.trouble = 0.0
        # What looked into RabbitMQ so far may have ended with it.
        lab.channel = await (await stack.enter_async_context(await aio_pika.connect(rabbitmq_url))).channel()
        seen = Evidence(said=wfm.said, granted=lives.granted)
        await _until_over(lab, seen)
        await _look(lab, wfm, buyer, seen)
        counts: dict[str, object] = {
            "events": len(wfm.said),
            "jobs": len(wfm.acme.jobs),
            "faults": dict(faults.happened),
            "asked": dict(sorted(lives.asked.items())),
            "commands": dict(Counter(command["CMD"] for command in wfm.commands)),
            "outcomes": dict(Counter(seen.outcomes.values())),
            "transitions": len(seen.hops),
            "notifications": f"{len(seen.decided)}, taken {len(seen.told)} times in {buyer.attempts} attempts",
            "seconds": f"{lived:.0f} of chaos, {time.perf_counter() - began - lived:.0f} until all was over",
        }
        return Result(check(seen), counts, seen.journal, faults.happened)


async def _live(lives: Lives, faults: Faults, plan: Plan) -> None:
    """Jobs live while things fail; what has not failed by the time that all have lived fails then."""
    ended = False
    so_far = faults.done
    faults.done = lambda: 1.0 if ended else so_far()
    failing = asyncio.create_task(faults.run())
    try:
        await all_lives(lives, plan.jobs, plan.at_once)
        ended = True
        await failing
    finally:
        failing.cancel()


# when all is over


async def _until_over(lab: Laboratory, seen: Evidence) -> None:
    """Wait until the WFM has nothing to do, and the bridge has taken, settled, told and asked all."""

    async def over() -> bool:
        if not lab.wfm.idle or any([await lab.waiting_in(queue) for queue in lab.queues[:2]]):
            return False
        if any(await _under_way(lab.database_url)):
            return False
        await _look_into(lab, seen)
        return all(event.message in seen.outcomes for event in seen.said) and lab.wfm.idle

    with suppress(TimeoutError):  # what is left then is found
        await until(over, OVER_WITHIN_S + len(seen.said) / NOTIFIED_A_SECOND, every_s=0.5)


_UNDER_WAY: Final = (
    "SELECT count(*) FROM deliveries WHERE state = 'pending'",
    "SELECT count(*) FROM outbox WHERE state = 'pending'",
    "SELECT count(*) FROM commands WHERE state = 'pending' OR try_again_at IS NOT NULL",
)


async def _under_way(database_url: str) -> list[int]:
    connection = await asyncpg.connect(asyncpg_url(database_url))
    try:
        return [await connection.fetchval(query) for query in _UNDER_WAY]
    finally:
        await connection.close()


async def _look_into(lab: Laboratory, seen: Evidence) -> None:
    """Read the journal: what became of each message at last, and all hops in their order."""
    entries = [found.entry for found in await lab.journal(limit=10 * len(seen.said) + 1000)]
    seen.outcomes = {}
    for entry in entries:
        if entry.message is not None and seen.outcomes.get(entry.message) not in TAKEN:
            seen.outcomes[entry.message] = entry.outcome
    journal: defaultdict[str, list[str]] = defaultdict(list)
    for entry in entries:
        walked = ", ".join(f"{hop.resource} {hop.source} -> {hop.target}" for hop in entry.transitions)
        what = f"{entry.message} {entry.rule}: {entry.outcome} {walked} {entry.reason}"
        journal[entry.job.key if entry.job else ""].append(f"{entry.raw.received_at:%H:%M:%S.%f} {what}")
    seen.journal = journal
    seen.hops = in_sequence([hop for entry in entries for hop in _hops(entry)])


def _hops(entry: JournalEntry) -> list[Hop]:
    job = entry.job.key if entry.job else ""
    booked = entry.rule == "commands.book"
    return [
        Hop(job, each.resource, each.id, each.source, each.target, silently=booked and _is_new_visit(each))
        for each in entry.transitions
    ]


def _is_new_visit(hop: Transition) -> bool:
    return hop.resource == "appointment" and hop.source is None


_DECIDED: Final = (
    "SELECT event_id, event_type, resource_id FROM notifications JOIN deliveries USING (event_id) "
    "ORDER BY deliveries.number"
)


async def _look(lab: Laboratory, wfm: MoodyWfm, buyer: MoodyBuyer, seen: Evidence) -> None:
    """Ask all three sides."""
    await _look_into(lab, seen)
    connection = await asyncpg.connect(asyncpg_url(lab.database_url))
    try:
        seen.decided = [Notified(*row) for row in await connection.fetch(_DECIDED)]
    finally:
        await connection.close()
    seen.told = [
        Notified(each.event.event_id, each.event.event_type, each.event.event.id) for each in list(buyer.received)
    ]
    seen.jobs = {number: _end(wfm.acme, number) for number in wfm.acme.jobs}
    await _ask_api(buyer, seen, {job.ticket: number for number, job in wfm.acme.jobs.items()})
    under_way = await _under_way(lab.database_url)
    seen.left = dict(zip(("deliveries", "outbox", "commands"), under_way, strict=True)) | {
        queue: await lab.waiting_in(queue) for queue in lab.queues
    }


def _end(acme: Acme, number: str) -> JobEnd:
    visit = acme.active_visit(number)
    held = HeldVisit(visit.status, _written(visit.window.start)) if visit is not None else None
    return JobEnd(acme.job(number).stat, held)


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


async def _ask_api(buyer: MoodyBuyer, seen: Evidence, jobs: dict[str, str]) -> None:
    """Read all that the Buyer can see, page by page."""
    offset = 0
    while page := await buyer.work_orders({"offset": str(offset), "limit": str(PAGE)}):
        for order in page:
            seen.work_orders[order.id] = (jobs[order.related_entity[0].id], order.state)
        offset += len(page)
    offset = 0
    while found := await buyer.appointments({"offset": str(offset), "limit": str(PAGE)}):
        seen.appointments += [
            Shown(each.id, each.work_order.id, each.status, _written(each.valid_for.start_date_time)) for each in found
        ]
        offset += len(found)
