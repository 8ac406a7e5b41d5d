"""A private server that can be ended in every way, and started again on what it has left behind."""

import signal
from collections.abc import Callable
from typing import Final

from bridge.localenv.process import STOP_DEADLINE_S, Child, await_ready
from bridge.localenv.service import NotHere

Start = Callable[[], Child]

ATTEMPTS: Final = 5
"""PostgreSQL does not start as long as a process of a killed one is still there."""


class Server:
    """Where it is reached (`url`), and its process. `polite` is the signal that asks it to end."""

    def __init__(self, what: str, url: str, start: Start, answers: Callable[[str], bool], deadline_s: float) -> None:
        self.url: Final = url
        self._what = what
        self._start = start
        self._answers = answers
        self._deadline_s = deadline_s
        self._child: Child | None = None

    def start(self) -> None:
        """Start it, and wait until it answers. Raises `NotHere` if it does not."""
        for attempt in range(1, ATTEMPTS + 1):
            self._child = self._start()
            try:
                await_ready(
                    lambda: self._answers(self.url), what=self._what, deadline_s=self._deadline_s, child=self._child
                )
                return
            except NotHere:
                if attempt == ATTEMPTS or not self._child.ended():
                    raise

    def end(self, number: signal.Signals) -> None:
        """End it by a signal, such as SIGKILL, and wait until it has gone. What it has stored stays."""
        if self._child is not None:
            self._child.signal(number)
            self._child.guard.wait(STOP_DEADLINE_S)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, such as SIGSTOP."""
        if self._child is not None:
            self._child.signal(number)

    def stop(self) -> None:
        """End it for good."""
        if self._child is not None:
            self._child.stop()
