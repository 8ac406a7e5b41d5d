"""One POST to one listener. The result is a value; nothing a listener does raises, redirects or fills the memory."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

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

from bridge.delivery.access import PLAIN, Access, TlsFiles
from bridge.delivery.access_tokens import AccessTokens, NoToken, TokenRequest
from bridge.delivery.config import DeliveryConfig
from bridge.delivery.egress import Egress
from bridge.delivery.guard import CallbackRefused, GuardedResolver, guarded_socket
from bridge.delivery.signing import read_key, signature_headers
from bridge.delivery.status_line import Watch, WatchedConnector
from bridge.delivery.webhook import Webhook
from bridge.domain.model import BuyerId
from bridge.domain.retry import Answered, Failed, SendResult, TimedOut
from bridge.secret import Secret
from bridge.telemetry import mask_secrets

LONGEST_BODY = 64 * 1024  # bytes; the body means nothing, it is read so that the connection can be used again
REST_TIMEOUT_S = 1.0
"""How long what follows the status line may take: the status has said it all."""
LONGEST_ERROR = 500  # characters
LONGEST_EXCERPT = 500  # characters of an answer's body, for the operator
NOBODY: Final[Mapping[BuyerId, Access]] = MappingProxyType({})

_key = lru_cache(maxsize=256)(read_key)


@asynccontextmanager
async def open_sender(
    settings: DeliveryConfig,
    clock: Callable[[], datetime],
    access: Mapping[BuyerId, Access] = NOBODY,
    resolver: AbstractResolver | None = None,
) -> AsyncIterator["Sender"]:
    """Open what sends to all listeners; `access` says how those of a Buyer are called.

    Names are resolved without threads: a pool of them is soon full of names that nobody answers for. Raises
    `PermanentError` if the settings' authorities cannot be read.
    """
    resolver = resolver or AsyncResolver()
    guarded = GuardedResolver(resolver)
    egress = Egress(settings, guarded)
    trust = TlsFiles([settings.ca_file]) if settings.ca_file is not None else None
    dials_listeners = not settings.allow_private_callbacks and not egress.proxy
    connector = WatchedConnector(
        resolver=guarded if dials_listeners else resolver,
        socket_factory=guarded_socket if dials_listeners else None,
        limit=0,  # `Shares` says who may have how many: here, whoever hangs would keep connections from all
    )
    try:
        # `send` has a time-out of its own, that knows of the status.
        async with _client(connector=connector) as session, _client() as token_session:
            tokens = _token_sources(access, token_session, egress, trust)
            yield Sender(session, egress, settings, clock, access, tokens, trust)
            for each in tokens.values():
                await each.close()
    finally:
        await resolver.close()


def _client(**options: Any) -> ClientSession:
    return ClientSession(
        timeout=ClientTimeout(total=None),
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        headers={"Accept-Encoding": "identity"},
        trust_env=False,
        **options,
    )


def _token_sources(
    access: Mapping[BuyerId, Access], session: ClientSession, egress: Egress, trust: TlsFiles | None
) -> dict[BuyerId, AccessTokens]:
    """Servers of tokens stand in the settings, so the guard is not asked about them; the way is the same."""
    time = asyncio.get_running_loop().time

    def source(of: Access, request: TokenRequest) -> AccessTokens:
        return AccessTokens(request, session, time, lambda: {"ssl": _context(of.tls or trust), **egress.proxy})

    return {buyer: source(each, each.oauth2) for buyer, each in access.items() if each.oauth2 is not None}


def _revealed(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()


def _context(tls: TlsFiles | None) -> Any:
    return True if tls is None else tls.context


class Sender:
    """Sends to the listeners of all Buyers."""

    def __init__(
        self,
        session: ClientSession,
        egress: Egress,
        settings: DeliveryConfig,
        clock: Callable[[], datetime],
        access: Mapping[BuyerId, Access],
        tokens: Mapping[BuyerId, AccessTokens],
        trust: TlsFiles | None,
    ) -> None:
        self._session = session
        self._egress = egress
        self._settings = settings
        self._clock = clock
        self._access = access
        self._tokens = tokens
        self._trust = trust

    async def send(self, webhook: Webhook, buyer: BuyerId) -> SendResult:
        """Post a notification and say what became of it. A listener that refuses its token is given one new one."""
        ends = asyncio.get_running_loop().time() + self._settings.timeout_seconds
        access, tokens = self._access.get(buyer, PLAIN), self._tokens.get(buyer)
        try:
            if tokens is None:
                return await self._attempt(webhook, access, _revealed(access.bearer), ends)
            token = await _in_time(tokens.token(), ends)
            result = await self._attempt(webhook, access, token, ends)
            if not isinstance(result, Answered) or result.status != HTTPStatus.UNAUTHORIZED:
                return result
            return await self._attempt(webhook, access, await _in_time(tokens.token(refused=token), ends), ends)
        except NoToken as error:
            return Failed(str(error)[:LONGEST_ERROR])
        except TimeoutError:
            return self._timed_out()

    async def _attempt(self, webhook: Webhook, access: Access, bearer: str | None, ends: float) -> SendResult:
        """Post once. A status that was read is the outcome, whatever follows it."""
        loop = asyncio.get_running_loop()
        limit = asyncio.timeout_at(ends)
        watch = Watch(lambda: limit.reschedule(min(ends, loop.time() + REST_TIMEOUT_S)))
        try:
            async with limit:
                return await self._post(webhook, access, bearer)
        except Exception as error:
            if (seen := watch.answer) is not None:
                return self._answered(seen.status, seen.retry_after, seen.body, bearer)
            if isinstance(error, TimeoutError):
                return self._timed_out()
            if isinstance(error, ClientError | OSError | ValueError):
                return Failed(without_token(_sentence(error), bearer)[:LONGEST_ERROR])
            raise

    async def _post(self, webhook: Webhook, access: Access, bearer: str | None) -> Answered:
        way = await self._egress.way_to(webhook.url, _context(access.tls or self._trust), access.hosts)
        headers = {**webhook.headers, **way.headers, **self._signatures(webhook, access)}
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer}"
        async with self._session.request(
            webhook.method, way.url, data=webhook.body, headers=headers, allow_redirects=False, **way.options
        ) as response:
            body = await _drain(response)
            return self._answered(response.status, response.headers.get("Retry-After"), body, bearer)

    def _signatures(self, webhook: Webhook, access: Access) -> Mapping[str, str]:
        if webhook.method != "POST":  # nothing is said that could be signed
            return {}
        keys = [_key(secret.reveal()) for secret in access.keys]
        return signature_headers(keys, webhook.event_id, int(self._clock().timestamp()), webhook.body)

    def _answered(self, status: int, retry_after: str | None, body: bytes, bearer: str | None) -> Answered:
        """Some listeners answer with what they were sent; what must stay secret is not kept."""
        text = without_token(_text(body), bearer)
        return Answered(status, retry_after_seconds(retry_after, self._clock()), text[:LONGEST_EXCERPT])

    def _timed_out(self) -> TimedOut:
        return TimedOut(f"no answer within {self._settings.timeout_seconds:g} s")


async def _in_time(token: Awaitable[str], ends: float) -> str:
    async with asyncio.timeout_at(ends):
        return await token


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


def without_token(text: str, token: str | None) -> str:
    r"""Hide a token in what a listener answered, as it was sent or as JSON, HTML and URLs write it (`\/`, `%2F`)."""
    return text if not token else re.sub("".join(map(_written, token)), "***", text)


def _written(character: str) -> str:
    """Give a pattern for all ways in which a character of a token may be written."""
    plain = re.escape(character)
    if character.isascii() and character.isalnum():
        return plain
    code = ord(character)
    return rf"(?:\\?{plain}|(?i:\\u{code:04x}|%{code:02x}|&#0*{code};|&#x0*{code:x};))"


def _text(body: bytes) -> str:
    """Give the start of an answer's body, a bit more than is kept, as one line of text that can be shown and stored."""
    text = body[: LONGEST_EXCERPT * 4].decode("utf-8", "replace")
    shown = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(shown.split())


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
    return mask_secrets(text)
