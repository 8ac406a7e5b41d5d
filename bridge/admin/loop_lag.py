"""How late the event loop is: whoever holds it up holds up everybody."""

import asyncio
from collections import deque
from typing import Final

EVERY_S: Final = 0.25
REMEMBERED: Final = 120  # looks: half a minute


class LoopLag:
    """Measures by how much a short sleep is overslept."""

    def __init__(self) -> None:
        self._lately: deque[float] = deque(maxlen=REMEMBERED)

    async def watch(self) -> None:
        """Measure, until cancelled."""
        time = asyncio.get_running_loop().time
        while True:
            began = time()
            await asyncio.sleep(EVERY_S)
            self._lately.append(max(0.0, time() - began - EVERY_S))

    @property
    def seconds(self) -> float:
        """The longest lag of the last half minute."""
        return max(self._lately, default=0.0)
