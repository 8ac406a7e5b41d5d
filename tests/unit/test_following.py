"""A job that is followed: how often the store is asked, and for what."""

import asyncio

import pytest

from bridge.domain.model import JobRef
from bridge.errors import StoreUnavailable
from bridge.flows.following import Following
from bridge.flows.ports.job_trace import JobTrace

PARTS = ("work_orders", "appointments", "messages", "commands", "sent", "events", "deliveries")
JOB, OTHER = JobRef("p", "j"), JobRef("p", "other")


class Traces:
    """A store that counts what it is asked."""

    def __init__(self) -> None:
        self.now = "1"
        self.asked: list[str] = []

    async def mark(self, job: JobRef) -> str:
        await asyncio.sleep(0)
        self.asked.append(f"mark of {job.key}")
        return self.now

    async def read(self, job: JobRef) -> JobTrace:
        await asyncio.sleep(0)
        self.asked.append(f"read {job.key}")
        return JobTrace(
            job=job, work_orders=(), appointments=(), messages=(), commands=(), sent=(), events=(), deliveries=()
        )


async def away(job: JobRef) -> JobTrace:
    raise StoreUnavailable(f"away, with {job.key}")


async def test_however_many_follow_a_job_the_store_is_asked_once_a_look() -> None:
    traces = Traces()
    following = Following(traces)
    with following.of(JOB) as first, following.of(JOB) as second, following.of(OTHER) as other:
        looks = await asyncio.gather(*(each.look() for each in (first, second, first, other)))
        assert looks[0] is looks[1] is looks[2]
    assert sorted(traces.asked) == ["mark of j", "mark of other", "read j", "read other"]


async def test_a_story_is_read_again_only_where_its_mark_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.flows.following.LOOK_S", 0.0)
    traces = Traces()
    with Following(traces).of(JOB) as followed:
        first = await followed.look()
        assert await followed.look() is first
        traces.now = "2"
        assert await followed.look() is not first
    assert traces.asked == ["mark of j", "read j", "mark of j", "mark of j", "read j"]


async def test_a_look_that_fails_leaves_the_next_one_to_ask_again(monkeypatch: pytest.MonkeyPatch) -> None:
    traces = Traces()
    with Following(traces).of(JOB) as followed:
        with monkeypatch.context() as patched:
            patched.setattr(traces, "read", away)
            with pytest.raises(StoreUnavailable):
                await followed.look()
        assert (await followed.look()).job == JOB


async def test_only_so_many_may_follow_and_nobody_is_remembered_who_has_left() -> None:
    following = Following(Traces(), most=2)
    with following.of(JOB), following.of(OTHER):
        assert following.is_full
    assert not following.is_full
    assert following._jobs == {}
