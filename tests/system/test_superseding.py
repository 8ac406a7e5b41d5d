"""Messages that are held, over a real RabbitMQ: a WFM that cancels a visit and creates it anew."""

import signal
from datetime import timedelta
from pathlib import Path

import pytest

from bridge.domain.model import Outcome
from tests.support import eventually
from tests.system import crashing_bridge as crash
from tests.system.conftest import MakeLaboratory, rewrite
from tests.system.laboratory import REQUIRED, STATE, STATUS, Laboratory

pytestmark = [pytest.mark.system, pytest.mark.integration]

TAKEN_BACK = "then: {work_order: open, appointment: cancelled, appointment_required: true}"


def holding(pack: Path, seconds: int) -> str:
    """The pack in the box, of a WFM that cancels visits to move them."""
    rewrite(pack, TAKEN_BACK, TAKEN_BACK.replace("}", f", wait_seconds: {seconds}}}"))
    return str(pack)


async def outcomes(lab: Laboratory) -> list[Outcome]:
    """What became of the messages, in order of arrival."""
    return [recorded.entry.outcome for recorded in await lab.journal()]


def told_since(lab: Laboratory, before: int) -> list[str]:
    return [received.event.event_type for received in lab.buyer.received[before:]]


async def test_a_cancellation_and_a_creation_are_a_move_or_nothing(
    make_laboratory: MakeLaboratory, either_database_url: str, pack: Path
) -> None:
    lab = await make_laboratory(either_database_url, PACKS=holding(pack, 600))
    await lab.bridge.start_ready()
    job, (start, end) = await lab.planned()
    heard = len(lab.buyer.received)

    await lab.wfm.take_back_visit(job)
    await lab.wfm.schedule(job, (start, end))
    await lab.until_heard(job)
    assert (await outcomes(lab))[2] is Outcome.SUPERSEDED
    await lab.until_settled()
    assert told_since(lab, heard) == []
    assert await eventually(lambda: lab.parties_agree(job)) == "confirmed"

    await lab.wfm.take_back_visit(job)
    await lab.wfm.schedule(job, (start + timedelta(days=7), end + timedelta(days=7)))
    await lab.until_heard(job)
    assert (await outcomes(lab))[4] is Outcome.SUPERSEDED
    await eventually(lambda: len(told_since(lab, heard)) == 3)
    assert sorted(told_since(lab, heard)) == sorted([STATUS, STATE, REQUIRED])
    await lab.stop_and_find_nothing_left()


async def test_a_bridge_that_is_killed_while_a_message_is_held_applies_it_after_its_restart(
    make_laboratory: MakeLaboratory, either_database_url: str, pack: Path
) -> None:
    lab = await make_laboratory(either_database_url, PACKS=holding(pack, 1))
    await lab.start_dying(crash.held_not_acked)
    job, _ = await lab.planned()
    heard = len(lab.buyer.received)
    await lab.wfm.take_back_visit(job)
    assert await lab.bridge.ended() == -signal.SIGKILL
    assert (await outcomes(lab))[2:] == [Outcome.WAITING]

    await lab.bridge.start_ready()
    await eventually(lambda: len(told_since(lab, heard)) == 3)
    assert sorted(told_since(lab, heard)) == sorted([STATUS, STATE, REQUIRED])
    assert (await outcomes(lab))[2:] == [Outcome.APPLIED]
    await lab.stop_and_find_nothing_left()


async def test_a_running_bridge_applies_what_nothing_superseded(
    make_laboratory: MakeLaboratory, sqlite_url: str, pack: Path
) -> None:
    lab = await make_laboratory(sqlite_url, PACKS=holding(pack, 1))
    await lab.bridge.start_ready()
    job, _ = await lab.planned()
    heard = len(lab.buyer.received)
    await lab.wfm.take_back_visit(job)
    await eventually(lambda: len(told_since(lab, heard)) == 3)
    entry = (await lab.journal())[2].entry
    assert (entry.outcome, entry.due_at) == (Outcome.APPLIED, None)
    assert entry.explanation["rule"] == "visit-taken-back"
    await lab.stop_and_find_nothing_left()
