"""A process is dead if its count stood still each time that we looked; what nobody could read is nobody's silence."""

from bridge.store.processes import Process, Watch


def test_one_whose_count_stands_still_is_silent_after_some_looks() -> None:
    watch = Watch(patience=2)
    looks = [watch.silent([Process("a", "one", 7)]) for _ in range(4)]
    assert looks == [[], [], [Process("a", "one", 7)], [Process("a", "one", 7)]]


def test_each_beat_begins_anew() -> None:
    watch = Watch(patience=2)
    assert [watch.silent([Process("a", "one", beats)]) for beats in (1, 1, 2, 2, 3, 3)] == [[]] * 6


def test_one_that_is_seen_for_the_first_time_or_again_is_given_time() -> None:
    watch = Watch(patience=1)
    assert watch.silent([Process("a", "one", 1)]) == []
    assert watch.silent([Process("b", "two", 1)]) == []
    assert watch.silent([Process("a", "one", 1), Process("b", "two", 1)]) == [Process("b", "two", 1)]
