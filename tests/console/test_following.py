"""A story that goes on: what a page is sent of it, and a program."""

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientResponse, ClientSession

from bridge.domain.model import JobRef
from bridge.errors import StoreUnavailable
from bridge.flows.following import Following
from tests.console.conftest import Program
from tests.console.scene import PACK, Scene, open_scene
from tests.console.test_api import valid
from tests.support import PATIENCE_S, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

REMARK = "Key with Mrs Nowak, +48 600 555 999"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """A bridge to which nothing has happened yet."""
    async with open_scene(tmp_path_factory.mktemp("following")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for a look."""
    monkeypatch.setattr("bridge.console.event_streams.LOOK_S", 0.02)
    monkeypatch.setattr("bridge.flows.following.LOOK_S", 0.01)


class Stream:
    """Server-sent events as they come."""

    def __init__(self, answer: ClientResponse) -> None:
        self.answer = answer

    async def event(self) -> dict[str, str]:
        """Wait for the next event; its lines by their names."""
        while True:
            async with asyncio.timeout(PATIENCE_S):
                block = (await self.answer.content.readuntil(b"\n\n")).decode()
            fields: dict[str, str] = {}
            for line in block.strip("\n").split("\n"):
                name, _, value = line.partition(": ")
                fields[name] = f"{fields[name]}\n{value}" if name in fields else value
            if "event" in fields:
                return fields


@asynccontextmanager
async def opened(program: Program, path: str, **headers: str) -> AsyncIterator[Stream]:
    """Open a stream."""
    asked = {**program._headers, **headers}
    async with program.session.get(program.url + path, headers=asked) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "text/event-stream"
        yield Stream(answer)


async def a_job(scene: Scene, **facts: Any) -> str:
    """Have the WFM make a job, and wait until Buyers know all of it."""
    job = await scene.wfm.create_job(**{"visit_required": False, **facts})
    await eventually(lambda: scene.bridge.store.traces.find(job))

    async def is_told() -> bool:
        (found,) = (await scene.bridge.store.traces.find(job)).jobs
        trace = await scene.bridge.store.traces.read(found)
        return bool(trace.deliveries) and all(each.attempts for each in trace.deliveries)

    await eventually(is_told)
    return job


async def stream_of(program: Program, job: str) -> str:
    """Give where a page that shows a job's story is told how it goes on."""
    page = await program.text("/console/story", pack=PACK, job=job)
    (stream,) = re.findall(r'data-stream="([^"]+)"', page)
    (since,) = re.findall(r'data-since="([^"]+)"', page)
    return f"{html.unescape(stream)}&since={since}"


def ids_in(text: str) -> list[str]:
    return re.findall(r'<(?:li|div) id="((?:story|step)-[^"]+)"', text)


async def test_a_page_that_has_all_is_sent_what_is_new_and_nothing_else(scene: Scene, operator: Program) -> None:
    job = await a_job(scene)
    page = await operator.text("/console/story", pack=PACK, job=job)
    async with opened(operator, await stream_of(operator, job)) as stream:
        first = await stream.event()
        assert set(ids_in(first["data"])) <= {"story-waits"}
        await scene.wfm.raw(job, status="LEFT")
        told = ""
        while "is parked" not in told:
            told = (await stream.event())["data"]
    steps = [each for each in ids_in(told) if each.startswith("step-")]
    (step,) = steps
    assert step not in page
    before = re.findall(r'<li id="(step-[^"]+)"', page)[-1]
    assert f'data-after="{before}"' in told
    assert "story-parked" in ids_in(told)
    assert 'class="message hot"' in told


async def test_a_page_that_lost_its_stream_is_sent_what_it_missed(scene: Scene, operator: Program) -> None:
    job = await a_job(scene)
    where = await stream_of(operator, job)
    async with opened(operator, where) as stream:
        await scene.wfm.raw(job, status="LEFT")
        last = await stream.event()
        while "is parked" not in last["data"]:
            last = await stream.event()
    async with opened(operator, where, **{"Last-Event-ID": last["id"]}) as stream:
        assert set(ids_in((await stream.event())["data"])) <= {"story-waits"}
    async with opened(operator, where) as stream:
        again = (await stream.event())["data"]
    assert "is parked" in again
    assert set(ids_in(last["data"])) <= set(ids_in(again))


async def test_a_stream_shows_viewers_what_pages_show_them(scene: Scene, operator: Program, viewer: Program) -> None:
    job = await a_job(scene, remark=REMARK)
    for program, is_seen in ((operator, True), (viewer, False)):
        async with opened(program, f"/console/story/stream?pack={PACK}&job={job}") as stream:
            told = (await stream.event())["data"]
        assert ("Mrs Nowak" in told) is is_seen
        async with opened(program, f"/api/v1/trace/{job}", Accept="text/event-stream") as stream:
            story = json.loads((await stream.event())["data"])
        assert valid("Story", story)["job"] == job
    page = await viewer.text("/console/story", pack=PACK, job=job)
    assert "•••" in page
    async with opened(viewer, await stream_of(viewer, job)) as stream:
        assert set(ids_in((await stream.event())["data"])) <= {"story-waits"}


async def test_a_program_is_told_the_story_and_then_what_is_new(scene: Scene, viewer: Program) -> None:
    job = await a_job(scene)
    _, whole = await viewer.get(f"/api/v1/trace/{job}")
    async with opened(viewer, f"/api/v1/trace/{job}", Accept="text/event-stream") as stream:
        first = await stream.event()
        assert first["event"] == "story"
        assert json.loads(first["data"])["steps"] == whole["stories"][0]["steps"]
        await scene.wfm.raw(job, status="LEFT")
        story = valid("Story", json.loads((await stream.event())["data"]))
    assert [(step["kind"], step["isTrouble"]) for step in story["steps"]] == [("message", True)]
    assert any("is parked" in line for line in story["waiting"])


async def test_a_program_follows_one_job_that_exists(scene: Scene, viewer: Program) -> None:
    for _ in range(2):
        await a_job(scene, ticket="TT-2002")
    for id_, status, says in (("TT-2002", 409, "several jobs"), ("nothing-has-this", 404, "Nothing on record")):
        asked = {**viewer._headers, "Accept": "text/event-stream"}
        async with viewer.session.get(f"{viewer.url}/api/v1/trace/{id_}", headers=asked) as answer:
            assert (answer.status, answer.content_type) == (status, "application/problem+json")
            assert says in (await answer.json(content_type=None))["detail"]


async def test_who_is_not_known_follows_nothing(scene: Scene, viewer: Program) -> None:
    stranger = Program(viewer.session, viewer.url, "no-key")
    for path, status in (("/console/story/stream?pack=p&job=j", 303), ("/api/v1/trace/j", 401)):
        async with stranger.session.get(
            stranger.url + path,
            headers={**stranger._headers, "Accept": "text/event-stream"},
            allow_redirects=False,
        ) as answer:
            assert answer.status == status


async def test_not_endlessly_many_follow_and_who_leaves_makes_room(
    scene: Scene, operator: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await a_job(scene)
    monkeypatch.setattr(Following, "is_full", property(lambda self: JobRef(PACK, job) in self._jobs))
    path = f"/console/story/stream?pack={PACK}&job={job}"
    async with opened(operator, path) as stream:
        await stream.event()
        async with operator.session.get(operator.url + path, headers=operator._headers) as answer:
            assert answer.status == 503
            assert "Reload to see what is new" in await answer.text()

    async def is_let_in() -> bool:
        async with operator.session.get(operator.url + path, headers=operator._headers) as answer:
            return answer.status == 200

    await eventually(is_let_in)


async def test_a_stream_outlives_a_database_that_is_away(
    scene: Scene, operator: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await a_job(scene)
    async with opened(operator, await stream_of(operator, job)) as stream:
        await stream.event()
        asked = 0

        async def away(self: object, job: object) -> str:
            nonlocal asked
            asked += 1
            raise StoreUnavailable("away")

        with monkeypatch.context() as patched:
            patched.setattr("bridge.store.traces.Traces.mark", away)
            await eventually(lambda: asked > 2)
        await scene.wfm.raw(job, status="LEFT")
        told = ""
        while "is parked" not in told:
            told = (await stream.event())["data"]


async def test_a_bridge_that_ends_does_not_wait_for_its_streams(session: ClientSession, tmp_path: Path) -> None:
    async with AsyncExitStack() as reader:
        async with open_scene(tmp_path) as scene:
            program = Program(session, scene.console, "operator-key")
            stream = await reader.enter_async_context(opened(program, f"/console/story/stream?pack={PACK}&job=none"))
            await stream.event()
        rest = await stream.answer.content.read()
    assert rest.startswith(b":") or not rest
