"""One POST to one listener. The result is a value; nothing a listener does raises, redirects or fills the memory."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
)

from bridge.delivery.config import DeliveryConfig
from bridge.delivery.guard import CallbackRefused, GuardedResolver, check_callback, guarded_socket
from bridge.delivery.status_line import SeenStatus, StatusConnector
from bridge.delivery.webhook import Webhook
from bridge.domain.retry import Answered, Failed, SendResult, TimedOut
from bridge.telemetry import mask_secrets

LONGEST_BODY = 64 * 1024  # bytes; the body means nothing, it is read so that the connection can be used again
BODY_TIMEOUT_S = 1.0
LONGEST_ERROR = 500  # characters


def callback_session(settings: DeliveryConfig) -> ClientSession:
    """Open the client for all listeners; the caller closes it. Must be called in a running loop."""
    free = settings.allow_private_callbacks
    connector = StatusConnector(
        resolver=None if free else GuardedResolver(),
        socket_factory=None if free else guarded_socket,
        limit=settings.concurrency,
    )
    return ClientSession(
        connector=connector,
        timeout=ClientTimeout(total=settings.timeout_seconds),
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    )


async def send(
    session: ClientSession, webhook: Webhook, settings: DeliveryConfig, clock: Callable[[], datetime]
) -> SendResult:
    """Post a notification and say what became of it. A status that was read is the outcome, whatever follows it."""
    seen = SeenStatus()
    try:
        if not settings.allow_private_callbacks:
            check_callback(webhook.url)
        return await _post(session, webhook, clock)
    except (ClientError, OSError, ValueError) as error:  # a TimeoutError is an OSError
        if seen.status is not None:
            return Answered(seen.status)
        if isinstance(error, TimeoutError):
            return TimedOut(f"no answer within {settings.timeout_seconds:g} s")
        return Failed(_sentence(error))


async def _post(session: ClientSession, webhook: Webhook, clock: Callable[[], datetime]) -> Answered:
    async with session.post(webhook.url, data=webhook.body, headers=webhook.headers, allow_redirects=False) as response:
        await _drain(response)
        return Answered(response.status, retry_after_seconds(response.headers.get("Retry-After"), clock()))


async def _drain(response: ClientResponse) -> None:
    """Read the body away. The status has said it all; one that is long, slow or broken costs the connection."""
    left = LONGEST_BODY
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            while left > 0 and (chunk := await response.content.read(left)):
                left -= len(chunk)
    except (ClientError, OSError):
        left = 0
    if left <= 0:
        response.close()


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Read a Retry-After header, seconds or a date (RFC 9110, 10.2.3); None when there is none that can be read."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
        return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())
    except (ValueError, OverflowError):  # such as a date of the year 9999, a day west of Greenwich
        return None


def _sentence(error: Exception) -> str:
    cause = error.os_error if isinstance(error, ClientConnectorError) else error
    text = str(cause) if isinstance(cause, CallbackRefused) else f"{type(error).__name__}: {error}"
    return mask_secrets(text)[:LONGEST_ERROR]
