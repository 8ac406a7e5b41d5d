"""A whole bridge on the in-memory broker: who may call, for which Seller, and what a key means after a restart."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, DummyCookieJar
from pydantic import SecretStr
from sqlalchemy import text
from structlog.testing import capture_logs

from bridge.app.running import RunningBridge, running
from bridge.cli.tokens import make_key, sign, token_claims
from bridge.errors import PermanentError
from bridge.settings import (
    AdminSettings,
    BrokerSettings,
    DatabaseSettings,
    DeliverySettings,
    HttpSettings,
    IdentityMode,
    IdentitySettings,
    Mode,
    SellerSettings,
    Settings,
)
from bridge.simulator.wfm import SimulatedWfm
from bridge.wfm.link import IN_MEMORY_URL, RabbitLink
from tests.support import eventually

ROOT = Path(__file__).parents[2]
ACME = ROOT / "mappings" / "acme-wfm"
WORK_ORDERS = "/mefApi/sonata/workOrderManagement/v2/workOrder"
APPOINTMENTS = "/mefApi/sonata/appointment/v2"
HUB = "/mefApi/sonata/workOrderManagement/v2/hub"
CONTACT = {"name": "Jo Doe", "number": "+48 22", "emailAddress": "jo@example.com"}
SELLERS = (SellerSettings(id="us", packs=("acme-wfm",)), SellerSettings(id="them", packs=("other-wfm",)))


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    value: Any


@dataclass
class House:
    """A WFM, and the bridge as often as it is started."""

    directory: Path
    link: RabbitLink
    wfm: SimulatedWfm
    session: ClientSession
    bridge: RunningBridge | None = None

    def settings(self, **changes: Any) -> Settings:
        plain: dict[str, Any] = {
            "instance": "bridge-1",
            "mode": Mode.DEVELOPMENT,
            "packs": (ACME,),
            "buyers": ROOT / "config" / "buyers.yaml",
            "http": HttpSettings(port=0),
            "admin": AdminSettings(enabled=False),
            "broker": BrokerSettings(url=SecretStr("amqp://in-memory/")),
            "database": DatabaseSettings(url=SecretStr(f"sqlite:///{self.directory / 'bridge.sqlite3'}")),
            "delivery": DeliverySettings(allow_private_callbacks=True),
        }
        return Settings.model_construct(**(plain | changes))

    @asynccontextmanager
    async def started(self, **changes: Any) -> AsyncIterator[RunningBridge]:
        async with running(self.settings(**changes), self.link) as bridge:
            self.bridge = bridge
            yield bridge

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        assert self.bridge is not None
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent["Content-Type"] = "application/json;charset=utf-8"
        data = None if body is None else orjson.dumps(body)
        async with self.session.request(method, self.bridge.url + path, data=data, headers=sent) as response:
            raw = await response.read()
            return Answer(response.status, dict(response.headers), orjson.loads(raw) if raw else None)

    async def work_orders(self, query: str = "", **headers: str) -> list[dict[str, Any]]:
        answer = await self.send("GET", WORK_ORDERS + query, **headers)
        assert answer.status == 200, answer
        found: list[dict[str, Any]] = answer.value
        return found


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        link = RabbitLink(IN_MEMORY_URL, name="test")
        await link.start()
        stack.push_async_callback(link.stop)
        wfm = SimulatedWfm(link.broker, "", reply_delay=0)
        await wfm.start()
        stack.push_async_callback(wfm.stop)
        session = await stack.enter_async_context(ClientSession(cookie_jar=DummyCookieJar()))
        yield House(tmp_path, link, wfm, session)


@pytest.fixture
def packs(tmp_path: Path) -> tuple[Path, Path]:
    """The ACME pack, and another one for the same WFM: each Seller has a job of every number."""
    other = tmp_path / "other-wfm"
    shutil.copytree(ACME, other)
    document = other / "pack.yaml"
    document.write_text(document.read_text().replace("pack: acme-wfm", "pack: other-wfm", 1))
    return (ACME, other)


KEY = {"X_API_Key": "acme-buyer-key"}


async def test_a_token_opens_the_bridge_that_trusts_its_key(house: House) -> None:
    private = house.directory / "keys" / "private.pem"
    make_key(private)
    identity = IdentitySettings(jwks=str(private.with_name("jwks.json")), issuer="i", audience="a")
    claims = token_claims(house.settings(identity=identity), "acme-development", ["workOrder"], timedelta(minutes=1))
    token = {"Authorization": f"Bearer {sign(claims, private)}"}
    async with house.started(identity=identity):
        assert (await house.send("GET", WORK_ORDERS, **token)).status == 200
        assert (await house.send("GET", WORK_ORDERS, **KEY)).status == 200
        denied = await house.send("GET", f"{APPOINTMENTS}/appointment", **token)
        assert (denied.status, denied.value["code"]) == (403, "accessDenied")
    async with house.started():
        assert (await house.send("GET", WORK_ORDERS, **token)).status == 401


async def test_a_bridge_without_identity_says_so_loudly(house: House) -> None:
    identity = IdentitySettings(mode=IdentityMode.NONE, buyer="other-buyer")
    with capture_logs() as logs:
        async with house.started(identity=identity):
            assert await house.work_orders() == []
    (warning,) = [entry for entry in logs if entry["event"] == "identity.none"]
    assert (warning["log_level"], "EVERYBODY" in warning["warning"]) == ("warning", True)


async def test_a_file_of_keys_that_is_not_there_keeps_the_bridge_from_starting(house: House) -> None:
    identity = IdentitySettings(jwks=str(house.directory / "none.json"), issuer="i", audience="a")
    with pytest.raises(PermanentError, match=r"none.json: No such file"):
        async with house.started(identity=identity):
            pass


async def test_each_seller_has_its_own_objects_and_listeners(house: House, packs: tuple[Path, Path]) -> None:
    """R7, R9."""
    async with house.started(packs=packs, sellers=SELLERS):
        assert (await house.send("GET", WORK_ORDERS, **KEY)).value["code"] == "missingQueryParameter"
        assert (await house.send("GET", f"{WORK_ORDERS}?sellerId=nobody", **KEY)).status == 403
        callback = {"callback": "http://127.0.0.1:1/us"}
        listener = (await house.send("POST", f"{HUB}?sellerId=us", callback, **KEY)).value["id"]
        await house.wfm.create_job(customer="PL-00017")
        us = await eventually(_found(house, "?sellerId=us"))
        them = await eventually(_found(house, "?sellerId=them"))
        assert us[0]["id"] != them[0]["id"]
        assert (await house.send("GET", f"{WORK_ORDERS}/{us[0]['id']}?sellerId=us", **KEY)).status == 200
        assert (await house.send("GET", f"{WORK_ORDERS}/{us[0]['id']}?sellerId=them", **KEY)).status == 404
        assert (await house.send("GET", f"{HUB}/{listener}?sellerId=them", **KEY)).status == 404
        assert await _resources_of(house, listener) == {us[0]["id"]}


@pytest.mark.parametrize(
    "sellers", [SELLERS[:1], (*SELLERS, SellerSettings(id="third", packs=("x",)))], ids=["one seller", "unknown pack"]
)
async def test_one_seller_needs_no_name_and_an_unknown_pack_is_refused(
    house: House, sellers: tuple[SellerSettings, ...]
) -> None:
    if len(sellers) > 1:
        with pytest.raises(PermanentError, match="sellers: other-wfm, x: each pack that runs must be listed"):
            async with house.started(sellers=sellers):
                pass
        return
    async with house.started(sellers=sellers):
        assert (await house.send("GET", WORK_ORDERS, **KEY)).status == 200


async def test_a_booking_is_made_once_though_the_bridge_was_started_anew_in_between(house: House) -> None:
    async with house.started():
        await house.wfm.create_job(customer="PL-00017")
        (order,) = await eventually(_found(house, ""))
        search = {"requestedTimeSlot": [{"validFor": _week()}], "workOrder": {"id": order["id"]}}
        slots = (await house.send("POST", f"{APPOINTMENTS}/searchTimeSlot", search, **KEY)).value["availableTimeSlot"]
        body = {
            "relatedContactInformation": [
                {"role": role, **CONTACT} for role in ("buyerAppointmentContact", "appointmentPlaceContact")
            ],
            "validFor": slots[0]["validFor"],
            "workOrder": {"id": order["id"]},
        }
        keyed = {**KEY, "Idempotency_Key": "8e03978e"}
        first = await house.send("POST", f"{APPOINTMENTS}/appointment", body, **keyed)
        assert first.status == 201
    async with house.started():
        again = await house.send("POST", f"{APPOINTMENTS}/appointment", body, **keyed)
        assert (again.status, again.value, again.headers["Idempotency-Replayed"]) == (201, first.value, "true")
        assert (await house.send("POST", f"{APPOINTMENTS}/appointment", body, **KEY)).status == 422  # R20
        found = await house.send("GET", f"{APPOINTMENTS}/appointment", **KEY)
        assert [item["id"] for item in found.value] == [first.value["id"]]


def _found(house: House, query: str) -> Callable[[], Any]:
    return lambda: house.work_orders(query, **KEY)


def _week() -> dict[str, str]:
    """The coming week, in which the WFM has technicians."""
    now = datetime.now(UTC).replace(microsecond=0)
    return {
        "startDateTime": (now + timedelta(days=1)).isoformat(),
        "endDateTime": (now + timedelta(days=8)).isoformat(),
    }


async def _resources_of(house: House, listener: str) -> set[str]:
    """What the listener is told of."""
    assert house.bridge is not None
    statement = text(
        "SELECT resource_id FROM deliveries JOIN notifications USING (event_id) WHERE subscription_id = :listener"
    )
    async with house.bridge.store._engine.connect() as connection:
        return set((await connection.execute(statement, {"listener": listener})).scalars())
