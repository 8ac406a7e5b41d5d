"""The notification as a listener gets it: exact URL, body and headers (MEF 137, 7.3 and the notification APIs).

Everything derives from the stored delivery, so each attempt repeats the same eventId, eventTime and bytes.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import orjson

from bridge import __version__
from bridge.flows.ports.subscription import Subscription
from bridge.flows.ports.webhook_delivery import Delivery
from bridge.mef.enums import Api, EventType, Irp
from bridge.mef.moments import rfc3339

CONTENT_TYPE = "application/json;charset=utf-8"
USER_AGENT = f"mef-bridge/{__version__}"

TABLE_7_LISTENER = "workOrderAttributeValueChangeEvent"
"""Where Table 7 of the guide has changes of state posted; the OpenAPI file has them at their own type."""

MOST_URLS: Final = 4096  # that are kept as made: one for each listener and type of event

_RESOURCES = {
    Api.APPOINTMENT: "appointment/v2/appointment",
    Api.WORK_ORDER: "workOrderManagement/v2/workOrder",
}


@dataclass(frozen=True, slots=True)
class Webhook:
    """What is sent to a listener; signatures are over the `event_id` as well."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    event_id: str = ""
    method: str = "POST"


def prepare(delivery: Delivery, base_url: str, guide_listener_buyers: Collection[str] = ()) -> Webhook:
    """Make the request. `base_url` is the absolute URL in front of `/mefApi`, as Buyers reach the bridge.

    For `guide_listener_buyers` the listener of a changed state has the name that the guide's Table 7 gives it.
    """
    url = listener_url(delivery, guide_listener_buyers)
    return Webhook(url, body(delivery, base_url), _headers(delivery), delivery.event_id)


def prepare_ping(subscription: Subscription, guide_listener_buyers: Collection[str] = ()) -> Webhook:
    """Make a request that asks a listener for nothing: OPTIONS at where the first of its events would be posted.

    OPTIONS is safe, and every HTTP server has some answer to it (RFC 9110, 9.3.7). A notification of an event that
    never happened would be a lie, and the standard knows no other message to a listener.
    """
    event_type = min(subscription.event_types)
    url = url_for(subscription, event_type, guide_listener_buyers)
    return Webhook(url, b"", {"User-Agent": USER_AGENT}, method="OPTIONS")


def listener_url(delivery: Delivery, guide_listener_buyers: Collection[str] = ()) -> str:
    """Give the URL that a delivery is posted to, by `url_for`."""
    return url_for(delivery.subscription, delivery.event_type, guide_listener_buyers)


def url_for(subscription: Subscription, event_type: EventType, guide_listener_buyers: Collection[str] = ()) -> str:
    """Give `<callback>/mefApi/<irp>/<api>Notification/v2/listener/<eventType>`; the callback's query is kept."""
    listener: str = event_type
    if event_type is EventType.WORK_ORDER_STATE_CHANGE and subscription.buyer in guide_listener_buyers:
        listener = TABLE_7_LISTENER
    return _listener_url(subscription.callback, subscription.irp, subscription.api, listener)


@lru_cache(maxsize=MOST_URLS)
def _listener_url(callback: str, irp: Irp, api: Api, listener: str) -> str:
    parts = urlsplit(callback)
    own = f"/mefApi/{irp}/{api}Notification/v2/listener/{listener}"
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + own, fragment=""))


def body(delivery: Delivery, base_url: str) -> bytes:
    """Give the `Event` as JSON; buyerId and sellerId only where the registration carried them (R9).

    Written without the model, which costs ten times as much; a test holds the two together.
    """
    to = delivery.subscription
    about = {
        "id": delivery.resource_id,
        "href": f"{base_url.rstrip('/')}/mefApi/{to.irp}/{_RESOURCES[to.api]}/{delivery.resource_id}",
    }
    if to.buyer_param is not None:
        about["buyerId"] = to.buyer_param
    if to.seller_param is not None:
        about["sellerId"] = to.seller_param
    return orjson.dumps(
        {
            "eventId": delivery.event_id,
            "eventTime": rfc3339(delivery.event_time),
            "eventType": delivery.event_type.value,
            "event": about,
        }
    )


def _headers(delivery: Delivery) -> dict[str, str]:
    return {
        "Content-Type": CONTENT_TYPE,
        "User-Agent": USER_AGENT,
        "X-Correlation-ID": _printable(delivery.correlation_id),
    }


def _printable(text: str) -> str:
    """Keep what a header may hold: the id may have come from a WFM or a Buyer, with line breaks and all."""
    if text.isascii() and text.isprintable():
        return text[:200]
    return "".join(character for character in text if " " <= character <= "~")[:200]
