"""One POST: whatever a listener does, it becomes a value."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiohttp import web

from bridge.delivery import egress
from bridge.delivery import sender as sender_module
from bridge.delivery.access import Access
from bridge.delivery.sender import LONGEST_EXCERPT, Sender, open_sender, retry_after_seconds, without_token
from bridge.delivery.webhook import Webhook
from bridge.domain.model import BuyerId
from bridge.domain.retry import Answered, Failed, SendResult, TimedOut
from bridge.secret import Secret
from bridge.settings import DeliverySettings
from tests.support import PATIENCE_S
from tests.unit.delivery.listener import hang, listening, statuses

ON_BOTH_LOOPS = True
NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
LAB = DeliverySettings(allow_private_callbacks=True, timeout_seconds=PATIENCE_S)
STRICT = DeliverySettings(timeout_seconds=PATIENCE_S)


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    async with open_sender(LAB, lambda: NOW) as opened:
        yield opened


async def post(sender: Sender, url: str) -> SendResult:
    webhook = Webhook(url, b'{"a":1}', {"Content-Type": "application/json;charset=utf-8"})
    return await sender.send(webhook, BuyerId("acme-buyer"))


async def test_the_message_arrives_byte_for_byte(sender: Sender) -> None:
    async with listening() as listener:
        assert await post(sender, listener.callback + "/x%20y?t=1") == Answered(204)
    (received,) = listener.received
    assert (received.method, received.path, received.body) == ("POST", "/cb/x%20y?t=1", b'{"a":1}')
    assert received.headers["Content-Type"] == "application/json;charset=utf-8"


async def test_the_status_and_retry_after_come_back(sender: Sender) -> None:
    async with listening(statuses(429, headers={"Retry-After": "7"})) as listener:
        assert await post(sender, listener.callback) == Answered(429, 7.0)


async def test_a_redirect_is_not_followed(sender: Sender) -> None:
    async with (
        listening() as secret,
        listening(statuses(307, headers={"Location": secret.callback})) as listener,
    ):
        assert await post(sender, listener.callback) == Answered(307)
    assert secret.received == []


async def test_a_slow_answer_is_a_timeout() -> None:
    settings = DeliverySettings(allow_private_callbacks=True, timeout_seconds=0.05)
    async with open_sender(settings, lambda: NOW) as impatient, listening(hang) as listener:
        assert await post(impatient, listener.callback) == TimedOut("no answer within 0.05 s")


async def test_a_closed_port_is_a_failure_with_a_reason(sender: Sender) -> None:
    async with listening() as listener:
        pass
    result = await post(sender, listener.callback)
    assert isinstance(result, Failed)
    assert result.error.startswith("ClientConnectorError: Cannot connect to host 127.0.0.1")


@pytest.mark.parametrize("url", ["http://", "nonsense", "https://[::", "http://127.0.0.1:99999/"])
async def test_a_url_that_is_none_is_a_failure(sender: Sender, url: str) -> None:
    assert isinstance(await post(sender, url), Failed)


async def test_a_failure_shows_no_password_and_is_short(sender: Sender) -> None:
    result = await post(sender, "gopher://me:hunter2@host/" + "x" * 1000)
    assert isinstance(result, Failed)
    assert "hunter2" not in result.error
    assert len(result.error) <= 500


@asynccontextmanager
async def serving(handle: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """Run a bare HTTP server; gives its URL."""
    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def test_an_endless_body_neither_fills_the_memory_nor_hides_the_status(sender: Sender) -> None:
    sent = 0

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(status=202)
        await response.prepare(request)
        while sent < 1 << 30:
            await response.write(b"x" * 65536)
            sent += 65536
        return response

    async with serving(handle) as url:
        assert await post(sender, url) == Answered(202, excerpt="x" * LONGEST_EXCERPT)
    assert sent < 64 << 20


@pytest.mark.parametrize(
    ("body", "excerpt"),
    [
        (b"", ""),
        (b"ok", "ok"),
        (b"<html>\r\n\t<body>no\0pe", "<html> <body>no pe"),
        (b"\x1b[31mred\xff", "[31mred\N{REPLACEMENT CHARACTER}"),
        ("ł".encode() * 9_000, "ł" * LONGEST_EXCERPT),
    ],
)
async def test_the_start_of_the_answer_comes_back_as_one_line_of_text(
    body: bytes, excerpt: str, sender: Sender
) -> None:
    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=500, body=body)

    async with serving(handle) as url:
        assert await post(sender, url) == Answered(500, excerpt=excerpt)


async def test_a_body_that_trickles_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The status has said it all; the body has a second at most, however much the whole delivery has."""
    assert sender_module.REST_TIMEOUT_S <= 1
    monkeypatch.setattr(sender_module, "REST_TIMEOUT_S", 0.05)
    patient = DeliverySettings(allow_private_callbacks=True, timeout_seconds=600)

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(status=202)
        await response.prepare(request)
        await asyncio.Event().wait()
        return response

    async with serving(handle) as url, open_sender(patient, lambda: NOW) as sender, asyncio.timeout(PATIENCE_S):
        assert await post(sender, url) == Answered(202)


async def test_cookies_of_one_listener_reach_nobody(sender: Sender) -> None:
    async with listening(statuses(204, headers={"Set-Cookie": "a=b; Path=/"})) as listener:
        by_name = listener.callback.replace("127.0.0.1", "localhost")  # for addresses, no client keeps cookies
        await post(sender, by_name)
        await post(sender, by_name)
    assert "Cookie" not in listener.received[1].headers


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://buyer.example/", "callback refused: 'http' is not allowed, only https"),
        ("https://127.0.0.1:1/", "callback refused: 127.0.0.1, which is not a public address"),
    ],
)
async def test_the_guard_refuses_before_connecting(url: str, reason: str) -> None:
    async with open_sender(STRICT, lambda: NOW) as guarded:
        assert await post(guarded, url) == Failed(reason)


async def test_the_guard_refuses_a_name_that_resolves_to_loopback() -> None:
    async with listening() as listener, open_sender(STRICT, lambda: NOW) as guarded:
        result = await post(guarded, listener.callback.replace("http://127.0.0.1", "https://localhost"))
    assert isinstance(result, Failed)
    assert result.error.startswith("callback refused: localhost is ")
    assert listener.received == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "0177.0.0.1"])
async def test_the_guard_refuses_disguised_loopback_addresses(host: str) -> None:
    async with listening() as listener, open_sender(STRICT, lambda: NOW) as guarded:
        result = await post(guarded, listener.callback.replace("http://127.0.0.1", f"https://{host}"))
    assert isinstance(result, Failed)
    assert listener.received == []


LOOPBACK_IN_DISGUISE = [
    "127.0.0.1",
    "１２７.0.0.1",
    "127。0。0。1",
    "①②⑦.0.0.1",
    "ｌocalhost",
    "localhost",
    "0x7f.1",
    "2130706433",
    "0177.0.0.1",
    "127.0.0.1.",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::1%lo]",
    "[::1%25lo]",
]


@asynccontextmanager
async def counting_connections() -> AsyncIterator[tuple[int, list[str]]]:
    """Listen on both loopback addresses; gives the port and who connected."""
    connected: list[str] = []

    async def note(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.append(str(writer.get_extra_info("sockname")))
        writer.close()

    four = await asyncio.start_server(note, "127.0.0.1", 0)
    port = four.sockets[0].getsockname()[1]
    six = await asyncio.start_server(note, "::1", port)
    async with four, six:
        yield port, connected


@pytest.mark.parametrize("host", LOOPBACK_IN_DISGUISE)
async def test_no_spelling_of_loopback_is_ever_connected_to(host: str) -> None:
    async with counting_connections() as (port, connected), open_sender(STRICT, lambda: NOW) as guarded:
        result = await post(guarded, f"https://{host}:{port}/")
        assert isinstance(result, Failed)
        assert connected == []


@pytest.mark.parametrize("host", LOOPBACK_IN_DISGUISE)
async def test_each_socket_is_judged_even_if_nothing_else_was(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress, "check_callback", lambda _url: None)
    monkeypatch.setattr(sender_module, "GuardedResolver", lambda resolver: resolver)
    async with counting_connections() as (port, connected), open_sender(STRICT, lambda: NOW) as guarded:
        result = await post(guarded, f"https://{host}:{port}/")
        assert isinstance(result, Failed)
        assert connected == []


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        (" 5 ", 5.0),
        ("Thu, 05 Mar 2026 12:01:30 GMT", 90.0),
        ("Thu, 05 Mar 2026 12:01:30 -0000", 90.0),
        ("Thu, 05 Mar 2026 11:00:00 GMT", 0.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        ("9" * 400, float("inf")),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, NOW) == seconds


@pytest.mark.parametrize(
    "shown",
    ["a/B+c=", r"a\/B+c=", r"a\u002FB\u002bc=", "a%2FB%2bc%3D", "a&#47;B&#43;c&#x3d;", r"a\/B\u002Bc\="],
    ids=["plain", "JSON of PHP", "JSON of .NET", "URL", "HTML", "mixed"],
)
def test_a_token_that_a_listener_repeats_is_hidden_however_it_writes_it(shown: str) -> None:
    assert without_token(f"bad token {shown}!", "a/B+c=") == "bad token ***!"


def test_nothing_else_is_hidden() -> None:
    assert without_token("bad token a/b+c=!", "a/B+c=") == "bad token a/b+c=!"
    assert without_token("bad token", None) == without_token("bad token", "") == "bad token"


async def test_a_token_in_what_is_no_answer_is_hidden() -> None:
    """An echo in place of a status line gets into what the client says of it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(head.partition(b"Bearer ")[2])
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    webhook = Webhook(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", b"{}", {})
    buyer = BuyerId("acme-buyer")
    async with server, open_sender(LAB, lambda: NOW, {buyer: Access(bearer=Secret("hunter2+hunter2"))}) as told:
        outcome = await told.send(webhook, buyer)
    assert isinstance(outcome, Failed)
    assert "***" in outcome.error
    assert "hunter2" not in outcome.error
