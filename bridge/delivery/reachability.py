"""Asks whether a listener can be reached, by the same way as its notifications: names, guard, TLS, proxy, credentials.

It is sent no event (`prepare_ping`), so that nothing happens there; and nothing is recorded of it, so that it counts
for nothing here. That a listener answers does not say that it takes what is posted.
"""

import time
from collections.abc import Callable, Collection
from datetime import datetime
from http import HTTPStatus

from bridge.delivery.sender import Sender
from bridge.delivery.webhook import prepare_ping
from bridge.domain.retry import Answered
from bridge.flows.ports.subscription import Subscription
from bridge.flows.ports.webhook_delivery import Attempt

REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


async def ping(
    sender: Sender, listener: Subscription, clock: Callable[[], datetime], guide_listener_buyers: Collection[str] = ()
) -> Attempt:
    """Ask once, and tell what came of it."""
    at, started = clock(), time.monotonic()
    result = await sender.send(prepare_ping(listener, guide_listener_buyers), listener.buyer)
    elapsed = time.monotonic() - started
    if isinstance(result, Answered):
        return Attempt(at=at, status=result.status, error=None, elapsed=elapsed, excerpt=result.excerpt)
    return Attempt(at=at, status=None, error=result.error, elapsed=elapsed)


def is_reached(attempt: Attempt) -> bool:
    """Tell whether an HTTP server has answered, and not refused us."""
    return attempt.status is not None and attempt.status not in REFUSED


def meaning(attempt: Attempt) -> str:
    """Say what a ping has shown, in a line."""
    if attempt.status is None:
        return f"not reached: {attempt.error}"
    if attempt.status in REFUSED:
        return f"reached, and it refuses us: {attempt.status} (credentials?) after {attempt.elapsed:.3f} s"
    return f"reached: {attempt.status} to OPTIONS after {attempt.elapsed:.3f} s; no event was sent"
