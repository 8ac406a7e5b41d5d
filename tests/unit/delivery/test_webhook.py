"""The exact bytes and places of a notification."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import __version__
from bridge.delivery.webhook import prepare
from bridge.mef.enums import Api, EventType, Irp
from bridge.mef.models import Event, EventPayload
from tests.unit.delivery.factories import delivery, subscription

BASE = "https://bridge.example/seller"


def test_a_work_order_event_is_exactly_the_standards_body() -> None:
    assert prepare(delivery(), BASE).body == (
        b'{"eventId":"event-1","eventTime":"2026-03-05T12:04:05.678Z","eventType":"workOrderStateChangeEvent",'
        b'"event":{"id":"wo-1",'
        b'"href":"https://bridge.example/seller/mefApi/sonata/workOrderManagement/v2/workOrder/wo-1"}}'
    )


def test_an_appointment_event_carries_what_the_registration_carried() -> None:
    listener = subscription(api=Api.APPOINTMENT, irp=Irp.CANTATA, buyer_param="b-1", seller_param="s-1")
    event = delivery(to=listener, resource="ap-1", event_type=EventType.APPOINTMENT_STATUS_CHANGE)
    message = prepare(event, "http://localhost:8137/")
    assert message.body == (
        b'{"eventId":"event-1","eventTime":"2026-03-05T12:04:05.678Z","eventType":"appointmentStatusChangeEvent",'
        b'"event":{"id":"ap-1","href":"http://localhost:8137/mefApi/cantata/appointment/v2/appointment/ap-1",'
        b'"buyerId":"b-1","sellerId":"s-1"}}'
    )
    assert message.url == (
        "https://buyer.example/callback/mefApi/cantata/appointmentNotification/v2/listener/appointmentStatusChangeEvent"
    )


PATH = "/mefApi/sonata/workOrderNotification/v2/listener/workOrderStateChangeEvent"


@pytest.mark.parametrize(
    ("callback", "url"),
    [
        ("https://buyer.example", f"https://buyer.example{PATH}"),
        ("https://buyer.example/", f"https://buyer.example{PATH}"),
        ("https://buyer.example:8443/a/b/", f"https://buyer.example:8443/a/b{PATH}"),
        ("https://buyer.example/a?tenant=7#x", f"https://buyer.example/a{PATH}?tenant=7"),
    ],
)
def test_the_path_is_put_behind_the_callback(callback: str, url: str) -> None:
    assert prepare(delivery(to=subscription(callback)), BASE).url == url


@given(
    st.text(st.characters(codec="utf-8"), min_size=1), st.none() | st.text(st.characters(codec="utf-8")), st.datetimes()
)
def test_the_body_is_what_the_standards_model_writes(text: str, param: str | None, moment: datetime) -> None:
    event_time = moment.replace(tzinfo=UTC)
    to = subscription(buyer_param=param, seller_param=param)
    event = delivery(to=to, resource=text, event_id=text, event_time=event_time)
    about = EventPayload(
        id=text,
        href=f"{BASE}/mefApi/sonata/workOrderManagement/v2/workOrder/{text}",
        buyer_id=param,
        seller_id=param,
    )
    model = Event(event_id=text, event_time=event_time, event_type=event.event_type, event=about)
    assert prepare(event, BASE).body == model.model_dump_json(by_alias=True, exclude_none=True).encode()


def test_headers_name_the_content_the_bridge_and_the_correlation() -> None:
    assert prepare(delivery(), BASE).headers == {
        "Content-Type": "application/json;charset=utf-8",
        "User-Agent": f"mef-bridge/{__version__}",
        "X-Correlation-ID": "correlation-1",
    }


def test_a_hostile_correlation_id_adds_no_header() -> None:
    message = prepare(delivery(correlation_id="a\r\nX-Evil: 1ż" + "z" * 500), BASE)
    assert message.headers["X-Correlation-ID"] == ("aX-Evil: 1" + "z" * 500)[:200]


def test_every_attempt_is_the_same_message() -> None:
    assert prepare(delivery(attempts=5), BASE) == prepare(delivery(attempts=0), BASE)


def test_a_buyer_who_follows_table_7_is_told_of_a_state_at_the_listener_it_names() -> None:
    """Only the path differs; the event in the body keeps its type."""
    to = subscription(api=Api.WORK_ORDER)
    event = delivery(to=to, event_type=EventType.WORK_ORDER_STATE_CHANGE)
    plain, table_7 = prepare(event, BASE), prepare(event, BASE, [to.buyer])
    assert plain.url.endswith("/workOrderNotification/v2/listener/workOrderStateChangeEvent")
    assert table_7.url.endswith("/workOrderNotification/v2/listener/workOrderAttributeValueChangeEvent")
    assert table_7.body == plain.body
    created = delivery(to=to, event_type=EventType.WORK_ORDER_CREATE)
    assert prepare(created, BASE, [to.buyer]).url == prepare(created, BASE).url
