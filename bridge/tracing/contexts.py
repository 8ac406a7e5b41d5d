"""Where traces go on, by correlation id: remembered here at once, and in the database a second later.

Nothing waits for that. Who asks for an id of long ago, or of another process, is answered from the database.
"""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Protocol

from bridge.errors import StoreUnavailable
from bridge.flows.ports.clock import Clock
from bridge.loops import every

EVERY_S: Final = 1.0
MOST_REMEMBERED: Final = 10_000
MOST_UNWRITTEN: Final = 10_000
"""While the database is away; beyond that, the traces of the oldest do not go on in other processes."""

Context = Mapping[str, str]
"""The headers of W3C's Trace Context: `traceparent`, and `tracestate` where there is one."""


class Kept(Protocol):
    """The part of the store that keeps them."""

    async def save(self, contexts: Mapping[str, Context], at: datetime) -> None: ...
    async def find(self, correlation_id: str) -> Context | None: ...


class Contexts:
    """The contexts, as the spans need them."""

    def __init__(self, store: Kept, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._remembered: OrderedDict[str, Context] = OrderedDict()
        self._unwritten: OrderedDict[str, Context] = OrderedDict()

    def remember(self, correlation_id: str, context: Context) -> None:
        """Let what follows from this correlation id go on from here."""
        for held, most in ((self._remembered, MOST_REMEMBERED), (self._unwritten, MOST_UNWRITTEN)):
            held[correlation_id] = context
            held.move_to_end(correlation_id)
            if len(held) > most:
                held.popitem(last=False)

    async def find(self, correlation_id: str) -> Context | None:
        """Give where a trace goes on; None if there is none, or nobody can tell now."""
        if correlation_id in self._remembered:
            return self._remembered[correlation_id]
        try:
            return await self._store.find(correlation_id)
        except StoreUnavailable:
            return None

    async def run(self) -> None:
        """Write what was remembered every second, until cancelled."""
        await every(EVERY_S, self.write, "traces")

    async def write(self) -> None:
        """Write what was remembered since the last time; raises what the store does, and has it still then."""
        if self._unwritten:
            written = dict(self._unwritten)
            await self._store.save(written, self._clock())
            for id_, context in written.items():
                if self._unwritten.get(id_) is context:
                    del self._unwritten[id_]
