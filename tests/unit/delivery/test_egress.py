"""The way out through a proxy, and how the callback guard watches it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import AsyncResolver

from bridge.delivery.access import Access, TlsFiles
from bridge.delivery.sender import Sender, open_sender
from bridge.delivery.webhook import Webhook
from bridge.domain.model import BuyerId
from bridge.domain.retry import Answered, Failed, SendResult
from bridge.settings import DeliverySettings
from tests.support import PATIENCE_S
from tests.unit.delivery.certificates import Authority
from tests.unit.delivery.listener import Listener, listening
from tests.unit.delivery.name_server import answering_for
from tests.unit.delivery.proxy import Proxy, proxying

ON_BOTH_LOOPS = True
NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
BUYER = BuyerId("acme-buyer")
PUBLIC = "93.184.216.34"
NAMES = {"buyer.test": PUBLIC, "neighbour.test": PUBLIC, "private.test": "10.0.0.1", "metadata.test": "169.254.169.254"}


class Lab:
    """A listener on TLS that is known as buyer.test and only reached through the proxy."""

    def __init__(self, listener: Listener, proxy: Proxy, authority: Authority, stack: AsyncExitStack) -> None:
        self.listener = listener
        self.proxy = proxy
        self._access = {BUYER: Access(tls=TlsFiles([authority.certificate]))}
        self._stack = stack

    async def sender(self, **settings: Any) -> Sender:
        names = await self._stack.enter_async_context(answering_for(NAMES))
        chosen = DeliverySettings(timeout_seconds=PATIENCE_S, **{"proxy_url": self.proxy.url, **settings})
        resolver = AsyncResolver(nameservers=[names.place])
        return await self._stack.enter_async_context(open_sender(chosen, lambda: NOW, self._access, resolver))


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    authority = Authority(tmp_path)
    async with (
        AsyncExitStack() as stack,
        listening(tls=authority.server("buyer.test", PUBLIC)) as listener,
        proxying(listener.port) as proxy,
    ):
        yield Lab(listener, proxy, authority, stack)
        await stack.aclose()


async def post(sender: Sender, url: str = "https://buyer.test/cb") -> SendResult:
    return await sender.send(Webhook(url, b"{}", {}), BUYER)


async def test_the_proxy_is_asked_for_the_address_that_was_judged_and_the_certificate_is_that_of_the_name(
    lab: Lab,
) -> None:
    assert await post(await lab.sender()) == Answered(204)
    assert lab.proxy.asked == [f"{PUBLIC}:443"]
    (received,) = lab.listener.received
    assert (received.headers["Host"], received.path) == ("buyer.test", "/cb")


async def test_a_port_of_its_own_stays_in_the_address_and_in_the_host(lab: Lab) -> None:
    assert await post(await lab.sender(), "https://buyer.test:8443/cb") == Answered(204)
    assert lab.proxy.asked == [f"{PUBLIC}:8443"]
    assert lab.listener.received[0].headers["Host"] == "buyer.test:8443"


async def test_a_listener_with_another_certificate_is_refused(lab: Lab) -> None:
    """The proxy leads us to whom it likes; TLS says that it is somebody else."""
    sender = await lab.sender(proxy_resolves=True)
    refused = await post(sender, "https://other.test/cb")
    assert isinstance(refused, Failed)
    assert "certificate" in refused.error
    assert lab.listener.received == []


async def test_a_connection_to_one_name_is_not_used_for_another_at_the_same_address(lab: Lab) -> None:
    sender = await lab.sender()
    assert await post(sender) == Answered(204)
    refused = await post(sender, "https://neighbour.test/cb")
    assert isinstance(refused, Failed)
    assert "certificate" in refused.error
    assert await post(sender) == Answered(204)
    assert lab.proxy.asked == [f"{PUBLIC}:443"] * 2


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("private.test", "private.test is 10.0.0.1, which is not a public address"),
        ("metadata.test", "metadata.test is 169.254.169.254, which is not a public address"),
        ("127.0.0.1", "127.0.0.1, which is not a public address"),
        ("[::1]", "::1, which is not a public address"),
        ("localhost", "which is not a public address"),
    ],
)
async def test_what_leads_to_a_private_address_never_comes_to_the_proxy(host: str, reason: str, lab: Lab) -> None:
    refused = await post(await lab.sender(), f"https://{host}/cb")
    assert isinstance(refused, Failed)
    assert refused.error.startswith("callback refused: ")
    assert refused.error.endswith(reason)
    assert lab.proxy.asked == []


async def test_a_proxy_that_resolves_is_asked_for_the_name(lab: Lab) -> None:
    assert await post(await lab.sender(proxy_resolves=True)) == Answered(204)
    assert lab.proxy.asked == ["buyer.test:443"]


@pytest.mark.parametrize("url", ["https://10.0.0.1/", "https://[::1]/", "https://0x7f.1/", "http://buyer.test/"])
async def test_what_stands_in_the_url_is_judged_even_where_the_proxy_resolves(url: str, lab: Lab) -> None:
    refused = await post(await lab.sender(proxy_resolves=True), url)
    assert isinstance(refused, Failed)
    assert refused.error.startswith("callback refused: ")
    assert lab.proxy.asked == []


async def test_a_public_address_in_the_url_goes_to_the_proxy_as_it_is(lab: Lab) -> None:
    assert await post(await lab.sender(), f"https://{PUBLIC}/cb") == Answered(204)
    assert lab.proxy.asked == [f"{PUBLIC}:443"]


async def test_the_proxy_is_shown_its_user_and_password(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with (
        AsyncExitStack() as stack,
        listening(tls=authority.server("buyer.test")) as listener,
        proxying(listener.port, "me:hunter2") as proxy,
    ):
        lab = Lab(listener, proxy, authority, stack)
        assert await post(await lab.sender(proxy_url=proxy.url.replace("//", "//me:hunter2@"))) == Answered(204)
        refused = await post(await lab.sender(proxy_url=proxy.url.replace("//", "//me:wrong-word@")))
        assert isinstance(refused, Failed)
        assert "407" in refused.error
        assert "wrong-word" not in refused.error
        assert len(listener.received) == 1
        assert "hunter2" not in str(listener.received)
        await stack.aclose()


async def test_a_proxy_that_is_away_is_a_failure_that_shows_no_password(lab: Lab) -> None:
    refused = await post(await lab.sender(proxy_url="http://me:hunter2@127.0.0.1:1"))
    assert isinstance(refused, Failed)
    assert "ProxyConnectionError" in refused.error
    assert "hunter2" not in refused.error


async def test_what_the_proxy_says_is_not_taken_for_the_listeners_answer() -> None:
    """200 to CONNECT is no delivery."""

    async def lie(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(lie, "127.0.0.1", 0)
    settings = DeliverySettings(
        timeout_seconds=PATIENCE_S,
        proxy_resolves=True,
        proxy_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}",  # type: ignore[arg-type]
    )
    async with server, open_sender(settings, lambda: NOW) as sender:
        assert isinstance(await post(sender), Failed)


async def test_in_a_lab_a_listener_on_http_is_reached_through_the_proxy_too() -> None:
    async with listening() as listener, proxying(listener.port) as proxy:
        settings = DeliverySettings(
            timeout_seconds=PATIENCE_S,
            allow_private_callbacks=True,
            proxy_url=proxy.url,  # type: ignore[arg-type]
        )
        async with open_sender(settings, lambda: NOW) as sender:
            assert await post(sender, "http://buyer.test/cb") == Answered(204)
    assert proxy.asked == ["http://buyer.test/cb"]
