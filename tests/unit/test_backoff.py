"""Waits get longer, up to a cap, and differ."""

from itertools import islice
from random import Random

from bridge.backoff import Backoff


def test_waits_double_up_to_the_longest() -> None:
    assert [Backoff(1, 5, jitter=0).after(failures) for failures in (1, 2, 3, 4, 5)] == [1, 2, 4, 5, 5]
    assert list(islice(Backoff(1, 5, jitter=0).waits(), 5)) == [1, 2, 4, 5, 5]


def test_waits_are_not_all_alike_and_stay_within_the_jitter() -> None:
    random = Random(7)
    waits = [Backoff(10, 60).after(1, random) for _ in range(50)]
    assert len(set(waits)) > 40
    assert all(8 <= wait <= 12 for wait in waits)


def test_no_number_of_failures_is_too_many() -> None:
    """Two to the power of some thousand is no float any more."""
    assert Backoff(1, 60, jitter=0).after(5000) == 60
