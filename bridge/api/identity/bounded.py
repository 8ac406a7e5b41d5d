"""Requests to an issuer: of bounded size, in bounded time, and to the address that was named and no other."""

from typing import Any, Final

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar

MAX_BYTES: Final = 1024 * 1024
SECONDS: Final = 5.0


class TooLong(ValueError):
    """An answer is longer than anything we ask for."""


async def request(method: str, url: str, **options: Any) -> tuple[int, bytes]:
    """Give status and body of an answer; `options` are the client's. A redirect could lead anywhere: it is an answer.

    The issuer's name is resolved without a thread (aiohttp does so where aiodns is): one that nobody answers for would
    keep it for longer than we wait. Raises `TooLong`, `ClientError`, `OSError` and `TimeoutError`.
    """
    timeout = ClientTimeout(total=SECONDS)
    async with (
        ClientSession(timeout=timeout, cookie_jar=DummyCookieJar()) as session,
        session.request(method, url, allow_redirects=False, **options) as response,
    ):
        raw = bytearray()
        async for chunk in response.content.iter_any():
            raw += chunk
            if len(raw) > MAX_BYTES:
                raise TooLong(f"{url} sent more than {MAX_BYTES} bytes")
        return response.status, bytes(raw)
