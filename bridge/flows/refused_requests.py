"""Keeps the requests of Buyers that were refused, so that the story of a WorkOrder tells of them.

Answering a request waits for nothing of this: what was refused is gathered, and written a second later, all together.
Whoever floods the bridge fills no database: of each requester so many a second are kept, and what is beyond is counted.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, Protocol

import structlog

from bridge.flows.ports.refused_request import RefusedRequest
from bridge.loops import every

EVERY_S: Final = 1.0
MOST_EACH: Final = 20
"""Of one requester, in each round."""
MOST: Final = 500
"""Of all of them, also while the database is away."""

log = structlog.get_logger(__name__)


class Kept(Protocol):
    """The part of the store that keeps them."""

    async def add(self, requests: Sequence[RefusedRequest]) -> None: ...


class RefusedRequests:
    """The use case."""

    def __init__(self, store: Kept) -> None:
        self._store = store
        self._gathered: list[RefusedRequest] = []
        self._of: Counter[str] = Counter()
        self._left_out = 0

    def note(self, request: RefusedRequest) -> None:
        """Gather one, if there is room."""
        if self._of[request.requester] >= MOST_EACH or len(self._gathered) >= MOST:
            self._left_out += 1
            return
        self._of[request.requester] += 1
        self._gathered.append(request)

    async def run(self) -> None:
        """Write what was gathered every second, until cancelled."""
        await every(EVERY_S, self.write, "refused requests")

    async def write(self) -> None:
        """Write what was gathered; raises what the store does, and has it still then."""
        if self._left_out:
            log.warning("requests.refused_left_out", count=self._left_out)
            self._left_out = 0
        if self._gathered:
            written = list(self._gathered)
            await self._store.add(written)
            del self._gathered[: len(written)]
        self._of.clear()
