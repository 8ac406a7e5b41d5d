"""The order in which messages of a job are applied that have waited together."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


def in_order(waiting: Sequence[T], versions_of: Callable[[T], Mapping[str, int]]) -> list[T]:
    """Put what has waited in order: what bears versions of the same object by these, the rest as it arrived.

    `waiting` comes as it arrived. Where the versions of two objects contradict each other, the arrival decides.
    """
    left = [(one, versions_of(one)) for one in waiting]
    ordered: list[T] = []
    while left:
        lowest: dict[str, int] = {}
        for _, versions in left:
            for key, version in versions.items():
                lowest[key] = min(version, lowest.get(key, version))
        ready = (place for place, (_, versions) in enumerate(left) if versions.items() <= lowest.items())
        ordered.append(left.pop(next(ready, 0))[0])
    return ordered
