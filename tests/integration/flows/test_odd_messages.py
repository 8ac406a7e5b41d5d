"""Messages that are not one snapshot of one job: deltas, several jobs at once, and what is of no job at all."""

from dataclasses import replace
from typing import Any

import orjson

from bridge.flows.ports import WfmMessage
from tests.integration.flows.acme import raw
from tests.integration.flows.world import Worlds
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


async def test_each_part_of_a_message_goes_to_its_own_job_once(make_world: Worlds) -> None:
    world = await make_world(pack=PACK)
    both = message(id="M", rev=1, kind="made", jobs=["A", {}, "B"])
    await world.hear(both)
    await world.hear(both)
    assert world.rows("SELECT pack, message_id FROM inbox ORDER BY 2") == [("toy", "M#0"), ("toy", "M#2")]
    assert world.rows("SELECT job_key, state FROM work_orders ORDER BY 1") == [("A", "open"), ("B", "open")]
    assert world.outcomes().count("applied") == 2


async def test_a_part_that_waits_for_its_job_is_found_again_among_the_parts(make_world: Worlds) -> None:
    world = await make_world(pack=PACK)
    await world.hear(message(id="M1", rev=1, kind="made", jobs=["A"]))
    await world.hear(message(id="M2", rev=2, kind="go", jobs=["A", "B"]))
    await world.hear(message(id="M3", rev=1, kind="made", jobs=["B"]))
    assert world.rows("SELECT job_key, state FROM work_orders ORDER BY 1") == [("A", "planned"), ("B", "planned")]


async def test_what_an_ignored_delta_told_is_known_to_the_next_message(make_world: Worlds) -> None:
    world = await make_world(pack=PACK)
    await world.hear(message(id="M1", rev=1, kind="made", task="Dig", jobs=["A"]))
    await world.hear(message(id="M2", rev=3, kind="noted", task="Lay", jobs=["A"]))
    await world.hear(message(id="M3", rev=2, kind="noted", task="Old", jobs=["A"]))
    await world.hear(message(id="M4", rev=4, kind="go", jobs=["A"]))
    assert world.outcomes() == ["applied", "ignored", "ignored", "applied"]
    assert [orjson.loads(record) for record in world.column("SELECT record FROM jobs")] == [
        {"kind": "go", "task": "Lay"}
    ]


async def test_a_message_of_no_job_is_ignored_and_kept_in_the_journal(make_world: Worlds) -> None:
    world = await make_world(pack=PACK)
    await world.hear(message("heartbeat.1"))
    assert world.rows("SELECT outcome, reason, job_key FROM journal") == [("ignored", "Nobody's job", None)]
    assert world.rows("SELECT * FROM inbox") == []
