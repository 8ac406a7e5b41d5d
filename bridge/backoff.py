"""How long to wait before trying again: twice as long after each failure in a row, capped, and not everybody alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from random import Random

JITTER = 0.2
"""The random part of a wait, both ways: replicas that fail together must not come back together."""

_RANDOM = Random()  # noqa: S311 - jitter, not a secret


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits in seconds: `first` after one failure, at most `longest`, each changed by up to its `jitter` part."""

    first: float
    longest: float
    jitter: float = JITTER

    def after(self, failures: int, random: Random = _RANDOM) -> float:
        """Return how long to wait after so many failures in a row, at least one."""
        doublings = min(failures - 1, 64)  # far beyond any cap, and far below what a float can hold
        wait = min(self.first * 2.0**doublings, self.longest)
        return round(wait * random.uniform(1 - self.jitter, 1 + self.jitter), 3)  # milliseconds are enough for any log

    def waits(self, random: Random = _RANDOM) -> Iterator[float]:
        """Give one wait for each failure in a row, without end."""
        return (self.after(failures, random) for failures in count(1))
