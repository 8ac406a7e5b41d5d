"""A parked message is applied once its pack is right: sent again by the WFM, or replayed by the operator."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.domain.model import JobRef
from bridge.flows.refusals import NotReplayable
from bridge.mapping.pack import Pack
from tests.integration.flows.acme import IN_MORNING, PACK, event, raw
from tests.integration.flows.reading import entries, work_orders
from tests.integration.flows.world import World, Worlds

UNMAPPED = {"CUST_ACC": "PL-66666"}


@pytest.fixture
def fixed(pack: Pack, world: World) -> Callable[[], None]:
    """Lets the pack take customers that it does not know for PL-00017."""

    def mended(body: bytes, *rest: Any) -> Any:
        return pack.read_all(body.replace(b"PL-66666", b"PL-00017").removeprefix(b"\xff"), *rest)

    return lambda: world.use(replace(pack, read_all=mended))


async def test_a_parked_message_that_is_sent_again_after_the_pack_was_fixed_is_applied(
    world: World, fixed: Callable[[], None]
) -> None:
    message = event("NEW", 1, **UNMAPPED)
    await world.hear(message)
    fixed()
    await world.hear(message)
    assert [(each.outcome, each.message) for each in await entries(world)] == [
        ("superseded", "E-J-1-1"),
        ("applied", "E-J-1-1"),
    ]
    assert [order.job.key for order in await work_orders(world)] == ["J-1"]
    await world.hear(message)
    assert await world.outcomes() == ["superseded", "applied"]


async def test_a_parked_message_is_replayed_with_all_that_follows_from_it(
    world: World, fixed: Callable[[], None]
) -> None:
    await world.listen()
    await world.hear(event("NEW", 1, **UNMAPPED))
    await world.hear(event("SCHD", 2, **IN_MORNING))
    fixed()
    (entry,) = await world.job_updates.replay(1)
    assert entry.outcome == "applied"
    assert (await entries(world))[0].reason.startswith("superseded by entry 3; was: ")
    assert await world.outcomes() == ["superseded", "applied", "applied"]
    assert [order.state for order in await work_orders(world)] == ["planned"]
    assert world.notified()[0] == "workOrderCreateEvent"
    await world.hear(event("NEW", 1, **UNMAPPED))
    assert await world.outcomes() == ["superseded", "applied", "applied"]


async def test_bytes_that_were_unreadable_are_replayed_under_the_id_that_is_read_now(
    world: World, fixed: Callable[[], None]
) -> None:
    message = event("NEW", 1)
    await world.hear(raw(b"\xff" + message.body))
    fixed()
    await world.job_updates.replay(1)
    assert [(each.outcome, each.message) for each in await entries(world)] == [
        ("superseded", None),
        ("applied", "E-J-1-1"),
    ]


async def test_a_parked_message_that_was_taken_since_is_not_applied_twice(
    world: World, fixed: Callable[[], None]
) -> None:
    message = event("NEW", 1)
    await world.hear(raw(b"\xff" + message.body))
    await world.hear(message)
    fixed()
    assert await world.job_updates.replay(1) == []
    assert await world.outcomes() == ["superseded", "applied"]
    assert (await entries(world))[0].reason.startswith("the message was taken since; was: ")


async def test_what_would_be_parked_again_stays_as_it_is_and_says_why(world: World) -> None:
    await world.hear(event("NEW", 1, **UNMAPPED))
    before = await entries(world)
    with capture_logs() as logs, pytest.raises(NotReplayable, match=r"entry 1 would be parked again: .*PL-66666"):
        await world.job_updates.replay(1)
    assert [line for line in logs if line["log_level"] == "warning"] == []  # it was told of when it was parked
    assert await entries(world) == before
    assert await world.sql_store.reads.record(JobRef(PACK, "J-1")) == {}
    assert await work_orders(world) == []


async def test_only_parked_messages_of_packs_that_run_are_replayed(make_world: Worlds, pack: Pack) -> None:
    world: World = await make_world()
    await world.hear(event("NEW", 1), raw(b"?"), replace(raw(b"?"), pack="acme-wfm"))
    for number, why in ((7, "there is no entry 7"), (1, "entry 1 is applied, not parked")):
        with pytest.raises(NotReplayable, match=why):
            await world.job_updates.replay(number)
    other: World = await make_world(pack=replace(pack, name="other"))
    with pytest.raises(NotReplayable, match="entry 2 is of pack acme-wfm, which this bridge does not run"):
        await other.job_updates.replay(2)
