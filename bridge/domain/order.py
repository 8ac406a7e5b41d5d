"""Which of several messages is the older one, by the versions they bear, and in which order they are applied."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")

Versions = Mapping[str, int]
"""Versions of the objects of a job, by the name of the object; what one does not bear says nothing."""


def is_behind(versions: Versions, known: Versions) -> bool:
    """Tell whether one of the versions is lower than what is known of its object."""
    return any(version < known.get(key, version) for key, version in versions.items())


def highest(known: Versions, more: Versions) -> Versions:
    """Give the highest version of each object."""
    return {**known, **{key: max(version, known.get(key, version)) for key, version in more.items()}}


def in_order(waiting: Sequence[T], versions_of: Callable[[T], Versions]) -> list[T]:
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
