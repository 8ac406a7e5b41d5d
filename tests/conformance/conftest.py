"""The suite's own results on a live bridge: run once, then held against by one test for each check and each fault."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import pytest
import pytest_asyncio

from bridge.cli.self_hosted import self_hosted
from bridge.conformance.report import Report
from bridge.conformance.runner import run
from bridge.conformance.scene import Scene, Stage
from tests.conformance.once import once

Results = dict[str, dict[str, Any]]
"""Results of checks by their id."""


@pytest.fixture(scope="session")
def checked(
    rabbitmq_url: str,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    worker_id: str,
) -> Results:
    """The results of the checks that this run has tests for."""
    wanted = {marker.args[0] for marker in _markers(request.session.items, "check")}

    async def check() -> Results:
        async with self_hosted(rabbitmq_url) as target:
            return by_id(await run(target, wanted))

    result: Results = once(tmp_path_factory, worker_id, "checked", lambda: asyncio.run(check()))
    return result


def by_id(report: Report) -> Results:
    """Index a report's checks by their id."""
    return {check["id"]: check for each in report.to_json()["requirements"] for check in each["checks"]}


def _markers(items: Iterable[pytest.Item], name: str) -> Iterable[pytest.Mark]:
    return (marker for item in items for marker in item.iter_markers(name))


MakeScene = Callable[[], Scene]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(rabbitmq_url: str) -> AsyncIterator[Stage]:
    """A live bridge with its simulated WFM, and a Buyer that is registered for everything."""
    async with self_hosted(rabbitmq_url) as target:
        stage = Stage(target)
        await stage.set_up()
        yield stage
        await stage.tear_down()


@pytest_asyncio.fixture(loop_scope="module")
async def scene(stage: Stage) -> AsyncIterator[Scene]:
    """One test's view of it."""
    scene = Scene(stage)
    yield scene
    await scene.end()
