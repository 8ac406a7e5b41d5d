"""The notification as a listener gets it: exact URL, body and headers (MEF 137, 7.3 and the notification APIs).

Everything derives from the stored delivery, so each attempt repeats the same eventId, eventTime and bytes.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from bridge import __version__
from bridge.flows.ports import Delivery
from bridge.mef.enums import Api, EventType
from bridge.mef.models import Event, EventPayload

CONTENT_TYPE = "application/json;charset=utf-8"
USER_AGENT = f"mef-bridge/{__version__}"

TABLE_7_LISTENER = "workOrderAttributeValueChangeEvent"
"""Where Table 7 of the guide has changes of state posted; the OpenAPI file has them at their own type."""

_RESOURCES = {
    Api.APPOINTMENT: "appointment/v2/appointment",
    Api.WORK_ORDER: "workOrderManagement/v2/workOrder",
}


@dataclass(frozen=True, slots=True)
class Webhook:
    """What is posted to a listener; signatures are over the `event_id` as well."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    event_id: str = ""


def prepare(delivery: Delivery, base_url: str, guide_listener_buyers: Collection[str] = ()) -> Webhook:
    """Make the request. `base_url` is the absolute URL in front of `/mefApi`, as Buyers reach the bridge.

    For `guide_listener_buyers` the listener of a changed state has the name that the guide's Table 7 gives it.
    """
    url = listener_url(delivery, guide_listener_buyers)
    return Webhook(url, body(delivery, base_url), _headers(delivery), delivery.event_id)


def listener_url(delivery: Delivery, guide_listener_buyers: Collection[str] = ()) -> str:
    """Give `<callback>/mefApi/<irp>/<api>Notification/v2/listener/<eventType>`; the callback's query is kept."""
    subscription = delivery.subscription
    parts = urlsplit(subscription.callback)
    listener: str = delivery.event_type
    if delivery.event_type is EventType.WORK_ORDER_STATE_CHANGE and subscription.buyer in guide_listener_buyers:
        listener = TABLE_7_LISTENER
    own = f"/mefApi/{subscription.irp}/{subscription.api}Notification/v2/listener/{listener}"
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + own, fragment=""))


def body(delivery: Delivery, base_url: str) -> bytes:
    """Give the `Event` as JSON; buyerId and sellerId only where the registration carried them (R9)."""
    subscription = delivery.subscription
    href = f"{base_url.rstrip('/')}/mefApi/{subscription.irp}/{_RESOURCES[subscription.api]}/{delivery.resource_id}"
    event = Event(
        event_id=delivery.event_id,
        event_time=delivery.event_time,
        event_type=delivery.event_type,
        event=EventPayload(
            id=delivery.resource_id,
            href=href,
            buyer_id=subscription.buyer_param,
            seller_id=subscription.seller_param,
        ),
    )
    return event.model_dump_json(by_alias=True, exclude_none=True).encode()


def _headers(delivery: Delivery) -> dict[str, str]:
    return {
        "Content-Type": CONTENT_TYPE,
        "User-Agent": USER_AGENT,
        "X-Correlation-ID": _printable(delivery.correlation_id),
    }


def _printable(text: str) -> str:
    """Keep what a header may hold: the id may have come from a WFM or a Buyer, with line breaks and all."""
    return "".join(character for character in text if " " <= character <= "~")[:200]
