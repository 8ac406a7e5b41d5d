"""What a process has claimed is its own as long as it lives, and somebody else's soon after it has died."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.app.state import Lookout
from bridge.errors import StoreShort
from bridge.flows.ports.subscription import SubscriptionId
from bridge.flows.ports.webhook_delivery import DeliverySettlement, DeliveryState
from bridge.store import SqlStore
from bridge.store.deliveries import LOST
from bridge.store.engine import open_engine
from bridge.store.processes import BEAT_S, SILENT_BEATS, TROUBLE_S
from bridge.store.session import TRUST_AFTER_S
from tests.integration.store.conftest import Execute
from tests.integration.store.test_requests import KEY, lock, request
from tests.integration.store.values import NOW, announce, at, attempt, event, fresh, message, send, subscription

Start = Callable[[str], Awaitable[SqlStore]]
LATE = at(hours=1)


@pytest.fixture
async def start(url: str) -> AsyncIterator[Start]:
    """Starts processes on the test's database: each has beaten once."""
    async with AsyncExitStack() as started:

        async def make(instance: str) -> SqlStore:
            new = SqlStore(open_engine(url), new_id=lambda: fresh("id"), clock=lambda: NOW, instance=instance)
            started.push_async_callback(new.close)
            await new.processes.beat()
            return new

        yield make


async def claimed(store: SqlStore, now: Any = NOW) -> tuple[list[int], list[int]]:
    """What it can claim now, for a minute: the numbers of deliveries and of messages for the WFM."""
    lease = now + timedelta(minutes=1)
    deliveries = await store.deliveries.claim(now, lease, 10)
    outbox = await store.outbox.claim(now, lease, 10)
    return [each.number for each in deliveries], [each.number for each in outbox]


async def prepare(store: SqlStore) -> None:
    """Something of each kind is to be sent."""
    await store.listeners.add(subscription())
    await announce(store, event("wo-1"))
    await send(store, message("J-1"))


def ended(number: int, state: DeliveryState, again: datetime | None = None) -> DeliverySettlement:
    listener = SubscriptionId("no matter")
    return DeliverySettlement(number=number, listener=listener, attempt=attempt(), state=state, next_attempt_at=again)


NOTHING: tuple[list[int], list[int]] = ([], [])


async def test_what_a_living_process_could_not_record_is_nobody_elses_though_its_lease_has_ended(start: Start) -> None:
    """The database was away for longer than the lease: the notification may have been sent."""
    one, other = await start("one"), await start("other")
    await prepare(one)
    mine = await claimed(one)
    assert mine != NOTHING
    assert await claimed(other, LATE) == NOTHING
    assert await other.deliveries.next_at() == at(minutes=1)  # for all that it knows; it looks again from time to time
    await one.deliveries.settle(ended(mine[0][0], DeliveryState.DELIVERED))
    assert await claimed(other, LATE) == NOTHING


async def test_a_process_is_given_again_what_it_has_claimed_itself_so_that_it_can_hold_it(start: Start) -> None:
    one = await start("one")
    await prepare(one)
    mine = await claimed(one)
    assert await claimed(one) == NOTHING
    assert await claimed(one, LATE) == mine


async def test_what_a_process_tries_again_anybody_may_claim(start: Start) -> None:
    one, other = await start("one"), await start("other")
    await prepare(one)
    (delivery,), (entry,) = await claimed(one)
    await one.deliveries.settle(ended(delivery, DeliveryState.PENDING, NOW))
    await one.outbox.settle(entry, sent=False, error="no", next_attempt_at=NOW)
    assert await claimed(other) == ([delivery], [entry])


async def test_a_process_that_falls_silent_while_the_others_go_on_is_dead(start: Start, sql: Execute) -> None:
    """Its messages for the WFM and its requests are taken over; a notification of its own may be on its way still."""
    dead, other = await start("dead"), await start("other")
    woken: list[str] = []
    other.outbox.on_due = lambda: woken.append("outbox")
    await prepare(dead)
    (delivery,), (entry,) = await claimed(dead)
    await lock(dead, request(instance="dead"))
    for _ in range(SILENT_BEATS - 1):
        await other.processes.beat()
        assert await claimed(other) == NOTHING
    assert [process.instance for process in await other.processes.beat()] == ["dead"]
    assert woken == ["outbox"]
    assert await claimed(other) == ([], [entry])
    assert await claimed(other, LATE) == ([delivery], [entry])
    assert (await lock(other, request())).claim is None
    assert await sql("SELECT instance FROM processes") == [("other",)]


async def test_a_process_that_lives_is_never_dead_however_often_it_is_looked_at(start: Start, sql: Execute) -> None:
    one, other = await start("one"), await start("other")
    for _ in range(3 * SILENT_BEATS):
        await other.processes.beat()
        await one.processes.beat()
    assert sorted(await sql("SELECT instance FROM processes")) == [("one",), ("other",)]


async def test_one_that_shows_that_it_lives_at_the_last_moment_is_left_alone(start: Start, sql: Execute) -> None:
    one, other = await start("one"), await start("other")
    seen = await other.processes._write()
    await one.processes.beat()
    for process in seen:
        await other.processes._bury(process)
    assert sorted(await sql("SELECT instance FROM processes")) == [("one",), ("other",)]


async def test_the_next_process_of_an_instance_takes_over_at_once(start: Start, sql: Execute) -> None:
    """RabbitMQ's mark says that there is none but this one."""
    dead, other = await start("one"), await start("other")
    await prepare(dead)
    theirs = await claimed(dead)
    await lock(dead, request(instance="one"))
    next_one = await start("one")
    assert await claimed(next_one) == NOTHING
    assert [process.instance for process in await next_one.processes.take_over()] == ["one"]
    assert await claimed(next_one) == theirs
    assert sorted(await sql("SELECT instance FROM processes")) == [("one",), ("other",)]
    assert (await lock(other, request())).claim is not None  # an instance of that name lives, and knows its own claims


async def test_an_attempt_that_a_dead_process_had_begun_is_on_record(start: Start) -> None:
    earlier = await start("one")
    await prepare(earlier)
    ((number,), _) = await claimed(earlier)
    later = await start("one")
    await later.processes.take_over()
    assert (await claimed(later))[0] == [number]
    assert [each.error for each in await later.backlog.attempts(number)] == [LOST, None]


async def test_who_ends_leaves_what_he_has_claimed(start: Start, sql: Execute) -> None:
    one, other = await start("one"), await start("other")
    await prepare(one)
    mine = await claimed(one)
    await lock(one, request(instance="one"))
    await one.close()
    assert await claimed(other) == mine
    assert (await lock(other, request())).claim is None
    assert await sql("SELECT instance FROM processes") == [("other",)]


async def test_a_claim_of_nobody_known_ends_with_its_lease(start: Start, store: SqlStore) -> None:
    """So did all of them before; a bridge of that version may be running still."""
    one = await start("one")
    await prepare(store)
    theirs = await claimed(store)
    assert await claimed(one) == NOTHING
    assert await claimed(one, LATE) == theirs


# whether the database is well


async def test_a_beat_that_fails_is_told_once_and_so_is_that_all_is_well(start: Start, sql: Execute) -> None:
    one = await start("one")
    lookout = Lookout(one)
    with capture_logs() as logs:
        await sql("ALTER TABLE processes RENAME TO away")
        assert await lookout.look() == TROUBLE_S
        assert await lookout.look() == TROUBLE_S
        problem = one.problem
        await sql("ALTER TABLE away RENAME TO processes")
        assert await lookout.look() == BEAT_S
    assert problem is not None
    assert "processes" in problem
    assert one.problem is None
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("database.trouble", "error"),
        ("database.well", "info"),
    ]


async def test_after_the_work_found_no_room_a_beat_alone_does_not_say_that_all_is_well(
    start: Start, sql: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await start("one")
    now = 0.0
    monkeypatch.setattr(one._database.health, "_clock", lambda: now)
    one._database.health.failed(StoreShort("the disk is full"))
    await one.processes.beat()
    assert one.problem == "the disk is full"
    await send(one, message())
    assert one.problem is None
    one._database.health.failed(StoreShort("the disk is full"))
    now = TRUST_AFTER_S
    await one.processes.beat()
    assert one.problem is None


async def test_a_transaction_that_changes_nothing_says_nothing_of_whether_one_could(start: Start) -> None:
    one = await start("one")
    one._database.health.failed(StoreShort("the disk is full"))
    async with one.transaction() as tx:
        await tx.overdue_commands(NOW)
    assert one.problem == "the disk is full"


async def test_a_key_of_a_dead_process_can_be_used_by_the_next(start: Start) -> None:
    """As the end to end of it: the request is not under way any more, and its effect is the old one."""
    dead, other = await start("dead"), await start("other")
    first = await lock(dead, request(instance="dead"))
    for _ in range(SILENT_BEATS):
        await other.processes.beat()
    found = await lock(other, request(instance="other"))
    assert (found.key, found.claim, found.effect) == (KEY, None, first.effect)
