"""Which deliveries a command is about: options that several verbs have, and the filter that they make."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from bridge.domain.model import BuyerId
from bridge.errors import PermanentError
from bridge.flows.ports.subscription import SubscriptionId
from bridge.flows.ports.webhook_delivery import DeliveryFilter, DeliveryState
from bridge.mef.enums import EventType

BuyerOption = Annotated[str | None, typer.Option("--buyer", help="Only those of this Buyer.")]
ListenerOption = Annotated[str | None, typer.Option("--listener", help="Only those to this listener.")]
EventTypeOption = Annotated[EventType | None, typer.Option("--event-type", help="Only events of this type.")]
SinceOption = Annotated[
    str | None, typer.Option("--from", help="Only events from then on: 2026-03-05, or 2026-03-05T14:30Z (UTC).")
]
UntilOption = Annotated[str | None, typer.Option("--to", help="Only events before then.")]


def chosen(
    state: DeliveryState | None,
    buyer: str | None,
    listener: str | None,
    event_type: EventType | None,
    since: str | None,
    until: str | None,
) -> DeliveryFilter:
    """Make the filter; raises `PermanentError` for a moment that is none."""
    return DeliveryFilter(
        state=state,
        buyer=None if buyer is None else BuyerId(buyer),
        listener=None if listener is None else SubscriptionId(listener),
        event_type=event_type,
        since=moment("--from", since),
        until=moment("--to", until),
    )


def moment(option: str, text: str | None) -> datetime | None:
    """Read a moment; raises `PermanentError` for one that is none."""
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise PermanentError(f"{option}: expected a date or a moment such as 2026-03-05T14:30Z, got {text!r}") from None
    return read if read.tzinfo is not None else read.replace(tzinfo=UTC)
