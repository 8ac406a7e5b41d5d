"""A WFM that knows neither reply_to nor correlation_id: it answers to a fixed queue and repeats what it was given."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aio_pika
import pytest

from bridge.mef.enums import AppointmentStatus
from bridge.simulator.answers import Answers
from tests.support import eventually
from tests.support_replies import fixed_pack
from tests.system import crashing_bridge as crash
from tests.system.conftest import MakeLaboratory
from tests.system.laboratory import Laboratory
from tests.system.processes import BridgeProcess
from tests.system.test_commands import TIMEOUT_S, die_while_booking, refused_with, timed_out_booking

pytestmark = [pytest.mark.system, pytest.mark.integration]

JSON = Answers("acme.wfm.answers")
XML = Answers("acme.wfm.answers", xml=True)
EITHER = pytest.mark.parametrize("answers", [JSON, XML], ids=["json", "xml"])


@EITHER
async def test_a_visit_is_booked_and_cancelled(
    make_laboratory: MakeLaboratory, either_database_url: str, tmp_path: Path, answers: Answers
) -> None:
    lab = await make_laboratory(either_database_url, answers, PACKS=str(fixed_pack(tmp_path, answers)))
    await lab.bridge.start_ready()
    await lab.buyer.register()
    job, appointment, _ = await lab.booked()
    assert await eventually(lambda: lab.parties_agree(job)) == "confirmed"
    await lab.buyer.cancel(appointment.id)
    (found,) = await lab.buyer.appointments()
    assert found.status is AppointmentStatus.CANCELLED
    assert [visit.status for visit in lab.wfm.visits(job)] == ["cancelled"]
    assert {command["CMD"] for command in lab.wfm.commands} >= {"FINDSLOT", "BOOKVIS", "CANVIS"}
    await lab.stop_and_find_nothing_left()


@EITHER
async def test_a_booking_that_is_accepted_too_late_is_taken_back_and_the_wfm_asked_once(
    make_laboratory: MakeLaboratory, sqlite_url: str, tmp_path: Path, answers: Answers
) -> None:
    """The answer to the cancellation bears the id that the cancellation wrote; else the WFM would be asked for ever."""
    lab = await make_laboratory(sqlite_url, answers, PACKS=str(fixed_pack(tmp_path, answers)))
    job, _, _ = await timed_out_booking(lab, silent=False)
    await taken_back(lab, job)
    assert await eventually(lambda: lab.parties_agree(job)) == "nothing"
    assert sum(command["CMD"] == "CANVIS" for command in lab.wfm.commands) == 1
    await lab.stop_and_find_nothing_left()


async def taken_back(lab: Laboratory, job: str) -> None:
    """Wait until the WFM has cancelled the visit, and is not asked again."""
    await eventually(lambda: [visit.status for visit in lab.wfm.visits(job)] == ["cancelled"])
    await eventually(lambda: nothing_to_take_back(lab))


async def nothing_to_take_back(lab: Laboratory) -> bool:
    """Tell whether there is no booking that the WFM will be asked to take back, now or later."""
    async with (await lab.store()).transaction() as tx:
        return not await tx.bookings_to_take_back(datetime.now(UTC) + timedelta(days=1))


@EITHER
async def test_a_booking_that_is_never_answered_is_taken_back(
    make_laboratory: MakeLaboratory, sqlite_url: str, tmp_path: Path, answers: Answers
) -> None:
    variables = {"PACKS": str(fixed_pack(tmp_path, answers)), "COMMANDS_TIMEOUT_SECONDS": str(TIMEOUT_S)}
    lab = await make_laboratory(sqlite_url, answers, **variables)
    await lab.bridge.start_ready()
    await lab.buyer.register()
    job, work_order = await lab.new_job()
    lab.wfm.silent_next("BOOKVIS")
    window = (await lab.windows(work_order))[0]
    assert await refused_with(asyncio.create_task(lab.buyer.book(work_order, window))) == 504
    await taken_back(lab, job)
    await lab.stop_and_find_nothing_left()


@EITHER
async def test_an_answer_waits_in_the_fixed_queue_for_a_bridge_that_died(
    make_laboratory: MakeLaboratory, either_database_url: str, tmp_path: Path, answers: Answers
) -> None:
    variables = {"PACKS": str(fixed_pack(tmp_path, answers))}
    lab = await make_laboratory(either_database_url, answers, **variables)
    job = await die_while_booking(lab, crash.published_not_answered)
    await lab.bridge.start_ready()
    assert await eventually(lambda: lab.parties_agree(job)) == "confirmed"
    await lab.stop_and_find_nothing_left()


async def test_an_answer_that_nobody_can_read_is_parked_and_the_next_one_taken(
    make_laboratory: MakeLaboratory, sqlite_url: str, tmp_path: Path
) -> None:
    lab = await make_laboratory(sqlite_url, XML, PACKS=str(fixed_pack(tmp_path, XML)))
    await lab.bridge.start_ready()
    await lab.buyer.register()
    queue = lab.namespace + (XML.queue or "")
    for body in (b"<ANSWER><RC>00</RC></ANSWER>", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', b"{}"):
        await lab.channel.default_exchange.publish(aio_pika.Message(body), queue)
    job, _, _ = await lab.booked()
    assert await eventually(lambda: lab.parties_agree(job)) == "confirmed"
    reasons = [entry.entry.reason for entry in await lab.journal() if entry.entry.rule == "replies.unknown"]
    assert [reason.partition(": ")[0] for reason in reasons] == ["a reply to nobody knows which command"] * 3
    await lab.stop_and_find_nothing_left()


async def test_two_processes_share_the_queue_and_no_answer_is_missed(
    make_laboratory: MakeLaboratory, database_url: str, tmp_path: Path
) -> None:
    """Every other answer comes to the process that did not ask. Nothing waits for a time-out."""
    variables = {"PACKS": str(fixed_pack(tmp_path, JSON))}
    lab = await make_laboratory(database_url, JSON, **variables)
    await lab.bridge.start_ready()
    environ = {**lab.bridge.environ, "BRIDGE_INSTANCE": lab.topology.instance + "-2"}
    other = BridgeProcess(tmp_path / "other.log", environ)
    try:
        await other.start_ready()
        await lab.buyer.register()
        for _ in range(4):
            job, work_order = await lab.new_job()
            windows = await lab.windows(work_order)
            assert windows
            await lab.buyer.book(work_order, windows[0])
            assert lab.wfm.active_visit(job) is not None
        assert await other.stop() == 0
    finally:
        other.kill()
        await lab.channel.queue_delete(f"{lab.namespace}mef-bridge.{environ['BRIDGE_INSTANCE']}.replies")
    await lab.stop_and_find_nothing_left()
