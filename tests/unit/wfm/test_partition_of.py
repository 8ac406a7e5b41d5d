"""Which partition a message goes to, and which of its parts each copy of it is for."""

from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.model import JobRef, MessageId
from bridge.flows.partition_routing import FIXED, PARTS, copies, own_parts, partition_of
from bridge.mapping.pack import Read, Reading, Unreadable
from bridge.mapping.reading.messages import Message

COUNTS = st.integers(min_value=1, max_value=16)
CONTENT = Message({}, "", {})


def part(job: str | None) -> Read:
    if job is None:
        return Unreadable("no job", {})
    return Reading(message=MessageId("m"), job=JobRef("acme", job), versions={}, content=CONTENT)


PARTS_OF_A_MESSAGE = st.lists(st.one_of(st.none(), st.sampled_from("ABCDEFGH")), min_size=1, max_size=20)


@given(job=st.text(), count=COUNTS)
def test_a_job_has_one_partition(job: str, count: int) -> None:
    assert partition_of(job, count) == partition_of(job, count) < count


def test_jobs_spread_evenly_and_a_job_stays_where_it_is_for_ever() -> None:
    spread = Counter(partition_of(f"J-{number:06}", 8) for number in range(8000))
    assert all(800 < spread[partition] < 1200 for partition in range(8))
    assert [partition_of(job, 8) for job in ("J-1", "J-2", "J-3", "Ж", "")] == [3, 7, 2, 3, 4]


@given(jobs=PARTS_OF_A_MESSAGE, count=COUNTS)
def test_each_part_is_taken_once_and_where_its_job_is(jobs: list[str | None], count: int) -> None:
    parts = [part(job) for job in jobs]
    taken: list[tuple[int, Read]] = [
        (partition, each) for partition, header in copies(parts, count).items() for each in own_parts(parts, header)
    ]
    assert sorted(id(each) for _, each in taken) == sorted(map(id, parts))
    for partition, each in taken:
        assert partition == (partition_of(each.job.key, count) if isinstance(each, Reading) else FIXED)


@given(jobs=PARTS_OF_A_MESSAGE, later=PARTS_OF_A_MESSAGE, count=COUNTS)
def test_no_part_is_forgotten_or_taken_twice_where_a_later_pack_sees_others(
    jobs: list[str | None], later: list[str | None], count: int
) -> None:
    parts = [part(job) for job in later]
    headers: Mapping[int, str | None] = copies([part(job) for job in jobs], count)
    taken = [id(each) for header in headers.values() for each in own_parts(parts, header)]
    assert sorted(taken) == sorted(map(id, parts))


@given(jobs=PARTS_OF_A_MESSAGE, count=COUNTS)
def test_a_message_for_one_partition_needs_no_header(jobs: list[str | None], count: int) -> None:
    found = copies([part(job) for job in jobs], count)
    assert (None in found.values()) is (len(found) == 1)


@pytest.mark.parametrize("header", ["", "not", "1;2", "x", "-1", "not not 1", "²", "1,1", "2,1", " 1"])
def test_a_header_that_we_have_not_written_leaves_nothing_out(header: str) -> None:
    parts = [part("A"), part("B")]
    assert own_parts(parts, header) == parts
    assert PARTS.startswith("x-bridge-")
