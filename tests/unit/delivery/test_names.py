"""Host names of listeners: whoever's nobody answers for hold up no other, and the guard sees what they stand for."""

import asyncio
import socket
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import AsyncResolver, DefaultResolver

from bridge.delivery.sender import open_sender
from bridge.delivery.webhook import Webhook
from bridge.domain.model import BuyerId
from bridge.domain.retry import Answered, Failed
from bridge.settings import DeliverySettings
from tests.support import PATIENCE_S, eventually
from tests.unit.delivery.listener import listening
from tests.unit.delivery.name_server import answering_for

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
LAB = DeliverySettings(allow_private_callbacks=True, timeout_seconds=PATIENCE_S)
STRICT = DeliverySettings(timeout_seconds=PATIENCE_S)
BUYER = BuyerId("acme-buyer")
HANGING = 40  # more than any pool of threads would have


async def test_names_that_nobody_answers_for_hold_up_no_other() -> None:
    async with (
        answering_for({"healthy.test": "127.0.0.1"}) as names,
        listening() as healthy,
        open_sender(LAB, lambda: NOW, resolver=AsyncResolver(nameservers=[names.place])) as sender,
    ):
        hanging = [
            asyncio.create_task(sender.send(Webhook(f"http://n{number}.test/", b"", {}), BUYER))
            for number in range(HANGING)
        ]
        await eventually(lambda: len({name for name in names.asked if name.startswith("n")}) == HANGING)
        before = threading.active_count()
        good = Webhook(healthy.callback.replace("127.0.0.1", "healthy.test"), b"", {})
        assert await sender.send(good, BUYER) == Answered(204)
        assert not any(task.done() for task in hanging)
        assert threading.active_count() == before
        for task in hanging:
            task.cancel()
        await asyncio.wait(hanging)


def names_in_hosts_file() -> list[str]:
    lines = [line.partition("#")[0].split() for line in Path("/etc/hosts").read_text(encoding="utf-8").splitlines()]
    return sorted({name for _, *names in filter(None, lines) for name in names})


async def test_the_hosts_file_counts() -> None:
    """Each name in this machine's file is known, and no name server is asked."""
    names_of_hosts = names_in_hosts_file()
    assert "localhost" in names_of_hosts
    async with answering_for({}) as names:
        resolver = AsyncResolver(nameservers=[names.place])
        found = [await resolver.resolve(name, 443, socket.AF_UNSPEC) for name in names_of_hosts]
        await resolver.close()
        assert all(found)
        assert names.asked == []


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254"])
async def test_a_name_is_refused_by_what_a_name_server_says_of_it(address: str) -> None:
    async with (
        answering_for({"buyer.test": address}) as names,
        open_sender(STRICT, lambda: NOW, resolver=AsyncResolver(nameservers=[names.place])) as sender,
    ):
        refused = await sender.send(Webhook("https://buyer.test/", b"", {}), BUYER)
    assert refused == Failed(f"callback refused: buyer.test is {address}, which is not a public address")


def test_whatever_uses_the_client_resolves_names_without_threads() -> None:
    """The keys of tokens are fetched by a client as it comes."""
    assert issubclass(DefaultResolver, AsyncResolver)
