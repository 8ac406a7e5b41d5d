"""One POST to one listener. The result is a value; nothing a listener does raises, redirects or fills the memory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from aiohttp import (
    AsyncResolver,
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
)
from aiohttp.abc import AbstractResolver

from bridge.delivery.config import DeliveryConfig
from bridge.delivery.guard import CallbackRefused, GuardedResolver, check_callback, guarded_socket
from bridge.delivery.status_line import Watch, WatchedConnector
from bridge.delivery.webhook import Webhook
from bridge.domain.retry import Answered, Failed, SendResult, TimedOut
from bridge.telemetry import mask_secrets

LONGEST_BODY = 64 * 1024  # bytes; the body means nothing, it is read so that the connection can be used again
REST_TIMEOUT_S = 1.0
"""How long what follows the status line may take: the status has said it all."""
LONGEST_ERROR = 500  # characters
LONGEST_EXCERPT = 500  # characters of an answer's body, for the operator


@asynccontextmanager
async def callback_session(
    settings: DeliveryConfig, resolver: AbstractResolver | None = None
) -> AsyncIterator[ClientSession]:
    """Open the client for all listeners.

    Names are resolved without threads: a pool of them is soon full of names that nobody answers for.
    """
    free = settings.allow_private_callbacks
    resolver = resolver or AsyncResolver()
    connector = WatchedConnector(
        resolver=resolver if free else GuardedResolver(resolver),
        socket_factory=None if free else guarded_socket,
        limit=0,  # `Shares` says who may have how many: here, whoever hangs would keep connections from all
    )
    try:
        async with ClientSession(
            connector=connector,
            timeout=ClientTimeout(total=None),  # `send` has one, that knows of the status
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            headers={"Accept-Encoding": "identity"},
            trust_env=False,
        ) as session:
            yield session
    finally:
        await resolver.close()


async def send(
    session: ClientSession, webhook: Webhook, settings: DeliveryConfig, clock: Callable[[], datetime]
) -> SendResult:
    """Post a notification and say what became of it. A status that was read is the outcome, whatever follows it."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + settings.timeout_seconds
    limit = asyncio.timeout_at(ends)
    watch = Watch(lambda: limit.reschedule(min(ends, loop.time() + REST_TIMEOUT_S)))
    try:
        async with limit:
            if not settings.allow_private_callbacks:
                check_callback(webhook.url)
            return await _post(session, webhook, clock)
    except Exception as error:
        if (seen := watch.answer) is not None:
            return Answered(seen.status, retry_after_seconds(seen.retry_after, clock()), excerpt(seen.body))
        if isinstance(error, TimeoutError):
            return TimedOut(f"no answer within {settings.timeout_seconds:g} s")
        if isinstance(error, ClientError | OSError | ValueError):
            return Failed(_sentence(error))
        raise


async def _post(session: ClientSession, webhook: Webhook, clock: Callable[[], datetime]) -> Answered:
    async with session.post(webhook.url, data=webhook.body, headers=webhook.headers, allow_redirects=False) as response:
        body = await _drain(response)
        return Answered(
            response.status, retry_after_seconds(response.headers.get("Retry-After"), clock()), excerpt(body)
        )


async def _drain(response: ClientResponse) -> bytes:
    """Read the body away, and give its start. One that is long, slow or broken costs the connection."""
    start, left = b"", LONGEST_BODY
    try:
        while left > 0 and (chunk := await response.content.read(left)):
            left -= len(chunk)
            start += chunk[: LONGEST_EXCERPT * 4 - len(start)]
    except (ClientError, OSError):
        left = 0
    if left <= 0:
        response.close()
    return start


def excerpt(body: bytes) -> str:
    """Give the start of an answer's body as one line of text that can be shown and stored."""
    text = body[: LONGEST_EXCERPT * 4].decode("utf-8", "replace")
    shown = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(shown.split())[:LONGEST_EXCERPT]


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
