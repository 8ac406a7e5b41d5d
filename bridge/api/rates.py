"""How often each requesting entity may ask: so much at once, and then so many a second.

Kept per process, and for nobody but the entities of the buyers file, so it cannot grow.
"""

import time
from collections.abc import Callable
from typing import Final

SECOND: Final = 1_000_000_000
"""Nanoseconds."""


class Rates:
    """Allows `burst` requests at once, and `per_second` on the average; 0 a second is no limit.

    The generic cell rate algorithm: of each entity only the moment is kept at which its bucket would be full again.
    `clock` gives nanoseconds that only grow. All moments are whole numbers: with floats, `now + interval - now` is
    more than `interval` on some days, and the last request of a burst is refused.
    """

    def __init__(self, per_second: float, burst: int, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._interval = round(SECOND / per_second) if per_second else 0
        self._patience = self._interval * burst
        self._clock = clock
        self._full_at: dict[str, int] = {}

    def wait(self, entity: str) -> float:
        """Count a request, and give 0; or count none, and give the seconds after which there is room for one."""
        now = self._clock()
        full_at = max(self._full_at.get(entity, now), now) + self._interval
        if full_at - now > self._patience:
            return (full_at - now - self._patience) / SECOND
        self._full_at[entity] = full_at
        return 0.0
