"""RabbitMQ is low on memory, or on disk: Buyers are told so at once, can read, and what was refused is never done."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from bridge.localenv.rabbitmq import Node
from bridge.mef.enums import BuyerSeller
from bridge.mef.models import AppointmentUpdate, Note
from tests.integration.wfm.test_alarm import LOW, LOW_ON_DISK, alarm, disk_alarm
from tests.system.conftest import MakeLaboratory
from tests.system.test_outages import not_ready_because_of, refusal, unbooked_job

pytestmark = [pytest.mark.system, pytest.mark.integration]


@pytest.fixture
def rabbitmq_url(private_rabbitmq: Node) -> str:
    return private_rabbitmq.url


async def test_under_an_alarm_buyers_are_refused_at_once_and_afterwards_each_command_goes_once(
    make_laboratory: MakeLaboratory, sqlite_url: str, private_rabbitmq: Node
) -> None:
    lab = await make_laboratory(sqlite_url)
    await lab.bridge.start_ready()
    await lab.buyer.register()
    _, appointment, windows = await lab.booked()
    _, work_order = await unbooked_job(lab)
    window = (await lab.windows(work_order))[0]
    searches = len([command for command in lab.wfm.commands if command["CMD"] == "FINDSLOT"])
    note = Note(id="n-1", author="Jo", date=datetime.now(UTC), source=BuyerSeller.BUYER, text="Ring twice.")
    with alarm(private_rabbitmq):
        for request in (
            lab.buyer.book(work_order, window),
            lab.buyer.search(work_order, window),
            lab.buyer.patch(appointment.id, AppointmentUpdate(valid_for=windows[1])),
            lab.buyer.cancel(appointment.id),
        ):
            refused = await refusal(request)
            assert refused.status == 503
            assert "nothing was done" in str(refused.body)
        assert await not_ready_because_of(lab, "publishing")
        health = await lab.bridge.health()
        assert health is not None
        assert health["problems"] == {"publishing": LOW}
        assert sorted(each.state for each in await lab.buyer.work_orders()) == ["open", "planned"]
        await lab.buyer.patch(appointment.id, AppointmentUpdate(note=(note,)))
    await lab.bridge.ready()
    with disk_alarm(private_rabbitmq):
        refused = await refusal(lab.buyer.book(work_order, window))
        assert (refused.status, "nothing was done" in str(refused.body)) == (503, True)
        assert await not_ready_because_of(lab, "publishing")
        health = await lab.bridge.health()
        assert health is not None
        assert health["problems"] == {"publishing": LOW_ON_DISK}
        assert sorted(each.state for each in await lab.buyer.work_orders()) == ["open", "planned"]
    await lab.bridge.ready()
    assert (await lab.buyer.book(work_order, window)).valid_for == window
    await lab.until_settled()
    sent = Counter(command["CMD"] for command in lab.wfm.commands)
    assert {name: sent[name] for name in ("FINDSLOT", "BOOKVIS", "MOVEVIS", "CANVIS", "ADDNOTE")} == {
        "FINDSLOT": searches,
        "BOOKVIS": 2,
        "MOVEVIS": 0,
        "CANVIS": 0,
        "ADDNOTE": 1,
    }
    await lab.stop_and_find_nothing_left()
