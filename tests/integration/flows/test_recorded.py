"""What was recorded is replayed as it happened, Buyers' commands included; another pack differs where it does."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bridge.cli import app
from bridge.domain.model import Job, JobRef
from bridge.errors import NotRouted
from bridge.flows.refusals import Rejected, WfmTimeout, WfmUnavailable
from bridge.mapping.loader import make_pack
from bridge.mapping.pack import Pack
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from bridge.mef.models import AppointmentUpdate
from bridge.packtools.difference import Change, changes
from bridge.packtools.replay import Event, events_of, replay
from bridge.packtools.sandbox import Sandbox
from bridge.yaml_source import parse_yaml
from tests.integration.flows import acme
from tests.integration.flows.acme import AFTERNOON, IN_AFTERNOON, IN_MORNING, MORNING
from tests.integration.flows.conftest import ACME
from tests.integration.flows.world import BUYERS, World, Worlds

TEXT = (ACME / "pack.yaml").read_text()


def changed(*pieces: tuple[str, str]) -> Pack:
    """The ACME pack with pieces of its text replaced."""
    text = TEXT
    for old, new in pieces:
        assert old in text, old
        text = text.replace(old, new)
    return make_pack(parse_yaml(text, "pack.yaml"))


async def hear(world: World, stat: str, version: int, **fields: Any) -> None:
    world.clock.advance(seconds=1)
    await world.hear(replace(acme.event(stat, version, **fields), received_at=world.clock()))
    world.clock.advance(seconds=1)


async def events(world: World, pack: Pack) -> list[Event]:
    entries = await world.sql_store.journal.latest(limit=1000)
    return events_of(entries, await world.sql_store.commands.since(pack.name, acme.NOW))


async def replayed(world: World, pack: Pack) -> Job:
    book = Sandbox(pack)
    for event in await events(world, pack):
        replay(book, event)
    return book.job(JobRef(pack.name, "J-1"))


async def difference(world: World, pack: Pack, other: Pack) -> list[Change]:
    return list(changes(pack, other, await events(world, pack)))


async def a_visit(world: World) -> None:
    """A Buyer books the morning, moves to the afternoon; the WFM repeats each."""
    await hear(world, "NEW", 1)
    order = await world.work_order_of()
    appointment = await world.book(order)
    await hear(world, "SCHD", 2, **IN_MORNING)
    change = AppointmentUpdate(valid_for=AFTERNOON)
    await world.appointments.patch(BUYERS, appointment.id, change, frozenset({"validFor"}), "corr")
    await hear(world, "SCHD", 3, **IN_AFTERNOON)


def told(found: Sequence[Change], what: str) -> list[tuple[Any, Any]]:
    return [(change.old, change.new) for change in found if change.what == what]


async def test_what_a_buyer_booked_and_moved_is_so_in_the_replay_too(world: World, pack: Pack) -> None:
    await a_visit(world)
    job, order = await replayed(world, pack), await world.work_order_of()
    assert job.work_order is not None
    assert job.appointment is not None
    real = await world.store.reads.appointment(order.appointments[0])
    assert (job.work_order.state, job.work_order.details) == (order.state, order.details)
    for name in ("status", "valid_for", "contacts", "visit", "disregarded_window", "changed_at"):
        assert getattr(job.appointment, name) == getattr(real, name), name
    assert await difference(world, pack, pack) == []


async def test_a_cancelled_visit_is_cancelled_in_the_replay(world: World, pack: Pack) -> None:
    await a_visit(world)
    order = await world.work_order_of()
    await world.appointments.cancel(BUYERS, order.appointments[0], "corr")
    await hear(world, "VCAN", 4)
    job = await replayed(world, pack)
    assert job.appointment is not None
    assert job.work_order is not None
    assert (job.appointment.status, job.work_order.state) == (AppointmentStatus.CANCELLED, WorkOrderState.OPEN)


async def test_a_command_that_would_be_written_otherwise_is_shown_with_its_body(world: World, pack: Pack) -> None:
    """A slot's token is not recorded; its name stands for it."""
    await a_visit(world)
    other = changed(("CMD: BOOKVIS", "CMD: BOOKIT"))
    ((old, new),) = told(await difference(world, pack, other), "commands")
    (before,), (after,) = old, new
    assert (before["routing_key"], before["body"]["CMD"], after["body"]["CMD"]) == ("cmd.book", "BOOKVIS", "BOOKIT")
    assert after["body"] == {**before["body"], "CMD": "BOOKIT"}
    assert before["body"]["SLOT_ID"] == "slot.id"


async def test_an_answer_that_another_pack_takes_for_a_refusal_changes_what_the_buyer_sees(
    world: World, pack: Pack
) -> None:
    await a_visit(world)
    found = await difference(world, pack, changed(('accepted: ["00"]', 'accepted: ["01"]')))
    assert ("accepted", "refused") in [(old, str(new).partition(":")[0]) for old, new in told(found, "outcome")]
    assert told(found, "appointment") != []


async def test_an_echo_that_came_before_the_answer_waits_for_it_in_the_replay_too(world: World, pack: Pack) -> None:
    await hear(world, "NEW", 1)
    order = await world.work_order_of()
    world.bus.answers["cmd.book"] = lambda _: None
    await world.time_slots.offers(order, [MORNING], "c")
    booking = asyncio.create_task(world.book(order))
    asked = await world.bus.next("cmd.book")
    await hear(world, "SCHD", 2, **IN_MORNING)
    assert (await world.outcomes())[-1] == "waiting"
    await world.reply(asked, acme.done(VISIT_NO="V-0001"))
    await booking
    job = await replayed(world, pack)
    assert job.appointment is not None
    assert (job.appointment.status, len(job.ended_appointments)) == (AppointmentStatus.CONFIRMED, 0)
    assert job.versions == {"job": 2}


async def test_a_late_yes_is_taken_back_in_the_replay_and_what_never_left_did_not_happen(
    make_world: Worlds, pack: Pack
) -> None:
    world: World = await make_world(timeout_s=0.05)
    await hear(world, "NEW", 1)
    order = await world.work_order_of()
    await world.time_slots.offers(order, [MORNING], "c")
    world.bus.failure = NotRouted()
    with pytest.raises(WfmUnavailable):
        await world.book(order)
    world.bus.failure = None
    world.bus.answers["cmd.book"] = lambda _: None
    world.clock.advance(seconds=1)
    with pytest.raises(WfmTimeout):
        await world.book(order)
    world.clock.advance(seconds=1)
    await world.reply(world.bus.of("cmd.book")[-1], acme.done(VISIT_NO="V-0001"))
    assert await world.command_states() == ["failed", "compensated"]
    job = await replayed(world, pack)
    assert [command.state for command in job.commands] == ["compensated"]
    assert job.appointment is None
    found = await difference(world, pack, changed(("CMD: CANVIS", "CMD: UNDO")))
    assert len(told(found, "commands")) == 1


async def test_a_job_that_a_pack_does_not_open_could_not_have_been_booked(world: World, pack: Pack) -> None:
    await a_visit(world)
    other = changed(("PL-00017", "PL-99999"))
    found = await difference(world, pack, other)
    assert ("asked", "not possible: there is no WorkOrder") in told(found, "outcome")
    assert ("accepted", "not outstanding") in told(found, "outcome")


async def test_a_refusal_with_another_reason_is_told(world: World, pack: Pack) -> None:
    await hear(world, "NEW", 1)
    order = await world.work_order_of()
    world.bus.answers["cmd.book"] = lambda _: acme.refused("17")
    with pytest.raises(Rejected):
        await world.book(order)
    world.clock.advance(seconds=1)
    other = changed(("has been taken", "is gone"))
    ((old, new),) = told(await difference(world, pack, other), "outcome")
    assert str(old).replace("has been taken", "is gone") == new


async def test_the_command_line_replays_the_commands_of_the_database(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_visit(world)
    monkeypatch.setenv("BRIDGE_DATABASE_URL", f"sqlite:///{tmp_path / 'bridge.sqlite3'}")
    words = ["mapping", "diff", str(ACME), str(ACME)]
    result = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert result.exit_code == 0, result.exception
    assert result.output.startswith("3 messages, 2 commands, 0 differences: ")


async def test_what_was_held_is_replayed_in_its_time(make_world: Worlds) -> None:
    """The first cancellation is half of a move, the second one is one."""
    taken_back = "appointment: cancelled, appointment_required: true"
    pack = changed((taken_back, f"{taken_back}, wait_seconds: 30"))
    world: World = await make_world(pack=pack)
    await hear(world, "NEW", 1)
    await hear(world, "SCHD", 2, **IN_MORNING)
    await hear(world, "VCAN", 3)
    await hear(world, "SCHD", 4, **IN_MORNING)
    await hear(world, "VCAN", 5)
    world.clock.advance(seconds=30)
    assert await world.job_updates.apply_due() == 1
    await hear(world, "HOLD", 6)
    assert (await world.outcomes())[2:5] == ["superseded", "unchanged", "applied"]

    recorded = await events(world, pack)
    assert list(changes(pack, pack, recorded)) == []
    differing = {(one.event, one.what) for one in changes(pack, changed(), recorded)}
    assert ("no. 3", "appointment") in differing
    book = Sandbox(pack)
    for event in recorded:
        book.take_due(event.at)
        replay(book, event)
    job = book.job(JobRef(pack.name, "J-1"))
    assert job.work_order is not None
    assert job.appointment is not None
    assert (job.work_order.state, job.appointment.status) == (WorkOrderState.OPEN, AppointmentStatus.CANCELLED)
