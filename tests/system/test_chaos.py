"""A short run of `make chaos`: while everything around the bridge fails, nothing is lost, doubled or disordered."""

from pathlib import Path

import pytest

from benchmarks.chaos.run import Plan, run

pytestmark = [pytest.mark.system, pytest.mark.integration]

PLAN = Plan(events=90, jobs=10, kills=1, seed=137, at_once=10, hangs=0, pace_s=0.5)
"""No listener hangs, as one that does is left alone for a minute."""


async def test_a_bridge_that_is_killed_and_cut_off_loses_and_doubles_nothing(
    rabbitmq_url: str, database_url: str, tmp_path: Path
) -> None:
    result = await run(PLAN, rabbitmq_url, database_url, tmp_path)
    assert result.findings == [], result.explained()
    assert sum(result.faults.values()) == 2 * PLAN.kills
