"""What operators reach on the admin port of a running bridge: probes that say what is wrong, and metrics."""

from typing import Any

import pytest
from aiohttp import ClientError, ClientSession
from prometheus_client.parser import text_string_to_metric_families

from bridge.localenv.process import free_port
from tests.support import eventually
from tests.system.conftest import MakeLaboratory, MakeWire

pytestmark = [pytest.mark.system, pytest.mark.integration]


class Admin:
    """The admin port of a bridge."""

    def __init__(self, session: ClientSession, port: int) -> None:
        self._session = session
        self._url = f"http://127.0.0.1:{port}"

    async def probe(self, name: str, token: str = "") -> tuple[int, Any] | None:
        """Ask, with a token if there is one; None as long as nobody listens."""
        try:
            async with self._session.get(
                f"{self._url}/{name}", headers={"Authorization": f"Bearer {token}"}
            ) as response:
                return response.status, await response.json(content_type=None)
        except ClientError:
            return None

    async def status(self, name: str, token: str = "") -> int | None:
        """Ask for the status alone."""
        answer = await self.probe(name, token)
        return None if answer is None else answer[0]

    async def metrics(self) -> dict[tuple[str, ...], float]:
        """Read all samples, by name and the values of their labels in the order of these."""
        async with self._session.get(f"{self._url}/metrics") as response:
            assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            text = await response.text()
        samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
        return {(one.name, *(value for _, value in sorted(one.labels.items()))): one.value for one in samples}


async def test_probes_and_metrics_of_a_bridge_from_its_start_on(
    make_laboratory: MakeLaboratory, make_wire: MakeWire, rabbitmq_url: str, sqlite_url: str
) -> None:
    """Alive from the start, started and ready once RabbitMQ is there; what is wrong is said in a line."""
    wire = await make_wire(rabbitmq_url)
    wire.cut()
    port = free_port()
    lab = await make_laboratory(sqlite_url, BROKER_URL=wire.url, ADMIN_PORT=str(port))
    async with ClientSession() as session:
        admin = Admin(session, port)
        lab.bridge.start()
        await eventually(lambda: admin.status("livez"))
        assert await admin.probe("livez") == (200, {"status": "ok", "problems": [], "warnings": []})
        starting = {"status": "not ok", "problems": ["the bridge is starting"], "warnings": []}
        assert await admin.probe("startupz") == (503, starting)
        waits = await admin.probe("readyz")
        assert waits is not None
        assert waits[0] == 503
        assert any(problem.startswith("broker: ") for problem in waits[1]["problems"])
        assert (await admin.metrics())["mef_bridge_ready",] == 0
        wire.mend()
        await lab.bridge.ready()
        assert await eventually(lambda: _is(admin, "startupz", 200))
        assert await admin.status("readyz") == 200
        assert await admin.status("api/v1/now") == 401
        assert await admin.status("api/v1/now", token="operator-key") == 200
        await lab.buyer.register()
        await lab.new_job()
        found = await eventually(lambda: _delivered(admin))
    assert found["mef_bridge_ready",] == 1
    assert found["mef_bridge_check", "database"] == 1
    assert sum(
        count for name, count in found.items() if name[:3] == ("mef_bridge_messages_total", "applied", "acme-wfm")
    )
    assert ("mef_bridge_inbound_queue_messages", "acme-wfm") in found
    hub = "POST /mefApi/sonata/workOrderManagement/v2/hub"
    assert found["mef_bridge_request_seconds_count", hub, "201"] == 1
    assert "admin.listening" in lab.bridge.said
    assert "message.applied" in lab.bridge.said


async def _delivered(admin: Admin) -> dict[tuple[str, ...], float] | None:
    """Give the metrics once a notification is known to have been taken; RabbitMQ is asked every two seconds at most."""
    found = await admin.metrics()
    told = found.get(("mef_bridge_delivery_attempts_total", "acme-buyer", "delivered"))
    return found if told and ("mef_bridge_inbound_queue_messages", "acme-wfm") in found else None


async def _is(admin: Admin, name: str, status: int) -> bool:
    return await admin.status(name) == status
