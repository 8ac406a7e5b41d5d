"""How late the event loop is: whoever holds it up holds up everybody."""

import asyncio
from collections import deque
from typing import Final

EVERY_S: Final = 0.25
REMEMBERED: Final = 120  # looks: half a minute


class LoopLag:
    """Measures by how much each look comes too late."""

    def __init__(self) -> None:
        self._lately: deque[float] = deque(maxlen=REMEMBERED)
        self._last: float | None = None

    async def look(self) -> None:
        """Measure since the last look; take one every `EVERY_S`."""
        now = asyncio.get_running_loop().time()
        if self._last is not None:
            self._lately.append(max(0.0, now - self._last - EVERY_S))
        self._last = now

    @property
    def seconds(self) -> float:
        """The longest lag of the last half minute."""
        return max(self._lately, default=0.0)
