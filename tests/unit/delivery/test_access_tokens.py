"""Tokens by client credentials: kept, renewed before they end, fetched once for all who wait, and never shown."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import ClientSession, web

from bridge.delivery import access_tokens as access_tokens_module
from bridge.delivery.access_tokens import PAUSE_S, AccessTokens, NoToken, TokenRequest
from bridge.secret import Secret
from tests.support import eventually
from tests.unit.delivery.authorization_server import CLIENT, SECRET, AuthorizationServer, giving_tokens, login_in


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def server() -> AsyncIterator[AuthorizationServer]:
    async with giving_tokens() as running:
        yield running


@pytest.fixture
async def opened() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def tokens_of(server: AuthorizationServer, clock: Clock, opened: AsyncExitStack, **asked: Any) -> AccessTokens:
    session = await opened.enter_async_context(ClientSession())
    request = TokenRequest(url=server.url, client_id=CLIENT, client_secret=Secret(SECRET), **asked)
    made = AccessTokens(request, session, clock, dict)
    opened.push_async_callback(made.close)
    return made


@pytest.fixture
async def tokens(server: AuthorizationServer, clock: Clock, opened: AsyncExitStack) -> AccessTokens:
    return await tokens_of(server, clock, opened)


async def test_the_client_shows_who_it_is_in_the_header(server: AuthorizationServer, tokens: AccessTokens) -> None:
    assert await tokens.token() == "token-1"
    assert server.forms == [{"grant_type": "client_credentials"}]
    assert login_in(server.authorizations[0]) == (CLIENT, SECRET)


async def test_or_in_the_body_with_scope_and_audience(
    server: AuthorizationServer, clock: Clock, opened: AsyncExitStack
) -> None:
    asked = {"client_authentication": "body", "scope": "a b", "audience": "https://buyer"}
    assert await (await tokens_of(server, clock, opened, **asked)).token() == "token-1"
    assert server.authorizations == [None]
    assert server.forms == [
        {
            "grant_type": "client_credentials",
            "scope": "a b",
            "audience": "https://buyer",
            "client_id": CLIENT,
            "client_secret": SECRET,
        }
    ]


async def test_a_token_is_kept_and_fetched_once_for_all(server: AuthorizationServer, tokens: AccessTokens) -> None:
    server.gate.clear()
    waiting = [asyncio.create_task(tokens.token()) for _ in range(10)]
    await eventually(lambda: server.forms)
    server.gate.set()
    assert set(await asyncio.gather(*waiting)) == {"token-1"}
    assert await tokens.token() == "token-1"
    assert len(server.forms) == 1


async def test_it_is_renewed_before_it_ends_and_nobody_waits_for_that(
    server: AuthorizationServer, tokens: AccessTokens, clock: Clock
) -> None:
    assert await tokens.token() == "token-1"
    clock.now += 3600 * 0.79
    assert await tokens.token() == "token-1"
    assert len(server.forms) == 1
    server.gate.clear()
    clock.now += 3600 * 0.02
    assert await tokens.token() == "token-1"
    server.gate.set()
    await eventually(lambda: len(server.forms) == 2)

    async def is_new() -> bool:
        return await tokens.token() == "token-2"

    await eventually(is_new)


async def test_one_that_has_ended_or_is_about_to_is_not_given(
    server: AuthorizationServer, tokens: AccessTokens, clock: Clock
) -> None:
    assert await tokens.token() == "token-1"
    clock.now += 3596
    assert await tokens.token() == "token-2"


async def test_one_that_was_refused_is_replaced_at_once_and_once_for_all_who_were_refused(
    server: AuthorizationServer, tokens: AccessTokens
) -> None:
    assert await tokens.token() == "token-1"
    assert set(await asyncio.gather(*(tokens.token(refused="token-1") for _ in range(5)))) == {"token-2"}
    assert await tokens.token(refused="token-1") == "token-2"
    assert len(server.forms) == 2


@pytest.mark.parametrize(
    ("expires_in", "lifetime"),
    [("600", 600), (600.5, 600.5), (None, 300), ("soon", 300), (-5, 300), (0, 300), ([], 300)],
)
async def test_a_lifetime_may_be_text_and_may_be_missing(
    expires_in: Any, lifetime: float, server: AuthorizationServer, tokens: AccessTokens, clock: Clock
) -> None:
    server.lifetime = expires_in
    assert await tokens.token() == "token-1"
    clock.now += lifetime * 0.79
    assert await tokens.token() == "token-1"
    clock.now += lifetime * 0.21
    assert await tokens.token() == "token-2"


@pytest.mark.parametrize("token", ["00Dxx0000001gPL!AR8AQJX.g5oj8", "a:b|c", "a" * 4000, "YQ=="])
async def test_a_token_may_have_any_character_that_can_be_seen(
    token: str, server: AuthorizationServer, tokens: AccessTokens
) -> None:
    server.answers.append(lambda: web.json_response({"access_token": token, "token_type": "Bearer"}))
    assert await tokens.token() == token


REFUSALS = {
    "it answered 401 invalid_client": lambda: web.json_response({"error": "invalid_client"}, status=401),
    "it answered 500": lambda: web.Response(status=500, text="<html>"),
    "it answered 302": lambda: web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}),
    "its answer has no access_token that a header can hold": lambda: web.json_response({"access_token": "a b\r\nX: y"}),
    "its token is no bearer token": lambda: web.json_response({"access_token": "t", "token_type": "mac"}),
}


@pytest.mark.parametrize("why", REFUSALS)
async def test_an_answer_without_a_token_is_said_in_a_sentence(
    why: str, server: AuthorizationServer, tokens: AccessTokens
) -> None:
    server.answers.append(REFUSALS[why])
    with pytest.raises(NoToken) as refused:
        await tokens.token()
    assert str(refused.value) == f"no token from {server.url}: {why}"


@pytest.mark.parametrize(
    "body", ["", "[]", '"token"', "{", json.dumps({"access_token": 5}), "[" * 100_000, "x" * 200_000]
)
async def test_whatever_the_server_answers_is_no_token_but_one(
    body: str, server: AuthorizationServer, tokens: AccessTokens
) -> None:
    server.answers.append(lambda: web.Response(text=body, content_type="application/json"))
    with pytest.raises(NoToken, match="its answer has no access_token"):
        await tokens.token()


async def test_what_the_server_repeats_of_the_secret_is_not_told(
    server: AuthorizationServer, tokens: AccessTokens
) -> None:
    server.answers.append(
        lambda: web.json_response({"error": f"bad {SECRET}", "error_description": SECRET}, status=400)
    )
    with pytest.raises(NoToken) as refused:
        await tokens.token()
    assert SECRET not in str(refused.value)
    assert str(refused.value).endswith("it answered 400")


async def test_a_server_that_fails_is_left_alone_for_some_seconds(
    server: AuthorizationServer, tokens: AccessTokens, clock: Clock
) -> None:
    server.answers += [REFUSALS["it answered 500"]]
    for _ in range(5):
        with pytest.raises(NoToken, match="it answered 500"):
            await tokens.token()
    assert len(server.forms) == 1
    clock.now += PAUSE_S
    assert await tokens.token() == "token-2"


async def test_a_server_that_fails_to_renew_takes_no_token_away(
    server: AuthorizationServer, tokens: AccessTokens, clock: Clock
) -> None:
    assert await tokens.token() == "token-1"
    server.answers += [REFUSALS["it answered 500"]]
    clock.now += 3600 * 0.9
    assert await tokens.token() == "token-1"
    await eventually(lambda: len(server.forms) == 2)
    assert await tokens.token() == "token-1"
    clock.now += PAUSE_S
    await tokens.token()
    await eventually(lambda: len(server.forms) == 3)


async def test_a_server_that_hangs_is_not_waited_for(
    server: AuthorizationServer, tokens: AccessTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_tokens_module, "TIMEOUT_S", 0.05)
    server.gate.clear()
    with pytest.raises(NoToken, match="TimeoutError"):
        await tokens.token()


async def test_whoever_stops_waiting_takes_the_token_from_nobody(
    server: AuthorizationServer, tokens: AccessTokens
) -> None:
    server.gate.clear()
    impatient, patient = asyncio.create_task(tokens.token()), asyncio.create_task(tokens.token())
    await eventually(lambda: server.forms)
    impatient.cancel()
    await asyncio.wait([impatient])
    server.gate.set()
    assert await patient == "token-1"


async def test_a_server_that_is_away_is_said(server: AuthorizationServer, clock: Clock, opened: AsyncExitStack) -> None:
    session = await opened.enter_async_context(ClientSession())
    request = TokenRequest(url="http://127.0.0.1:1/token?x=1", client_id="c", client_secret=Secret("s"))
    with pytest.raises(NoToken, match=r"no token from http://127\.0\.0\.1:1/token: ClientConnectorError"):
        await AccessTokens(request, session, clock, dict).token()


def test_nothing_of_it_shows_the_secret() -> None:
    request = TokenRequest(url="https://idp", client_id="c", client_secret=Secret("hunter2"))
    assert "hunter2" not in repr(request)
