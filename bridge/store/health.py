"""Whether the database takes changes, told by what became of the last ones.

One that can be read may still take no change: a standby after a failover, a full disk, a right that was taken away. So
only writes count: those of the work, and a small one every few seconds (`processes.py`). The small one may find room
where the work finds none; so after the work found none, it says that all is well only once that is a while ago.
"""

import time
from collections.abc import Callable
from typing import Final

from bridge.errors import StoreShort, StoreUnavailable, StoreUncertain

TRUST_AFTER_S: Final = 15.0
"""So long after the work found no room, a probe is believed: work that waits tries again several times in it."""
SILENT_AFTER_S: Final = 10.0
"""So long a probe may take; a healthy one takes milliseconds."""


class Health:
    """What is known of one database. `clock` gives seconds, and never goes back; `trouble` is what to begin with."""

    def __init__(self, trouble: str | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._trouble = trouble
        self._short_at: float | None = None
        self._asked_at: float | None = None

    @property
    def problem(self) -> str | None:
        """What keeps the database from taking changes, in one line; None if nothing does."""
        if self._trouble is None and self._asked_at is not None:
            silent = self._clock() - self._asked_at
            if silent > SILENT_AFTER_S:
                return f"the database has not answered for {silent:.0f} s"
        return self._trouble

    def asked(self) -> None:
        """A probe has begun."""
        self._asked_at = self._clock()

    def failed(self, trouble: StoreUnavailable, *, probe: bool = False) -> None:
        """A change was not taken. What may be the change's own fault says nothing of the database."""
        if probe:
            self._asked_at = None
        if isinstance(trouble, StoreUncertain) and not probe:
            return
        self._trouble = str(trouble)
        if isinstance(trouble, StoreShort) and not probe:
            self._short_at = self._clock()

    def took(self, *, probe: bool = False) -> None:
        """A change was taken."""
        if probe:
            self._asked_at = None
        if probe and self._short_at is not None and self._clock() - self._short_at < TRUST_AFTER_S:
            return
        self._trouble = None
        self._short_at = None
