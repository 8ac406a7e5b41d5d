"""A WFM that is asked once for all periods of a search."""

from pathlib import Path

import orjson
import pytest

from bridge.mapping.loader import load_pack
from bridge.mapping.pack import Pack
from tests.integration.flows.acme import MONDAY, MORNING
from tests.integration.flows.conftest import ACME
from tests.integration.flows.test_time_slots import found
from tests.integration.flows.world import World

AT_ONCE = f"""
pack: acme-wfm
version: "1"
extends: {ACME}
commands:
  search:
    body:
      DAYS: {{each: periods, item: {{value: each.start, format: "%Y-%m-%d"}}}}
"""


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """ACME's pack with these keys."""
    (tmp_path / "acme-wfm").mkdir()
    (tmp_path / "acme-wfm" / "pack.yaml").write_text(AT_ONCE)
    return load_pack(tmp_path / "acme-wfm")


async def test_one_question_is_for_all_periods_and_shows_what_lies_in_one_of_them(world: World) -> None:
    await world.open_work_order()
    assert await found(world, MONDAY, MORNING) == [MORNING, MONDAY]  # the afternoon between them was not asked for
    (sent,) = (orjson.loads(message.body) for message in world.bus.of("cmd.search"))
    assert sent["DAYS"] == ["2026-03-09", "2026-03-06"]
    assert (sent["FROM"], sent["TO"]) == ("2026-03-06 08:00", "2026-03-09 12:00")
