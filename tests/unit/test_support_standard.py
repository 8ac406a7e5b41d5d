"""The judge of the simulated Buyers sees what is wrong, and lets pass what is right."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from bridge.mef.enums import Api, Irp
from bridge.simulator.buyer import BuyerError, SimulatedBuyer
from tests.api import standard
from tests.support_standard import judging

pytestmark = pytest.mark.skipif(
    not standard.available(), reason=f"the standard's OpenAPI files are not at {standard.DIRECTORY}"
)
RIGHT = {"id": "S-1", "callback": "https://buyer.example.com"}
EVENT = {"eventId": "1", "eventTime": "2026-03-06T08:00:00Z", "eventType": "x", "event": {"id": "1"}}
PATH = "/mefApi/sonata/appointment/v2/hub/S-1"


@dataclass
class Says:
    """What the bridge of a test answers."""

    status: int = 200
    body: Any = field(default_factory=lambda: dict(RIGHT))


@pytest.fixture
def says() -> Says:
    return Says()


@pytest.fixture
async def server(says: Says) -> AsyncIterator[TestServer]:
    """A bridge that answers as it is told to."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(says.body, status=says.status)

    app = web.Application()
    app.router.add_get(PATH, answer)
    async with TestServer(app) as server:
        yield server


async def show(server: TestServer) -> None:
    async with SimulatedBuyer(str(server.make_url("")), "key", Irp.SONATA) as buyer:
        await buyer.send("GET", Api.APPOINTMENT, "/hub/S-1")


async def test_a_right_answer_passes(server: TestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with judging(monkeypatch) as judge:
        await show(server)
    assert judge.answers == 1


@pytest.mark.parametrize(
    ("status", "body", "complaint"),
    [
        (200, {"id": "S-1"}, "'callback' is a required property"),
        (202, RIGHT, "the standard has no answer 202 here"),
        (404, {"code": "gone", "reason": "x"}, "'gone' is not one of"),
    ],
)
async def test_a_wrong_answer_fails_the_test_at_its_end(
    server: TestServer, says: Says, monkeypatch: pytest.MonkeyPatch, status: int, body: Any, complaint: str
) -> None:
    says.status, says.body = status, body
    with pytest.raises(pytest.fail.Exception, match=complaint), judging(monkeypatch), suppress(BuyerError):
        await show(server)


@pytest.mark.parametrize(
    ("api", "kind"), [("appointment", "appointmentStatusChangeEvent"), ("workOrder", "workOrderCreateEvent")]
)
async def test_a_right_notification_passes(
    server: TestServer, monkeypatch: pytest.MonkeyPatch, api: str, kind: str
) -> None:
    with judging(monkeypatch) as judge:
        async with SimulatedBuyer(str(server.make_url("")), "key", Irp.SONATA) as buyer, ClientSession() as session:
            path = f"/mefApi/sonata/{api}Notification/v2/listener/{kind}"
            async with session.post(buyer.callback + path, json=EVENT | {"eventType": kind}) as answer:
                assert answer.status == 204
    assert judge.notifications == 1


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"eventId": "1"}, "'event' is a required property"),
        (EVENT | {"eventTime": "noon"}, "noon"),
        (EVENT | {"eventType": "workOrderCreateEvent"}, "'workOrderCreateEvent' is not one of"),
    ],
)
async def test_a_wrong_notification_fails_the_test_at_its_end(
    server: TestServer, monkeypatch: pytest.MonkeyPatch, body: Any, complaint: str
) -> None:
    with pytest.raises(pytest.fail.Exception, match=complaint), judging(monkeypatch):  # noqa: PT012
        async with SimulatedBuyer(str(server.make_url("")), "key", Irp.SONATA) as buyer, ClientSession() as session:
            path = "/mefApi/sonata/appointmentNotification/v2/listener/appointmentStatusChangeEvent"
            async with session.post(buyer.callback + path, json=body) as answer:
                assert answer.status == 400
