"""A message for the WFM, and the bus that takes it there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bridge.domain.model import JobRef


@dataclass(frozen=True, slots=True, kw_only=True)
class BusMessage:
    """A message for the WFM, rendered by a pack. `command` ties a reply to the stored command (AMQP correlation id)."""

    pack: str
    exchange: str
    routing_key: str
    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    message_id: str
    correlation_id: str
    reply_expected: bool = False
    job: JobRef | None = None


class CommandBus(Protocol):
    """Publishes to the WFM, or passes a reply on to another process of ours.

    Returns once the broker has confirmed. Raises `NotRouted` or `NotSent` if nothing went out; `ConfirmPending` if
    the message did, which is only waited for if it is published again; and else `BrokerUnavailable`: it may
    have gone out.
    """

    async def publish(self, message: BusMessage) -> None: ...
    async def pass_on(self, body: bytes, correlation_id: str, instance: str) -> None: ...
