"""Holds what a simulated Buyer is answered and told against the standard's own files, in tests of the whole bridge.

The fixture `judged_buyers` (tests/conftest.py) watches every `SimulatedBuyer` and `BuyerClient` of a test from outside:
what it finds fails the test at its end, even where the test itself looks at something else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import orjson
import pytest
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, ClientSession, web

from bridge.mef.models import Event
from bridge.simulator import buyer, buyer_client
from tests.api import standard


class Judge:
    """Keeps what is wrong. `answers` and `notifications` count what was looked at."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.answers = 0
        self.notifications = 0

    async def watch(self, request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
        """Judge an answer of the bridge (a middleware of aiohttp's client); the caller can still read it."""
        response = await send(request)
        raw = await response.read()
        self.answers += 1
        found = standard.response_complaints(request.method, request.url.path, response.status, _parsed(raw))
        self.complaints += [f"{request.method} {request.url.path} → {response.status}: {each}" for each in found]
        return response

    def take(self, request: web.Request, raw: bytes) -> Event:
        """Judge a notification, and read it as the simulated Buyer does."""
        self.notifications += 1
        found = standard.request_complaints(request.path, _parsed(raw))
        self.complaints += [f"POST {request.path}: {each}" for each in found]
        return _READ(request, raw)


_READ = buyer._read


def _parsed(raw: bytes) -> Any:
    try:
        return orjson.loads(raw) if raw else None
    except orjson.JSONDecodeError:
        return raw.decode("utf-8", "replace")


@contextmanager
def judging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Judge]:
    """Judge all that the simulated Buyers made meanwhile see; fail at the end. Does nothing without the files."""
    judge = Judge()
    if standard.available():
        monkeypatch.setattr(buyer_client, "ClientSession", partial(ClientSession, middlewares=(judge.watch,)))
        monkeypatch.setattr(buyer, "_read", judge.take)
    yield judge
    if judge.complaints:
        pytest.fail("\n".join(("not what the standard says:", *judge.complaints)), pytrace=False)
