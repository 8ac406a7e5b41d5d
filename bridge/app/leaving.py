"""A polite end: `/health/ready` says so first, so that load balancers send nobody new; then the door closes.

Meanwhile everything goes on as before, but each answer closes its connection: one that is kept alive would lose the
request that its client begins in the moment in which the door closes.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

SAID: Final = "the bridge is being stopped"


@dataclass(slots=True)
class Leaving:
    """Whether the end has begun."""

    begun: bool = False

    @property
    def problem(self) -> str | None:
        """What readiness says of it."""
        return SAID if self.begun else None

    async def leave(self, seconds: float) -> None:
        """Say so, and give everybody so long to hear it. Another signal to stop cuts that short."""
        self.begun = True
        await asyncio.sleep(seconds)
