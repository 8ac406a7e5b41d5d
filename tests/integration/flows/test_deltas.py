"""Deltas on both databases: a message tells only what has changed, and may come before its job."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

import orjson
import pytest

from bridge.domain.model import Job, JobRef
from bridge.flows.job_updates import JobUpdates
from bridge.flows.ports.journal_entry import WfmMessage
from bridge.flows.work import Workshop
from bridge.mapping.pack import Pack
from bridge.store import SqlStore, open_store
from tests.integration.flows.acme import NOW
from tests.unit.mapping.patches import pack_with

PACK = """
inbound: {deltas: true, message_id: $.id, version: $.v}
fields:
  status: {path: $.status, type: code, required: true, values: [new, booked, begun, odd]}
  site: {path: $.site, required: true}
  who: {path: $.who, type: code, values: [Eva]}
rules:
  - {rule: odd, when: {status: odd}, then: {ignore: It tells a Buyer nothing}}
  - {rule: created, when: {status: new}, then: {work_order: open, creates: true}}
  - {rule: booked, when: {status: booked}, then: {work_order: planned}}
  - {rule: begun, when: {status: begun}, then: {work_order: inProgress}}
work_order: {task: {value: [who, site]}}
"""
MENDED = PACK.replace("[Eva]", "[Eva, Tom]")
JOB = JobRef("toy", "J")


class Bridge:
    """The way in of one pack, on a store of its own."""

    def __init__(self, store: SqlStore, pack: Pack, ids: Callable[[], str]) -> None:
        self._store = store
        self._packs = {pack.name: pack}
        self._updates = JobUpdates(store, Workshop(store, self._packs, lambda: NOW, ids))

    async def hear(self, **body: Any) -> None:
        """Take one message."""
        message = WfmMessage(
            pack="toy", body=orjson.dumps({"job": "J", **body}), correlation_id="corr", received_at=NOW
        )
        await self._updates._commit([message])

    async def replay(self) -> str:
        """Replay the parked message; tell what became of it."""
        (parked,) = [one.number for one in await self._store.journal.latest() if one.entry.outcome == "parked"]
        (entry,) = await self._updates.replay(parked)
        return str(entry.outcome)

    async def job(self) -> Job:
        """Read the job."""
        async with self._store.transaction() as tx:
            return (await tx.load_jobs([JOB]))[JOB]

    async def state(self) -> str:
        """Read what the Buyer sees of it."""
        work_order = (await self.job()).work_order
        return str(work_order.state) if work_order is not None else "unknown"

    async def outcomes(self) -> list[tuple[str | None, str]]:
        """Read what became of the messages, in order of arrival."""
        entries = [recorded.entry for recorded in await self._store.journal.latest()]
        return [(entry.message, str(entry.outcome)) for entry in reversed(entries)]


MakeBridge = Callable[..., Awaitable[Bridge]]


@pytest.fixture(params=["sqlite", "postgresql"])
async def make_bridge(request: pytest.FixtureRequest) -> AsyncIterator[MakeBridge]:
    """Makes bridges on one empty database of the test's own: a second one is the bridge after a restart."""
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "database_url")
    numbers = count(1)

    def new_id() -> str:
        return f"id-{next(numbers):04d}"

    async with AsyncExitStack() as stack:

        async def make(pack: str = PACK) -> Bridge:
            store = await open_store(url, new_id=new_id, clock=lambda: NOW)
            stack.push_async_callback(store.close)
            return Bridge(store, pack_with(pack), new_id)

        yield make


CREATED = {"id": "m1", "v": 1, "status": "new", "site": "S-1"}


async def test_updates_that_come_before_their_job_wait_although_they_do_not_tell_all(make_bridge: MakeBridge) -> None:
    bridge = await make_bridge()
    await bridge.hear(id="m3", v=3, status="begun")
    await bridge.hear(id="m2", v=2, who="Eva")
    assert await bridge.outcomes() == [("m3", "waiting"), ("m2", "waiting")]

    await (await make_bridge()).hear(**CREATED)

    assert await bridge.outcomes() == [("m3", "applied"), ("m2", "applied"), ("m1", "applied")]
    job = await bridge.job()
    assert job.record == {"status": "begun", "site": "S-1", "who": "Eva"}
    assert job.versions == {"job": 3}
    assert await bridge.state() == "inProgress"


async def test_an_update_that_came_first_does_not_undo_a_job_that_is_newer(make_bridge: MakeBridge) -> None:
    bridge = await make_bridge()
    await bridge.hear(id="m1", v=1, status="booked", who="Eva")
    await bridge.hear(**CREATED | {"id": "m2", "v": 2})
    assert await bridge.outcomes() == [("m1", "applied"), ("m2", "applied")]
    assert await bridge.state() == "open"
    assert (await bridge.job()).record == {"status": "new", "site": "S-1", "who": "Eva"}


async def test_a_creation_that_lacks_something_is_parked_and_says_what(make_bridge: MakeBridge) -> None:
    bridge = await make_bridge()
    await bridge.hear(id="m1", v=1, status="new")
    assert await bridge.outcomes() == [("m1", "parked")]


async def test_nothing_is_lost_of_a_parked_delta_that_is_replayed_after_later_ones(make_bridge: MakeBridge) -> None:
    bridge = await make_bridge()
    await bridge.hear(**CREATED)
    await bridge.hear(id="m5", v=5, status="booked", site="S-5", who="Tom")
    await bridge.hear(id="m6", v=6, site="S-6")
    assert await bridge.outcomes() == [("m1", "applied"), ("m5", "parked"), ("m6", "applied")]
    assert await bridge.state() == "open"

    mended = await make_bridge(MENDED)
    assert await mended.replay() == "applied"

    job = await mended.job()
    assert (job.record, job.versions) == ({"status": "booked", "site": "S-6", "who": "Tom"}, {"job": 6})
    assert await mended.state() == "planned"


async def test_a_replayed_delta_takes_no_state_back(make_bridge: MakeBridge) -> None:
    bridge = await make_bridge()
    await bridge.hear(**CREATED)
    await bridge.hear(id="m5", v=5, status="booked", who="Tom")
    await bridge.hear(id="m6", v=6, status="begun")
    mended = await make_bridge(MENDED)
    await mended.replay()
    assert await mended.state() == "inProgress"
    assert (await mended.job()).record == {"status": "begun", "site": "S-1", "who": "Tom"}


LISTS = """
inbound: {deltas: true, message_id: $.id, version: $.v}
fields:
  kind: {path: $.kind}
  crew:
    path: $.crew
    type: items
    key: who
    fields: {who: {path: $.id, required: true}, work: {path: $.work, type: code, values: [begun, done], nulls: absent}}
  all_work: {of: crew.work, precedence: [begun, done]}
  tickets: {path: $.tickets, type: items, fields: {ticket: {path: $, required: true}}, remember: false}
rules:
  - {rule: created, when: {all_work: {present: false}}, then: {work_order: open, creates: true}}
  - {rule: begun, when: {all_work: begun}, then: {work_order: inProgress}}
  - {rule: done, when: {all_work: done}, then: {work_order: completed}}
work_order:
  merge: [related_entity]
  related_entity:
    - {id: J, role: order, referred_type: Order}
    - {each: tickets, id: {value: ticket}, role: ticket, referred_type: TroubleTicket}
"""


async def test_what_is_known_of_a_list_outlasts_the_process(make_bridge: MakeBridge) -> None:
    bridge = await make_bridge(LISTS)
    await bridge.hear(id="m1", v=1, crew=[{"id": "Eva"}, {"id": "Tom"}], tickets=["T-1"])
    await bridge.hear(id="m2", v=2, crew=[{"id": "Eva", "work": "begun"}, {"id": "Tom", "work": "done"}])
    assert await bridge.state() == "inProgress"

    bridge = await make_bridge(LISTS)
    await bridge.hear(id="m3", v=3, crew=[{"id": "Eva", "work": "done"}], tickets=["T-2", "T-1"])

    assert await bridge.outcomes() == [("m1", "applied"), ("m2", "applied"), ("m3", "applied")]
    assert await bridge.state() == "completed"
    job = await bridge.job()
    assert job.record == {"crew": [{"id": "Eva", "work": "done"}, {"id": "Tom", "work": "done"}]}
    assert job.work_order is not None
    assert [one.id for one in job.work_order.details.related_entity] == ["J", "T-1", "T-2"]
