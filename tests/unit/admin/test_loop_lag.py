"""The lag of the event loop is by how much looks come too late; the longest of the last half minute counts."""

import asyncio
from unittest.mock import patch

from bridge.admin.loop_lag import EVERY_S, REMEMBERED, LoopLag


async def looks(lag: LoopLag, *moments: float) -> None:
    for moment in moments:
        with patch.object(asyncio.get_running_loop(), "time", lambda now=moment: now):
            await lag.look()


async def test_the_longest_lag_counts_until_it_is_forgotten() -> None:
    lag = LoopLag()
    assert lag.seconds == 0
    await looks(lag, 100.0, 100.0 + EVERY_S, 102.0 + 2 * EVERY_S)
    assert lag.seconds == 2
    start = 102.0 + 2 * EVERY_S
    await looks(lag, *(start + EVERY_S * number for number in range(1, REMEMBERED + 1)))
    assert lag.seconds == 0
