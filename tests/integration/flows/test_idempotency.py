"""A request with an Idempotency-Key is carried out once: through retries, races, crashes and restarts."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from bridge.domain.model import CommandId, WorkOrder
from bridge.errors import StoreUnavailable
from bridge.flows.idempotency import Idempotency
from bridge.flows.ports.keyed_request import RequestKey, StoredAnswer
from bridge.flows.ports.subscription import SubscriptionId
from bridge.flows.refusals import KeyReused, Rejected, StillUnderWay, WfmTimeout
from bridge.mef.enums import Api, Irp
from bridge.mef.models import EventSubscriptionInput
from tests.integration.flows import acme
from tests.integration.flows.reading import visits
from tests.integration.flows.world import BUYER, BUYERS, World, Worlds
from tests.support import eventually

KEY = RequestKey("acme", "POST /appointment", "8e03978e")
LEASE = timedelta(seconds=30)
KEEP = timedelta(hours=24)

Work = Callable[[str], Awaitable[StoredAnswer]]


def idempotency(world: World, instance: str = "bridge-1") -> Idempotency:
    return Idempotency(world.store, world.clock, lambda: uuid4().hex, instance=instance, lease=LEASE, keep=KEEP)


def answering(status: int, calls: list[str], body: bytes = b"{}") -> Work:
    async def work(effect: str) -> StoredAnswer:
        calls.append(effect)
        return StoredAnswer(status, {"Location": f"/{effect}"}, body)

    return work


def booking(world: World, order: WorkOrder) -> Work:
    """What the Buyer's side does of a booking: statuses, and the Appointment's id as the body."""

    async def work(effect: str) -> StoredAnswer:
        try:
            request = acme.booking(order.id)
            booked = await world.appointments.book(BUYERS, request, "corr-buyer", CommandId(effect))
        except Rejected:
            return StoredAnswer(422, {}, b"")
        except WfmTimeout:
            return StoredAnswer(504, {}, b"")
        return StoredAnswer(201, {}, booked.id.encode())

    return work


async def test_the_same_request_is_answered_the_same_and_done_once(world: World) -> None:
    requests, calls = idempotency(world), list[str]()
    first = await requests.once(KEY, "f", answering(201, calls, b'{"id":"A-1"}'))
    again = await requests.once(KEY, "f", answering(201, calls, b"other"))
    assert (first.replayed, again.replayed) == (False, True)
    assert again.answer == first.answer == StoredAnswer(201, {"Location": f"/{calls[0]}"}, b'{"id":"A-1"}')
    assert len(calls) == 1


async def test_another_request_under_the_key_is_refused(world: World) -> None:
    requests, calls = idempotency(world), list[str]()
    await requests.once(KEY, "f", answering(201, calls))
    with pytest.raises(KeyReused):
        await requests.once(KEY, "g", answering(201, calls))
    assert len(calls) == 1


@pytest.mark.parametrize(
    "other", [KEY._replace(requester="b"), KEY._replace(operation="POST /hub"), KEY._replace(key="8E03978E")]
)
async def test_a_key_is_the_requesters_own_and_counts_for_one_operation(world: World, other: RequestKey) -> None:
    requests, calls = idempotency(world), list[str]()
    await requests.once(KEY, "f", answering(201, calls))
    assert not (await requests.once(other, "g", answering(201, calls))).replayed
    assert len(set(calls)) == 2


async def test_while_the_first_is_under_way_nobody_else_works_on_it(world: World) -> None:
    requests, calls, go = idempotency(world), list[str](), asyncio.Event()

    async def slow(effect: str) -> StoredAnswer:
        calls.append(effect)
        await go.wait()
        return StoredAnswer(204, {}, b"")

    first = asyncio.ensure_future(requests.once(KEY, "f", slow))
    await eventually(lambda: calls)
    with pytest.raises(StillUnderWay):
        await requests.once(KEY, "f", slow)
    with pytest.raises(KeyReused):
        await requests.once(KEY, "g", slow)
    go.set()
    assert (await first).answer.status == 204
    assert (await requests.once(KEY, "f", slow)).replayed
    assert len(calls) == 1


async def test_of_many_at_once_one_is_carried_out(world: World) -> None:
    requests, calls = idempotency(world), list[str]()
    tries = [requests.once(KEY, "f", answering(201, calls)) for _ in range(20)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert len(calls) == 1
    assert {type(outcome).__name__ for outcome in outcomes} <= {"Once", "StillUnderWay"}


@pytest.mark.parametrize("status", [500, 503, 504])
async def test_an_answer_of_5xx_does_not_use_the_key_up(world: World, status: int) -> None:
    requests, calls = idempotency(world), list[str]()
    await requests.once(KEY, "f", answering(status, calls))
    with pytest.raises(KeyReused):
        await requests.once(KEY, "g", answering(201, calls))
    assert not (await requests.once(KEY, "f", answering(201, calls))).replayed
    assert (await requests.once(KEY, "f", answering(201, calls))).replayed


async def test_a_request_that_was_refused_before_anything_was_done_leaves_its_key_free(world: World) -> None:
    requests, calls = idempotency(world), list[str]()
    await requests.once(KEY, "with a typing error", answering(422, calls))
    assert (await requests.once(KEY, "without", answering(201, calls))).answer.status == 201


async def test_a_refusal_of_the_wfm_uses_the_key_up(world: World) -> None:
    order = await world.open_work_order()
    world.bus.answers["cmd.book"] = lambda _: acme.refused()
    requests = idempotency(world)
    first = await requests.once(KEY, "f", booking(world, order))
    again = await requests.once(KEY, "f", booking(world, order))
    assert (first.answer.status, again.answer.status, again.replayed) == (422, 422, True)
    assert len(world.bus.of("cmd.book")) == 1


async def test_a_key_is_forgotten_after_its_time(world: World) -> None:
    requests, calls = idempotency(world), list[str]()
    await requests.once(KEY, "f", answering(201, calls))
    world.clock.advance(hours=23.9)
    assert await requests.forget_expired() == 0
    assert (await requests.once(KEY, "f", answering(201, calls))).replayed
    world.clock.advance(hours=0.1)
    assert not (await requests.once(KEY, "g", answering(201, calls))).replayed
    world.clock.advance(hours=24)
    assert await requests.forget_expired() == 1
    assert await requests.forget_expired() == 0


async def test_the_answer_survives_a_restart(make_world: Worlds) -> None:
    calls: list[str] = []
    before: World = await make_world()
    await idempotency(before).once(KEY, "f", answering(201, calls, b"\x00\xff"))
    after: World = await make_world()
    again = await idempotency(after).once(KEY, "f", answering(201, calls))
    assert (again.replayed, again.answer.body, len(calls)) == (True, b"\x00\xff", 1)


# a crash at each point of a booking


async def crash(task: asyncio.Future[Any]) -> None:
    """Let a try end as its process would: at once, with nothing put in order in the database."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_after_a_crash_before_anything_was_asked_of_the_wfm_a_retry_books(make_world: Worlds) -> None:
    before: World = await make_world()
    order = await before.open_work_order()
    started = asyncio.Event()

    async def stuck(_: str) -> StoredAnswer:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    task = asyncio.ensure_future(idempotency(before).once(KEY, "f", stuck))
    await started.wait()
    await crash(task)
    after: World = await make_world()
    once = await idempotency(after).once(KEY, "f", booking(after, order))
    assert (once.answer.status, await after.command_states()) == (201, ["accepted"])


async def test_after_a_crash_before_the_answer_of_the_wfm_a_retry_waits_for_it(make_world: Worlds) -> None:
    """The reply reaches the next process; the WFM is not asked twice."""
    before: World = await make_world()
    order = await before.open_work_order()
    before.bus.answers["cmd.book"] = lambda _: None
    task = asyncio.ensure_future(idempotency(before).once(KEY, "f", booking(before, order)))
    sent = await before.bus.next("cmd.book")
    await crash(task)
    after: World = await make_world()
    retry = asyncio.ensure_future(idempotency(after).once(KEY, "f", booking(after, order)))
    await after.reply(sent, acme.done(VISIT_NO="V-0001"))
    once = await retry
    assert (once.answer.status, once.replayed) == (201, False)
    assert (after.bus.of("cmd.book"), await after.command_states()) == ([], ["accepted"])
    assert [visit.id for visit in await visits(after)] == [once.answer.body.decode()]


async def test_after_a_crash_before_the_answer_was_kept_a_retry_finds_what_was_booked(make_world: Worlds) -> None:
    before: World = await make_world()
    order = await before.open_work_order()
    booked: list[bytes] = []

    async def dies(effect: str) -> StoredAnswer:
        booked.append((await booking(before, order)(effect)).body)
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await idempotency(before).once(KEY, "f", dies)
    after: World = await make_world()
    once = await idempotency(after).once(KEY, "f", booking(after, order))
    assert (once.answer.status, once.answer.body, once.replayed) == (201, booked[0], False)
    assert after.bus.of("cmd.book") == []
    assert (await idempotency(after).once(KEY, "f", booking(after, order))).replayed


async def test_when_the_answer_cannot_be_kept_the_buyer_has_it_and_a_retry_finds_it(world: World) -> None:
    """The database goes away after the booking: what was booked is answered, now and again."""
    order = await world.open_work_order()
    requests = idempotency(world)

    async def then_without_a_database(effect: str) -> StoredAnswer:
        answer = await booking(world, order)(effect)
        world.store.at_start = 1
        return answer

    first = await requests.once(KEY, "f", then_without_a_database)
    again = await requests.once(KEY, "f", booking(world, order))
    assert (first.answer.status, again.answer) == (201, first.answer)
    assert len(world.bus.of("cmd.book")) == 1


async def test_without_a_database_nothing_is_begun(world: World) -> None:
    calls: list[str] = []
    world.store.at_start = 1
    with pytest.raises(StoreUnavailable):
        await idempotency(world).once(KEY, "f", answering(201, calls))
    assert calls == []


async def test_after_a_timeout_a_retry_asks_the_wfm_anew(world: World) -> None:
    """504 means not done: the first booking would be taken back, were it accepted late."""
    order = await world.open_work_order()
    requests = idempotency(world)
    world.silence("cmd.book")
    assert (await requests.once(KEY, "f", booking(world, order))).answer.status == 504
    world.bus.answers["cmd.book"] = lambda _: acme.done(VISIT_NO="V-0001")
    assert (await requests.once(KEY, "f", booking(world, order))).answer.status == 201
    assert await world.command_states() == ["expired", "accepted"]
    assert (await requests.once(KEY, "f", booking(world, order))).replayed


# several processes


async def test_a_claim_of_another_process_holds_for_its_lease(make_world: Worlds) -> None:
    one: World = await make_world()
    other: World = await make_world()
    calls: list[str] = []
    started = asyncio.Event()

    async def stuck(_: str) -> StoredAnswer:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    task = asyncio.ensure_future(idempotency(one, "bridge-1").once(KEY, "f", stuck))
    await started.wait()
    with pytest.raises(StillUnderWay):
        await idempotency(other, "bridge-2").once(KEY, "f", answering(201, calls))
    await crash(task)
    other.clock.advance(seconds=LEASE.total_seconds())
    assert (await idempotency(other, "bridge-2").once(KEY, "f", answering(201, calls))).answer.status == 201


# cancel and hub


async def test_a_cancel_that_was_agreed_is_not_asked_for_again(world: World) -> None:
    appointment = await world.booked()
    cancel = CommandId("cancel-1")
    await world.appointments.cancel(BUYERS, appointment.id, "c", cancel)
    await world.appointments.cancel(BUYERS, appointment.id, "c", cancel)
    assert len(world.bus.of("cmd.cancel")) == 1


async def test_a_listener_that_is_registered_is_not_registered_again(world: World) -> None:
    request = EventSubscriptionInput(callback="https://buyer.test")
    register = world.subscriptions.register
    both = [
        await register(Api.APPOINTMENT, Irp.SONATA, BUYER, request, None, None, SubscriptionId("s-1")) for _ in "ab"
    ]
    assert both[0] == both[1]
    assert [report.subscription.id for report in await world.sql_store.listeners.reports()] == ["s-1"]
