"""A WFM whose windows may be cut to the period that the Buyer asks for, and of equal ones the cheapest taken."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from bridge.flows.refusals import Rejected
from bridge.mapping.loader import load_pack
from bridge.mapping.pack import Pack
from bridge.mef.models import TimePeriod
from tests.integration.flows import acme
from tests.integration.flows.acme import AFTERNOON, MORNING
from tests.integration.flows.conftest import ACME
from tests.integration.flows.test_time_slots import found
from tests.integration.flows.world import World

CUT = f"""
pack: acme-wfm
version: "1"
extends: {ACME}
commands:
  search:
    reply:
      slots: {{partly: clip, shortest: 60, prefer: {{path: $.COST, order: lowest}}}}
"""


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """ACME's pack with these keys."""
    (tmp_path / "acme-wfm").mkdir()
    (tmp_path / "acme-wfm" / "pack.yaml").write_text(CUT)
    return load_pack(tmp_path / "acme-wfm")


def slot(id_: str, start: str, end: str, cost: object) -> dict[str, Any]:
    return {"SLOT_ID": id_, "FROM": f"2026-03-06 {start}", "TO": f"2026-03-06 {end}", "COST": cost}


LATE_MORNING = TimePeriod(start_date_time=MORNING.start_date_time.replace(hour=9), end_date_time=MORNING.end_date_time)
AROUND_NOON = TimePeriod(
    start_date_time=LATE_MORNING.start_date_time, end_date_time=AFTERNOON.start_date_time.replace(minute=59)
)


async def test_a_window_that_is_cut_is_booked_as_it_was_shown_by_the_token_of_the_cheapest(world: World) -> None:
    order = await world.open_work_order()
    slots = [slot("S-1", "08:00", "12:00", 9), slot("S-2", "06:00", "12:00", "2.5"), slot("S-3", "12:00", "16:00", 1)]
    world.bus.answers["cmd.search"] = lambda _: acme.done(SLOTS=slots)
    assert await found(world, AROUND_NOON) == [LATE_MORNING]
    appointment = await world.book(order, LATE_MORNING)
    assert appointment.valid_for == LATE_MORNING
    (sent,) = (orjson.loads(message.body) for message in world.bus.of("cmd.book"))
    assert (sent["SLOT_ID"], sent["FROM"], sent["TO"]) == ("S-2", "2026-03-06 10:00", "2026-03-06 12:00")


async def test_a_window_has_a_piece_in_each_period(world: World) -> None:
    await world.open_work_order()
    world.bus.answers["cmd.search"] = lambda _: acme.done(SLOTS=[slot("S-1", "08:00", "16:00", 9)])
    assert await found(world, MORNING, AFTERNOON) == [MORNING, AFTERNOON]


async def test_a_piece_that_was_never_offered_is_searched_for_and_booked_if_it_is_long_enough(world: World) -> None:
    order = await world.open_work_order()
    world.bus.answers["cmd.search"] = lambda _: acme.done(SLOTS=[slot("S-1", "08:00", "12:00", 9)])
    assert (await world.book(order, LATE_MORNING)).valid_for == LATE_MORNING
    other = await world.open_work_order("J-2")
    minutes = TimePeriod(
        start_date_time=MORNING.start_date_time, end_date_time=MORNING.start_date_time.replace(minute=59)
    )
    with pytest.raises(Rejected):
        await world.book(other, minutes)
