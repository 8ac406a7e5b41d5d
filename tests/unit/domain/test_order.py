"""What has waited together is applied by the versions of one object, else as it arrived."""

import pytest

from bridge.domain.ages import in_order

Versions = dict[str, int]


@pytest.mark.parametrize(
    ("arrived", "order"),
    [
        ([], []),
        ([{}, {}], [0, 1]),
        ([{"job": 3}, {"job": 1}, {"job": 2}], [1, 2, 0]),
        ([{"job": 1}, {"job": 1}], [0, 1]),
        ([{"job": 7}, {"visit": 1}], [0, 1]),
        ([{"visit": 1}, {"job": 7}], [0, 1]),
        ([{"job": 2}, {"visit": 1}, {"job": 1}], [1, 2, 0]),
        ([{"job": 2}, {"job": 1}, {"visit": 1}], [1, 0, 2]),
        ([{"visit": 5, "job": 1}, {"job": 2, "visit": 4}], [0, 1]),
        ([{"job": 2}, {"visit": 1}, {"job": 1, "visit": 2}], [1, 2, 0]),
        ([{"job": 2}, {}, {"job": 1}], [1, 2, 0]),
    ],
)
def test_the_versions_of_one_object_decide_and_else_the_arrival(arrived: list[Versions], order: list[int]) -> None:
    numbered = list(enumerate(arrived))
    assert [number for number, _ in in_order(numbered, lambda one: one[1])] == order
