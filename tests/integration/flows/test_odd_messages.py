"""Messages that are not one snapshot of one job: deltas, several jobs at once, and what is of no job at all."""

from dataclasses import replace
from typing import Any

import orjson

from bridge.domain.model import BuyerId, JobRef
from bridge.flows.ports.journal_entry import WfmMessage
from tests.integration.flows.acme import raw
from tests.integration.flows.reading import entries, is_seen, work_orders
from tests.integration.flows.world import World, Worlds
from tests.unit.mapping.patches import pack_with

PACK = pack_with(
    """
inbound:
  deltas: true
  each: $.jobs
  job: $.part
  message_id: $.id
  version: $.rev
  ignore: [{routing_key: true, fits: {starts_with: heartbeat}, why: Nobody's job}]
fields:
  kind: {path: $.kind, required: true}
  task: {path: $.task}
rules:
  - {rule: made, when: {kind: made}, then: {work_order: open, creates: true}}
  - {rule: noted, when: {kind: noted}, then: {ignore: Nothing to see}}
  - {rule: planned, then: {work_order: planned}}
work_order: {task: {value: task, default: Look}}
commands: {search: null, cancel: null}
policies: {unoffered_window: refuse}
"""
)


def message(routing_key: str = "job", **body: Any) -> WfmMessage:
    return replace(raw(orjson.dumps(body), routing_key), pack="toy")


async def states(world: World) -> list[tuple[str, str]]:
    """The jobs, and the states of their WorkOrders."""
    found = await work_orders(world, frozenset({BuyerId("the-buyer")}))
    return sorted((order.job.key, order.state.value) for order in found)


async def test_each_part_of_a_message_goes_to_its_own_job_once(make_world: Worlds) -> None:
    world = await make_world(pack=PACK)
    both = message(id="M", rev=1, kind="made", jobs=["A", {}, "B"])
    await world.hear(both)
    await world.hear(both)
    assert [await is_seen(world, f"M#{part}", "toy") for part in range(3)] == [True, False, True]
    assert await states(world) == [("A", "open"), ("B", "open")]
    assert (await world.outcomes()).count("applied") == 2


async def test_a_part_that_waits_for_its_job_is_found_again_among_the_parts(make_world: Worlds) -> None:
    world = await make_world(pack=PACK)
    await world.hear(message(id="M1", rev=1, kind="made", jobs=["A"]))
    await world.hear(message(id="M2", rev=2, kind="go", jobs=["A", "B"]))
    await world.hear(message(id="M3", rev=1, kind="made", jobs=["B"]))
    assert await states(world) == [("A", "planned"), ("B", "planned")]


async def test_what_an_ignored_delta_told_is_known_to_the_next_message(make_world: Worlds) -> None:
    world = await make_world(pack=PACK)
    await world.hear(message(id="M1", rev=1, kind="made", task="Dig", jobs=["A"]))
    await world.hear(message(id="M2", rev=3, kind="noted", task="Lay", jobs=["A"]))
    await world.hear(message(id="M3", rev=2, kind="noted", task="Old", jobs=["A"]))
    await world.hear(message(id="M4", rev=4, kind="go", jobs=["A"]))
    assert await world.outcomes() == ["applied", "ignored", "ignored", "applied"]
    assert await world.sql_store.reads.record(JobRef("toy", "A")) == {"kind": "go", "task": "Lay"}


async def test_a_message_of_no_job_is_ignored_and_kept_in_the_journal(make_world: Worlds) -> None:
    world = await make_world(pack=PACK)
    await world.hear(message("heartbeat.1"))
    (entry,) = await entries(world)
    assert (entry.outcome, entry.reason, entry.job, entry.message) == ("ignored", "Nobody's job", None, None)
