"""A ping goes the way of the notifications, with their credentials, and says nothing that could be taken for one."""

from dataclasses import replace
from datetime import UTC, datetime

from bridge.delivery.access import Access
from bridge.delivery.reachability import is_reached, meaning, ping
from bridge.delivery.sender import open_sender
from bridge.delivery.signing import new_key
from bridge.flows.ports.webhook_delivery import Attempt
from bridge.secret import Secret
from bridge.settings import DeliverySettings
from tests.support import PATIENCE_S
from tests.unit.delivery.factories import subscription
from tests.unit.delivery.listener import listening, statuses

LAB = DeliverySettings(allow_private_callbacks=True, timeout_seconds=PATIENCE_S)
AT = datetime(2026, 3, 5, 12, tzinfo=UTC)


async def asked(callback: str, settings: DeliverySettings = LAB) -> Attempt:
    listener = replace(subscription(), callback=callback)
    access = Access(bearer=Secret("t0ken"), keys=(Secret(new_key(is_symmetric=True)),))
    async with open_sender(settings, lambda: AT, {listener.buyer: access}) as sender:
        return await ping(sender, listener, lambda: AT)


async def test_a_ping_is_options_with_credentials_and_without_body_or_signature() -> None:
    async with listening(statuses(405)) as listener:
        attempt = await asked(listener.callback)
    (received,) = listener.received
    assert (received.method, received.body) == ("OPTIONS", b"")
    assert received.path.startswith("/cb/mefApi/sonata/")
    assert received.headers["Authorization"] == "Bearer t0ken"
    assert not [name for name in received.headers if name.lower().startswith(("webhook-", "x-correlation"))]
    assert (attempt.at, attempt.status, attempt.error) == (AT, 405, None)
    assert is_reached(attempt)


async def test_who_refuses_us_is_not_reached() -> None:
    async with listening(statuses(401)) as listener:
        attempt = await asked(listener.callback)
    assert not is_reached(attempt)
    assert meaning(attempt).startswith("reached, and it refuses us: 401")


async def test_the_callback_guard_holds_for_a_ping_too() -> None:
    attempt = await asked("https://127.0.0.1:1/cb", DeliverySettings(timeout_seconds=PATIENCE_S))
    assert attempt.status is None
    assert meaning(attempt).startswith("not reached: ")
