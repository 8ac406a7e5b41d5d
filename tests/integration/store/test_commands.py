"""Commands towards the WFM and the windows it offered."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bridge.domain.model import CommandId, CommandKind, CommandState, OfferedSlot
from bridge.errors import ConflictError, StoreDefect
from bridge.flows.operator import CommandFilter
from bridge.flows.ports.transaction import Window
from bridge.mef.models import AppointmentUpdate
from bridge.store import SqlStore
from tests.integration.store.values import (
    NOW,
    OTHER_BUYER,
    ask,
    at,
    booking,
    contact,
    job,
    load,
    save,
    site,
    window,
    work_order,
)


async def test_a_command_comes_back_as_it_was_added(store: SqlStore) -> None:
    order = work_order()
    patch = AppointmentUpdate(valid_for=window(48), related_contact_information=(contact(),), related_place=site())
    commands = [
        booking(order),
        booking(order, kind=CommandKind.RESCHEDULE, request=patch, visit="V-1", correlation_id="corr-7"),
        booking(order, kind=CommandKind.CANCEL, window=None),
    ]
    async with store.transaction() as tx:
        await tx.save_jobs([job(order)])
        for command in commands:
            await ask(tx, command)
    async with store.transaction() as tx:
        assert [await tx.command(command.id) for command in commands] == commands
        assert await tx.command(CommandId("cmd-unknown")) is None


async def test_a_second_booking_under_way_for_a_work_order_is_a_conflict(store: SqlStore) -> None:
    order = work_order()
    first = booking(order)
    async with store.transaction() as tx:
        await tx.save_jobs([job(order)])
        await ask(tx, first)
    with pytest.raises(ConflictError):
        async with store.transaction() as tx:
            await ask(tx, booking(order))
    assert (await load(store, order.job)).commands == (first,)


async def test_another_command_or_a_booking_after_the_first_has_ended_is_no_conflict(store: SqlStore) -> None:
    order = work_order()
    first = booking(order)
    async with store.transaction() as tx:
        await tx.save_jobs([job(order)])
        await ask(tx, first)
        await ask(tx, booking(order, kind=CommandKind.CANCEL))
        await tx.settle_command(replace(first, state=CommandState.EXPIRED), {})
        await ask(tx, booking(order))
    assert len((await load(store, order.job)).commands) == 3


async def test_a_settled_command_keeps_its_answer(store: SqlStore) -> None:
    order = work_order()
    asked = booking(order)
    settled = replace(asked, state=CommandState.REFUSED, visit="V-1")
    async with store.transaction() as tx:
        await tx.save_jobs([job(order)])
        await ask(tx, asked)
        assert await tx.command_result(asked.id) is None
        await tx.settle_command(settled, {"code": "otherIssue", "reason": "slot taken"})
        assert await tx.command_result(asked.id) == (
            CommandState.REFUSED,
            {"code": "otherIssue", "reason": "slot taken"},
        )
    async with store.transaction() as tx:
        assert await tx.command(asked.id) == settled
        assert await tx.command_result(CommandId("cmd-unknown")) is None


async def test_a_change_after_settlement_leaves_the_answer(store: SqlStore) -> None:
    order = work_order()
    asked = booking(order)
    expired = replace(asked, state=CommandState.EXPIRED)
    async with store.transaction() as tx:
        await tx.save_jobs([job(order)])
        await ask(tx, asked)
        await tx.settle_command(expired, {"a": 1})
    async with store.transaction() as tx:
        await tx.save_jobs([replace(job(order), commands=(replace(expired, state=CommandState.COMPENSATED),))])
    async with store.transaction() as tx:
        assert await tx.command_result(asked.id) == (CommandState.COMPENSATED, {"a": 1})


@pytest.mark.parametrize("nonsense", ["a\x00b", "x" * 3000, "\U0001f600", "", "'; --"])
async def test_a_command_that_no_command_is_called_by_is_none(store: SqlStore, nonsense: str) -> None:
    """Whatever stands in the correlation id of an answer."""
    async with store.transaction() as tx:
        assert await tx.command(CommandId(nonsense)) is None


async def test_a_settled_command_never_becomes_pending_again(store: SqlStore) -> None:
    """A job that was loaded before still calls it pending, and is saved afterwards."""
    order = work_order()
    asked = booking(order)
    async with store.transaction() as tx:
        await tx.save_jobs([job(order)])
        await ask(tx, asked)
    async with store.transaction() as tx:
        before = (await tx.load_jobs([order.job]))[order.job]
        await tx.settle_command(replace(asked, state=CommandState.ACCEPTED), {"visit": "V-1"})
        assert await tx.command_result(asked.id) == (CommandState.ACCEPTED, {"visit": "V-1"})
        await tx.save_jobs([replace(before, commands=(replace(asked, visit="V-1"),))])
    async with store.transaction() as tx:
        assert await tx.command(asked.id) == replace(asked, state=CommandState.ACCEPTED, visit="V-1")


async def test_overdue_are_the_pending_commands_whose_time_is_up(store: SqlStore) -> None:
    order, other = work_order(), work_order()
    late = booking(order, expires_at=NOW)
    later = booking(order, kind=CommandKind.CANCEL, expires_at=NOW - timedelta(hours=1))
    commands = [
        late,
        later,
        booking(other, expires_at=at(seconds=1)),
        booking(order, state=CommandState.EXPIRED, expires_at=NOW - timedelta(hours=1)),
    ]
    async with store.transaction() as tx:
        await tx.save_jobs([job(order), job(other)])
        for command in commands:
            await ask(tx, command)
        assert await tx.overdue_commands(NOW) == [later, late]


async def test_what_was_asked_since_a_moment_is_read_oldest_first_whatever_became_of_it(store: SqlStore) -> None:
    order = work_order()
    newer = booking(order, state=CommandState.EXPIRED, created_at=at(seconds=5))
    older = booking(order, kind=CommandKind.CANCEL, created_at=NOW)
    before = booking(order, state=CommandState.ACCEPTED, created_at=at(seconds=-1))
    async with store.transaction() as tx:
        await tx.save_jobs([job(order)])
        await ask(tx, newer, older, before)
    assert await store.commands.since(order.job.pack, NOW) == [older, newer]
    assert await store.commands.since("another-pack", NOW) == []


async def test_all_that_was_asked_about_a_job_is_read_oldest_first(store: SqlStore) -> None:
    order, other = work_order(), work_order()
    newer = booking(order, state=CommandState.REFUSED, created_at=at(seconds=5))
    older = booking(order, created_at=NOW)
    async with store.transaction() as tx:
        await tx.save_jobs([job(order), job(other)])
        await ask(tx, newer, older, booking(other))
    assert await store.commands.of_job(order.job) == [older, newer]
    assert await store.commands.of_job(order.job._replace(pack="another-pack")) == []


async def test_a_command_of_no_work_order_is_a_defect_of_ours(store: SqlStore) -> None:
    with pytest.raises(StoreDefect):
        async with store.transaction() as tx:
            await ask(tx, booking(work_order()))


# Slots


async def test_an_offered_window_is_found_until_it_expires(store: SqlStore) -> None:
    order = work_order()
    slots = [OfferedSlot(window(24), {"SLOT_ID": "S-17"}), OfferedSlot(window(28), {"SLOT_ID": "S-18"})]
    async with store.transaction() as tx:
        await tx.save_jobs([job(order)])
        await tx.remember_slots(order.id, slots, at(minutes=10))
    async with store.transaction() as tx:
        first, second, short = (Window(order.id, period) for period in (window(24), window(28), window(24, hours=2)))
        strange = Window(work_order().id, window(24))
        assert await tx.offered_slots([second, short, strange], NOW) == {second: slots[1]}
        assert await tx.offered_slots([first, second], NOW) == {first: slots[0], second: slots[1]}
        assert await tx.offered_slots([first, second], at(minutes=10)) == {}


async def test_a_window_offered_again_has_its_newest_token(store: SqlStore) -> None:
    order = work_order()
    async with store.transaction() as tx:
        await tx.save_jobs([job(order)])
        await tx.remember_slots(order.id, [OfferedSlot(window(), {"SLOT_ID": "old"})], at(minutes=1))
        newest = [OfferedSlot(window(), {"SLOT_ID": token}) for token in ("new", "newest")]
        await tx.remember_slots(order.id, newest, at(minutes=10))
        await tx.remember_slots(order.id, [], at(minutes=20))
        asked = Window(order.id, window())
        assert await tx.offered_slots([asked], at(minutes=5)) == {asked: newest[1]}


async def test_an_accepted_command_is_known_until_the_wfm_has_repeated_it(store: SqlStore) -> None:
    order = work_order()
    asked = booking(order)
    granted = replace(asked, state=CommandState.ACCEPTED, echo_until=NOW + timedelta(seconds=1))
    over = replace(booking(order), state=CommandState.ACCEPTED, echo_until=NOW)
    async with store.transaction() as tx:
        await tx.save_jobs([job(order)])
        await ask(tx, asked)
        await tx.settle_command(granted, {})
        await ask(tx, over)
    known = await load(store, order.job)
    assert (known.commands, known.granted) == ((), (granted,))
    async with store.transaction() as tx:
        await tx.save_jobs([replace(known, granted=(replace(granted, echo_until=None),))])
    assert (await load(store, order.job)).granted == ()


async def test_operators_see_the_newest_commands_first_and_choose_among_them(store: SqlStore) -> None:
    order, other = work_order(), work_order(buyer=OTHER_BUYER)
    old = booking(order, state=CommandState.COMPENSATED, tries=2, try_again_at=at(minutes=5))
    refused = booking(order, state=CommandState.REFUSED, created_at=at(seconds=1))
    pending = booking(other, created_at=at(seconds=2))
    await save(store, job(order), job(other))
    async with store.transaction() as tx:
        await tx.load_jobs({order.job, other.job})
        await tx.add_commands([pending])
        await tx.settle_command(old, {"problems": []})
        await tx.settle_command(refused, {"problems": []})

    async def chosen(**wanted: Any) -> list[str]:
        return [each.command.id for each in await store.commands.reports(CommandFilter(**wanted))]

    assert await chosen() == [pending.id, refused.id, old.id]
    assert await chosen(in_flight=True) == [pending.id, old.id]
    assert await chosen(state=CommandState.REFUSED) == [refused.id]
    assert await chosen(kind=CommandKind.CANCEL) == []
    assert await chosen(buyer=OTHER_BUYER) == [pending.id]
    assert await chosen(jobs=[order.job]) == [refused.id, old.id]
    assert await chosen(jobs=[]) == []
    found = await store.commands.report(refused.id)
    assert found is not None
    assert (found.command.id, found.result) == (refused.id, {"problems": []})
    assert await store.commands.report(CommandId("nothing")) is None
