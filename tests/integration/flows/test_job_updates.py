"""WFM → Buyer: what is stored before a message may be acked, and what becomes of messages that cannot be applied."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge import batcher
from bridge.backoff import Backoff
from bridge.domain.decide import decide as real_decide
from bridge.errors import NotKept
from bridge.flows import hold_queue
from bridge.mapping.pack import Pack
from bridge.mef.enums import WorkOrderState
from bridge.yaml_source import parse_yaml
from tests.integration.flows.acme import IN_MORNING, event, raw
from tests.integration.flows.conftest import ACME
from tests.integration.flows.reading import (
    became,
    deliveries,
    entries,
    events,
    is_seen,
    jobs_seen,
    parked,
    statuses,
    work_orders,
)
from tests.integration.flows.world import World, Worlds
from tests.support import eventually
from tests.unit.mapping.patches import pack_with


async def test_all_that_follows_from_a_message_is_committed_before_handle_returns(world: World) -> None:
    await world.listen()
    message = event("NEW", 1)
    await world.hear(message)

    assert await is_seen(world, "E-J-1-1")
    (entry,) = await entries(world)
    assert (entry.message, entry.job, entry.raw.body) == ("E-J-1-1", ("acme-wfm", "J-1"), message.body)
    assert (entry.outcome, entry.rule) == ("applied", "created")
    (order,) = await work_orders(world)
    assert (order.job.key, order.state, order.appointment_required) == ("J-1", "open", True)
    assert world.notified() == ["workOrderCreateEvent", "workOrderAppointmentRequiredEvent"]
    assert [delivery.state for delivery in await deliveries(world)] == ["pending", "pending"]
    (ticket,) = await world.outbox("cmd.ticket")
    assert (ticket["TT_NO"], ticket["STATUS"]) == ("TT-99", "PEND")
    assert {each.correlation_id for each in await events(world)} == {"corr-wfm"}


async def test_a_redelivered_message_does_nothing(world: World) -> None:
    await world.hear(event("NEW", 1))
    before = await entries(world), await events(world)
    await world.hear(event("NEW", 1))
    assert (await entries(world), await events(world)) == before


async def test_a_message_that_comes_twice_in_one_batch_is_applied_once(world: World) -> None:
    await world.hear(event("NEW", 1), event("NEW", 1))
    assert await world.outcomes() == ["applied"]


async def test_bytes_that_cannot_be_decoded_are_parked_as_they_came_and_say_why(world: World) -> None:
    await world.hear(raw(b'\xff{"JOB_NO'))
    (entry,) = await entries(world)
    assert (entry.outcome, entry.raw.body, entry.job) == ("parked", b'\xff{"JOB_NO', None)
    assert "is not UTF-8" in entry.reason
    assert entry.explanation["reason"] == entry.reason
    assert entry.message is None


async def test_a_code_that_nobody_mapped_parks_the_message_with_its_explanation(world: World) -> None:
    message = event("NEW", 1, CUST_ACC="PL-66666")
    await world.hear(message)
    (entry,) = await entries(world)
    assert (entry.outcome, entry.raw.body, entry.job) == ("parked", message.body, ("acme-wfm", "J-1"))
    assert "PL-66666" in entry.reason
    assert await work_orders(world) == []


async def test_a_message_that_the_pack_ignores_is_in_the_journal_and_does_nothing(world: World) -> None:
    order = await world.open_work_order()
    await world.hear(event("HOLD", 2))
    assert await world.outcomes() == ["applied", "ignored"]
    assert await world.work_order_of() == order


async def test_an_older_version_is_stale(world: World) -> None:
    await world.open_work_order()
    await world.hear(event("WIP", 3))
    await world.hear(event("SCHD", 2))
    assert await world.outcomes() == ["applied", "applied", "stale"]
    assert (await world.work_order_of()).state is WorkOrderState.IN_PROGRESS


async def test_updates_of_an_unknown_job_wait_and_are_applied_by_version_when_it_comes(world: World) -> None:
    await world.hear(event("WIP", 3, **IN_MORNING))
    await world.hear(event("SCHD", 2, **IN_MORNING))
    assert await world.outcomes() == ["waiting", "waiting"]

    await world.hear(event("NEW", 1))

    assert await became(world) == [
        ("E-J-1-3", "applied"),
        ("E-J-1-2", "applied"),
        ("E-J-1-1", "applied"),
    ]
    assert (await world.work_order_of()).state is WorkOrderState.IN_PROGRESS
    assert await statuses(world) == ["inProgress"]


def two_versions() -> Pack:
    """The ACME pack, of a WFM that counts the changes of jobs and of visits."""
    base: dict[str, Any] = parse_yaml((ACME / "pack.yaml").read_text(), "pack.yaml").data
    return pack_with(
        "inbound: {version: {path: $.JOB_VER, optional: true}, versions: {visit: {path: $.VISIT_VER, optional: true}}}",
        base,
    )


async def test_versions_of_different_objects_are_not_compared_while_updates_wait(make_world: Worlds) -> None:
    """The visit's seventh change came before the job's third: 7 and 3 say nothing about each other."""
    world: World = await make_world(pack=two_versions())
    await world.hear(event("SCHD", 7, JOB_VER="", VISIT_VER=7, **IN_MORNING))
    await world.hear(event("WIP", 3, **IN_MORNING), event("NEW", 1))
    assert await world.outcomes() == ["applied", "applied", "applied"]
    assert (await world.work_order_of()).state is WorkOrderState.IN_PROGRESS


async def test_updates_ahead_of_their_job_in_one_batch_are_applied_in_it(world: World) -> None:
    await world.hear(event("DONE", 4), event("SCHD", 2), event("NEW", 1), event("WIP", 3))
    assert await became(world) == [
        ("E-J-1-4", "applied"),
        ("E-J-1-2", "applied"),
        ("E-J-1-1", "applied"),
        ("E-J-1-3", "stale"),
    ]
    assert (await world.work_order_of()).state is WorkOrderState.COMPLETED


async def test_a_message_that_crashes_the_bridge_is_parked_and_its_neighbours_pass(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decide(job: Any, update: Any, *rest: Any) -> Any:
        if job.ref.key == "J-2":
            raise ZeroDivisionError("a defect")
        return real_decide(job, update, *rest)

    monkeypatch.setattr(hold_queue, "decide", decide)
    poison = event("NEW", 1, "J-2")
    await world.hear(event("NEW", 1, "J-1"), poison, event("NEW", 1, "J-3"))

    assert await jobs_seen(world) == ["J-1", "J-3"]
    (entry,) = await parked(world)
    assert entry.raw.body == poison.body
    assert "ZeroDivisionError: a defect" in entry.reason


async def test_a_message_that_cannot_even_be_parked_holds_the_others_and_is_not_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither does the bridge end, nor is anything acked that is stored nowhere."""
    monkeypatch.setattr(batcher, "RETRIES", Backoff(0.001, 1.0))
    monkeypatch.setattr(hold_queue, "decide", lambda *_: 1 / 0)
    failures = iter([ZeroDivisionError("a defect in parking"), ZeroDivisionError("again")])
    commit: Any = world.job_updates._batcher._commit
    park = commit._park

    async def parks_at_last(message: Any, error: Exception) -> None:
        for failure in failures:
            raise failure
        await park(message, error)

    monkeypatch.setattr(commit, "_park", parks_at_last)
    await world.hear(event("NEW", 1))
    assert await world.outcomes() == ["parked"]


def refuse(world: World, table: str, condition: str) -> None:
    """Have the database refuse some rows of a table, as a trigger of somebody else's may."""
    world.rows(
        f"CREATE TRIGGER refusal BEFORE INSERT ON {table} WHEN {condition} BEGIN SELECT RAISE(ABORT, 'not this'); END"
    )


async def test_a_message_that_the_database_refuses_is_parked_with_a_reason_that_quotes_nothing_of_it(
    world: World,
) -> None:
    refuse(world, "work_orders", "NEW.job_key = 'J-2'")
    with capture_logs() as logs:
        await world.hear(event("NEW", 1, "J-1"), event("NEW", 1, "J-2", REMARK="s3cret"), event("NEW", 1, "J-3"))
    assert await jobs_seen(world) == ["J-1", "J-3"]
    assert [entry.reason for entry in await parked(world)] == [
        "the bridge failed on this message: StoreDefect: the database refused a change: not this"
    ]
    assert "s3cret" not in str(logs)


async def test_a_message_that_the_database_refuses_to_keep_at_all_is_given_up_and_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever gave it keeps it, with the reason; and nothing is said to be parked that is not."""
    monkeypatch.setattr(batcher, "RETRIES", Backoff(0.001, 0.01))
    poison = event("NEW", 1, "J-2")
    refuse(world, "journal", f"NEW.body = x'{poison.body.hex()}'")
    with capture_logs() as logs:
        handled = [world.job_updates.handle(each) for each in (event("NEW", 1, "J-1"), poison, event("NEW", 1, "J-3"))]
        first, given_up, last = await asyncio.gather(*handled, return_exceptions=True)
    assert (first, last) == (None, None)
    assert isinstance(given_up, NotKept)
    assert "not this" in str(given_up)
    assert await jobs_seen(world) == ["J-1", "J-3"]
    assert world.job_updates.given_up == 1
    assert world.job_updates.oldest_s() == 0
    assert "message.parked" not in [line["event"] for line in logs]


async def test_a_message_that_waits_for_the_database_grows_old(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batcher, "RETRIES", Backoff(0.001, 0.01))
    world.store.at_start = 1_000_000
    waiting = asyncio.create_task(world.hear(event("NEW", 1)))
    await eventually(lambda: world.job_updates.oldest_s() > 0.02)
    world.store.at_start = 0
    await waiting
    assert world.job_updates.oldest_s() == 0


async def test_a_database_that_goes_away_is_waited_for_and_nothing_is_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batcher, "RETRIES", Backoff(0.001, 1.0))
    world.store.at_start, world.store.at_commit = 3, 2
    await world.hear(event("NEW", 1, "J-1"), event("NEW", 1, "J-2"))
    assert await jobs_seen(world) == ["J-1", "J-2"]
    assert await world.outcomes() == ["applied", "applied"]


async def test_the_watch_for_overdue_commands_survives_a_database_that_goes_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs beside everything else: if it ended, so would the bridge."""
    monkeypatch.setattr("bridge.flows.sweep.SWEEP_SECONDS", 0.001)
    sweep = asyncio.create_task(world.commands.sweep.run())
    world.store.at_start = 3
    begun = world.store.begun
    await eventually(lambda: sweep.done() or world.store.begun > begun + 5)
    assert not sweep.done()
    sweep.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sweep


async def test_messages_that_wait_together_share_transactions(world: World) -> None:
    begun = world.store.begun
    await world.hear(*(event("NEW", 1, f"J-{number}") for number in range(250)))
    assert world.store.begun - begun == 2  # 200, the most at once, and 50
    assert [entry.message for entry in await entries(world)] == [f"E-J-{n}-1" for n in range(250)]
