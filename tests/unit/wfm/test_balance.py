"""Who takes which partition: an even share for each process, the same one in everybody's eyes."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bridge.wfm.balance import Balance, shares

NAMES = st.lists(st.text(max_size=20), min_size=1, max_size=12, unique=True)


@given(partitions=NAMES, members=NAMES)
def test_each_partition_has_one_owner_and_no_two_members_differ_by_more_than_one(
    partitions: list[str], members: list[str]
) -> None:
    owners = shares(partitions, members)
    assert owners.keys() == set(partitions)
    held = Counter(dict.fromkeys(members, 0)) + Counter()
    held.update(owners.values())
    counts = [held[member] for member in members]
    assert max(counts) - min(counts) <= 1
    assert set(owners.values()) <= set(members)


@given(partitions=NAMES, members=NAMES, data=st.data())
def test_all_processes_find_the_same_in_whatever_order_they_see_the_others(
    partitions: list[str], members: list[str], data: st.DataObject
) -> None:
    other = data.draw(st.permutations(members))
    assert shares(data.draw(st.permutations(partitions)), other) == shares(partitions, members)


def test_most_partitions_stay_where_they_are_when_one_of_many_comes() -> None:
    partitions = [f"p{number}" for number in range(64)]
    before = shares(partitions, [f"m{number}" for number in range(8)])
    after = shares(partitions, [f"m{number}" for number in range(9)])
    moved = sum(before[partition] != after[partition] for partition in partitions)
    assert moved <= len(partitions) // 2


def test_nobody_owns_anything_where_there_is_nobody() -> None:
    assert shares(["p"], []) == {}


class Seen:
    """A partition that notes what it is told."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.looks: list[bool] = []

    async def look(self, *, is_ours: bool) -> None:
        self.looks.append(is_ours)


async def test_a_process_that_sees_nobody_else_holds_everything_for_its_own() -> None:
    partitions = [Seen("a"), Seen("b")]
    await Balance("me", partitions, frozenset).look()
    assert [each.looks for each in partitions] == [[True], [True]]


async def test_two_processes_share_what_there_is() -> None:
    partitions = [Seen("a"), Seen("b"), Seen("c"), Seen("d")]
    for instance in ("me", "you"):
        await Balance(instance, partitions, lambda: {"me", "you"}).look()
    assert [sorted(each.looks) for each in partitions] == [[False, True]] * 4
    assert sum(each.looks[0] for each in partitions) == 2
