"""docs/webhooks.md is true: its code verifies real deliveries and nothing else, and its numbers are the bridge's."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bridge.delivery.access import Access
from bridge.delivery.shares import RESTS
from bridge.delivery.signing import Ed25519Key, new_key, read_key
from bridge.domain.retry import LONGEST_RETRY_AFTER_S, OVERLOADED_WAIT_S
from bridge.flows.subscriptions import LONGEST_CALLBACK
from bridge.secret import Secret
from bridge.settings import DeliverySettings
from tests.support import PATIENCE_S, eventually
from tests.unit.delivery.factories import delivery, subscription
from tests.unit.delivery.listener import Received, listening
from tests.unit.delivery.memory_store import MemoryStore
from tests.unit.delivery.test_worker import running

PAGE = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text(encoding="utf-8")
WORDS = " ".join(PAGE.split())
Verify = Callable[[str, dict[str, str], bytes], bool]


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    """What the page's code defines."""
    code = "\n".join(re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
    names: dict[str, Any] = {}
    exec(compile(code, "docs/webhooks.md", "exec"), names)  # noqa: S102 - our own page
    return names


async def delivered(*keys: str) -> Received:
    """Deliver a notification to a listener of a Buyer with these signing keys; gives what arrived."""
    settings = DeliverySettings(allow_private_callbacks=True, timeout_seconds=PATIENCE_S)
    async with listening() as listener:
        store = MemoryStore(delivery(to=subscription(listener.callback)))
        access = {subscription().buyer: Access(keys=tuple(map(Secret, keys)))}
        async with running(store, settings, access=access):
            await eventually(lambda: store.states() == ["delivered"])
    (received,) = listener.received
    return received


def headers_of(received: Received) -> dict[str, str]:
    return {name.lower(): value for name, value in received.headers.items()}


def public_half(key: str) -> str:
    read = read_key(key)
    assert isinstance(read, Ed25519Key)
    return read.public


@pytest.mark.parametrize("is_symmetric", [True, False])
async def test_its_code_takes_real_deliveries_and_nothing_else(is_symmetric: bool, page: dict[str, Any]) -> None:
    verify: Verify = page["is_genuine" if is_symmetric else "is_genuine_by_public_key"]
    old, new, foreign = (new_key(is_symmetric=is_symmetric) for _ in range(3))
    received = await delivered(old, new)
    headers = headers_of(received)
    known, newer, other = (key if is_symmetric else public_half(key) for key in (old, new, foreign))
    assert verify(known, headers, received.body)
    assert verify(newer, headers, received.body)
    assert not verify(other, headers, received.body)
    assert not verify(known, headers, received.body.replace(b"event-1", b"event-2"))
    assert not verify(known, headers | {"webhook-id": "event-2"}, received.body)
    earlier = int(headers["webhook-timestamp"]) - 301
    assert not verify(known, headers | {"webhook-timestamp": str(earlier)}, received.body)


async def test_the_id_is_that_of_the_event_and_the_body_is_the_standards_own() -> None:
    signed, plain = await delivered(new_key(is_symmetric=True)), await delivered()
    assert headers_of(signed)["webhook-id"] == "event-1"
    assert signed.body == plain.body


def test_it_names_every_header_that_is_sent() -> None:
    for name in ("X-Correlation-ID", "Authorization", "webhook-id", "webhook-timestamp", "webhook-signature"):
        assert f"`{name}`" in PAGE


def test_its_numbers_are_those_of_the_bridge() -> None:
    settings = DeliverySettings()
    tries = {0: "0 s", 5: "5 s", 300: "5 min", 1800: "30 min", 7200: "2 h", 18000: "5 h", 36000: "10 h"}
    *first, last = [tries[int(each)] for each in settings.schedule_seconds]
    assert f"**Tries.** {', '.join(first)} and {last} after one another, each ±{settings.jitter:.0%}" in WORDS.replace(
        " %", "%"
    )
    assert f"any 2xx within {settings.timeout_seconds:g} seconds" in WORDS
    assert f"failures ({settings.disable_after_days:g}, if the Seller" in WORDS
    assert f"at most {LONGEST_CALLBACK:,} characters" in WORDS
    assert (LONGEST_RETRY_AFTER_S, OVERLOADED_WAIT_S, RESTS.longest) == (3600, 60, 60)  # an hour, a minute, a minute
