"""kill -9 at exact points on the way from the WFM to the Buyer: nothing is lost, nothing happens twice.

The bridge dies at (or at the notification of) the message that says that work has started; the message after it comes
while the bridge is dead. See docs/durability.md.
"""

import signal
from collections.abc import Callable

import pytest

from bridge.domain.model import Outcome
from bridge.store.deliveries import LOST
from tests.support import eventually
from tests.system import crashing_bridge as crash
from tests.system.conftest import MakeLaboratory
from tests.system.laboratory import CREATED, REQUIRED, STATE, STATUS, Hop, Laboratory

pytestmark = [pytest.mark.system, pytest.mark.integration]

HOPS: list[Hop] = [
    ("workOrder", None, "open"),
    ("appointment", None, "confirmed"),
    ("workOrder", "open", "planned"),
    ("appointment", "confirmed", "inProgress"),
    ("workOrder", "planned", "inProgress"),
    ("appointment", "inProgress", "completed"),
    ("workOrder", "inProgress", "completed"),
]
OF_THE_WORK_ORDER = [CREATED, REQUIRED, STATE, STATE, STATE]
OF_THE_APPOINTMENT = [STATUS, STATUS, STATUS]


async def die_at_start_of_work(lab: Laboratory, point: Callable[[str], None]) -> str:
    await lab.start_dying(point)
    job, _ = await lab.planned()
    await lab.wfm.start_work(job)
    assert await lab.bridge.ended() == -signal.SIGKILL
    assert f"killed: {point.__name__}" in lab.bridge.said
    return job


async def recorded_starts(lab: Laboratory) -> int:
    return sum(crash.MARK in recorded.entry.raw.body for recorded in await lab.journal())


async def finish_after_restart(lab: Laboratory, job: str) -> None:
    """The WFM's last message comes while the bridge is dead; then the bridge is started again, and all is well."""
    await lab.wfm.finish(job)
    await lab.bridge.start_ready()
    expected = sorted([OF_THE_WORK_ORDER, OF_THE_APPOINTMENT])
    await eventually(lambda: sorted(lab.told().values()) == expected)
    await lab.until_settled()
    assert sorted(lab.told().values()) == expected
    assert await lab.hops(job) == HOPS
    outcomes = [recorded.entry.outcome for recorded in await lab.journal()]
    assert outcomes == [Outcome.APPLIED] * 4
    await lab.stop_and_find_nothing_left()


@pytest.mark.parametrize(
    ("point", "recorded"),
    [(crash.received_not_committed, 0), (crash.committed_not_acked, 1)],
    ids=["received, not committed", "committed, not acked"],
)
async def test_a_message_is_applied_once_whether_its_commit_was_before_or_after_the_crash(
    make_laboratory: MakeLaboratory, either_database_url: str, point: Callable[[str], None], recorded: int
) -> None:
    """RabbitMQ still has the message after the crash in both cases, and the Buyer is told everything exactly once."""
    lab = await make_laboratory(either_database_url)
    job = await die_at_start_of_work(lab, point)
    assert await recorded_starts(lab) == recorded
    await eventually(lambda: lab.waiting_in(lab.queues[0]))
    await finish_after_restart(lab, job)
    assert lab.repeated() == []


async def test_a_notification_that_was_committed_and_not_sent_is_sent_once(
    make_laboratory: MakeLaboratory, either_database_url: str
) -> None:
    lab = await make_laboratory(either_database_url)
    job = await die_at_start_of_work(lab, crash.claimed_not_sent)
    assert await recorded_starts(lab) == 1
    assert len(lab.buyer.received) == 4
    await finish_after_restart(lab, job)
    assert lab.repeated() == []


async def test_a_notification_that_was_sent_and_not_settled_comes_again_with_the_same_event_id(
    make_laboratory: MakeLaboratory, either_database_url: str
) -> None:
    """The Buyer drops it by its eventId. The WorkOrder's own notification left beside it, and may come again too.

    The attempt that the process died in is on record all the same.
    """
    lab = await make_laboratory(either_database_url)
    job = await die_at_start_of_work(lab, crash.sent_not_settled)
    assert await recorded_starts(lab) == 1
    assert any(attempt.status is None and attempt.error is None for attempt in await lab.attempts())
    await finish_after_restart(lab, job)
    assert lab.repeated() in ([STATUS], [STATUS, STATE], [STATE, STATUS])
    outcomes = [(attempt.status, attempt.error) for attempt in await lab.attempts()]
    assert (None, LOST) in outcomes
    assert set(outcomes) == {(None, LOST), (204, None)}
