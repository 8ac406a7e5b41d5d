"""A bridge is ready if all that it needs is there: one queue that is not bound, or not consumed, and it is not.

What is wrong with the database is said in words.
"""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bridge.app.buyer_side import readiness
from bridge.app.leaving import Leaving
from bridge.app.wfm_side import WfmSide
from bridge.settings import Settings

READ_ONLY = "the database is read-only"
TOO_OLD = "the oldest message of the WFM waits for 61 s to be stored (see commit.waiting in the log)"
WRONG = "what is wrong, in a line"


def part(good: bool, **more: bool) -> Any:
    return SimpleNamespace(problem=None if good else WRONG, **more)


def waiting(oldest_s: float, given_up: int) -> Any:
    return SimpleNamespace(oldest_s=lambda: oldest_s, given_up=given_up)


async def _count() -> int:
    return 2


async def told(
    database: bool = True,
    broker: bool = True,
    publishing: bool = True,
    inbound: bool = True,
    replies: bool = True,
    messages: bool = True,
    given_up: int = 0,
    leaving: bool = False,
) -> Any:
    """What is told where the second queue of a kind is as given; the first is as it should be."""
    parts: Any = SimpleNamespace(
        settings=Settings(),
        store=SimpleNamespace(
            problem=None if database else READ_ONLY, listeners=SimpleNamespace(count_disabled=_count)
        ),
        link=part(broker),
        leaving=Leaving(begun=leaving),
    )
    elsewhere: Any = None
    wfm_side = WfmSide(
        workshop=elsewhere,
        requests=elsewhere,
        retention=elsewhere,
        outbox=elsewhere,
        mark=elsewhere,
        job_updates=waiting(3.2 if messages else 61.0, given_up),
        commands=waiting(0.0, given_up),
        inbound=[part(good=True, stands_by=True), part(inbound, stands_by=False)],
        replies=[part(good=True), part(replies)],
        dead_letters=cast("Any", SimpleNamespace(depth=3)),
        bus=part(publishing),
    )
    return await readiness(parts, wfm_side)


GOOD = {
    "database": True,
    "messages": True,
    "broker": True,
    "publishing": True,
    "inbound": True,
    "replies": True,
    "open": True,
    "deadLetters": 3,
    "standingBy": 1,
    "oldestUncommittedSeconds": 3,
    "neitherAppliedNorParked": 0,
    "disabledListeners": 2,
}


@pytest.mark.parametrize(
    ("missing", "as_told"),
    [("database", READ_ONLY), ("broker", WRONG), ("publishing", WRONG), ("inbound", WRONG), ("replies", WRONG)],
)
async def test_what_is_missing_is_named(missing: str, as_told: str) -> None:
    assert await told() == GOOD
    assert await told(**{missing: False}) == GOOD | {missing: as_told}


async def test_a_bridge_that_is_asked_to_stop_says_so_before_it_closes() -> None:
    assert await told(leaving=True) == GOOD | {"open": "the bridge is being stopped"}


async def test_a_message_that_waits_too_long_to_be_stored_is_told_of() -> None:
    assert await told(messages=False) == GOOD | {"messages": TOO_OLD, "oldestUncommittedSeconds": 61}


async def test_messages_that_could_not_even_be_parked_are_counted_and_stop_nobody() -> None:
    assert await told(given_up=1) == GOOD | {"neitherAppliedNorParked": 2}
