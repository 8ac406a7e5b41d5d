"""The WFM's yes overtakes what the WFM said before: the booking stands."""

from typing import Any

import pytest

from bridge.mapping.pack import Pack
from bridge.mef.enums import AppointmentStatus
from bridge.yaml_source import parse_yaml
from tests.integration.flows import acme
from tests.integration.flows.acme import IN_MORNING, NO_VISIT, event
from tests.integration.flows.conftest import ACME
from tests.integration.flows.world import World, Worlds
from tests.unit.mapping.patches import pack_with

BEFORE = {"TS": "2026-03-05 12:59:59"}  # NOW is 13:00 in Warsaw
SNAPSHOTS = [("NEW", NO_VISIT), ("VCAN", NO_VISIT)]
OF_A_VISIT = [("WIP", NO_VISIT), ("NOSH", NO_VISIT | {"RSN": "C01"}), ("NOSH", NO_VISIT | {"RSN": "T01"})]


@pytest.fixture(scope="module")
def versioned() -> Pack:
    """The ACME pack, of a WFM whose yes bears the version of the job."""
    base: dict[str, Any] = parse_yaml((ACME / "pack.yaml").read_text(), "pack.yaml").data
    return pack_with("commands: {book: {reply: {version: {path: $.VER, optional: true}}}}", base)


@pytest.mark.parametrize(("status", "visit"), SNAPSHOTS)
async def test_a_message_of_a_lower_version_is_stale(
    make_world: Worlds, versioned: Pack, status: str, visit: dict[str, str]
) -> None:
    world: World = await make_world(pack=versioned)
    world.bus.answers["cmd.book"] = lambda _: acme.done(VISIT_NO="V-0001", VER=3)
    appointment = await world.book(await world.open_work_order())
    restarted: World = await make_world(pack=versioned)
    await restarted.hear(event(status, 2, **visit))
    assert (await restarted.outcomes())[-1] == "stale"
    await restarted.hear(event("SCHD", 3, **IN_MORNING))
    assert (await restarted.appointment(appointment)).status is AppointmentStatus.CONFIRMED


@pytest.mark.parametrize(("status", "visit"), [*SNAPSHOTS, *OF_A_VISIT])
async def test_without_versions_what_happened_before_the_booking_is_stale(
    world: World, status: str, visit: dict[str, str]
) -> None:
    appointment = await world.book(await world.open_work_order())
    await world.hear(event(status, 2, **visit, **BEFORE))
    assert (await world.outcomes())[-1] == "stale"
    assert (await world.appointment(appointment)).status is AppointmentStatus.CONFIRMED


@pytest.mark.parametrize(("status", "visit"), [*SNAPSHOTS, ("VCAN", IN_MORNING)])
async def test_what_happened_after_the_booking_counts(world: World, status: str, visit: dict[str, str]) -> None:
    appointment = await world.book(await world.open_work_order())
    await world.hear(event(status, 2, **visit))
    assert (await world.appointment(appointment)).status is AppointmentStatus.CANCELLED
