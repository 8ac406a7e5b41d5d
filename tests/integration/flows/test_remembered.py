"""What a job told stands in every command about it: asked of the store, or of the job that is locked anyway."""

import orjson
import pytest

from bridge.flows.refusals import WfmTimeout
from bridge.mapping.loader import make_pack
from bridge.mapping.pack import Pack
from bridge.mef.models import AppointmentUpdate
from bridge.yaml_source import parse_yaml
from tests.integration.flows import acme
from tests.integration.flows.acme import AFTERNOON, IN_MORNING, event
from tests.integration.flows.conftest import ACME
from tests.integration.flows.world import BUYERS, World, Worlds

WITH_SITE = "REF: {value: command}\n      SITE: {value: field.site, default: none}"


@pytest.fixture(scope="module")
def telling() -> Pack:
    text = (ACME / "pack.yaml").read_text()
    return make_pack(parse_yaml(text.replace("REF: {value: command}", WITH_SITE), "pack.yaml"))


def sites(world: World) -> dict[str, str]:
    return {message.routing_key: orjson.loads(message.body)["SITE"] for message in world.bus.sent}


async def test_searches_bookings_moves_and_cancellations_write_it(make_world: Worlds, telling: Pack) -> None:
    world: World = await make_world(pack=telling)
    appointment = await world.book(await world.open_work_order(SITE_ID="SITE-9"))
    assert sites(world) == {"cmd.search": "SITE-9", "cmd.book": "SITE-9"}
    await world.hear(event("SCHD", 2, SITE_ID="SITE-10", **IN_MORNING))
    world.bus.sent.clear()
    request = AppointmentUpdate(valid_for=AFTERNOON)
    await world.appointments.patch(BUYERS, appointment.id, request, frozenset({"validFor"}), "c")
    await world.appointments.cancel(BUYERS, appointment.id, "c")
    assert sites(world) == {"cmd.search": "SITE-10", "cmd.move": "SITE-10", "cmd.cancel": "SITE-10"}


async def test_a_late_booking_is_taken_back_with_it(make_world: Worlds, telling: Pack) -> None:
    world: World = await make_world(timeout_s=0.02, pack=telling)
    world.bus.answers["cmd.book"] = lambda _: None
    with pytest.raises(WfmTimeout):
        await world.book(await world.open_work_order(SITE_ID="SITE-9"))
    await world.reply(world.bus.of("cmd.book")[0], acme.done(VISIT_NO="V-0001"))
    assert [cancel["SITE"] for cancel in await world.outbox("cmd.cancel")] == ["SITE-9"]


async def test_a_job_that_was_known_before_the_pack_asked_for_it_has_the_default(
    make_world: Worlds, telling: Pack
) -> None:
    """The last pack had no use for it; the next message of the job tells it."""
    before: World = await make_world()
    order = await before.open_work_order(SITE_ID="SITE-9")
    world: World = await make_world(pack=telling)
    await world.book(order)
    assert sites(world) == {"cmd.search": "none", "cmd.book": "none"}
