"""Packs change under a running bridge: no message is lost, none is read by one pack and applied by another."""

import asyncio
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import PermanentError
from bridge.flows.live_packs import LivePacks, LoadedPacks, NeedsRestart, PackReload
from bridge.flows.ports.buyer_views import WorkOrderQuery
from bridge.flows.work import Work
from bridge.mapping.loader import make_pack
from bridge.mapping.pack import Pack
from bridge.yaml_source import parse_yaml
from tests.integration.flows.acme import event
from tests.integration.flows.conftest import ACME
from tests.integration.flows.reading import entries
from tests.integration.flows.world import BUYERS, World, Worlds
from tests.support import eventually

TEXT = (ACME / "pack.yaml").read_text()


def acme(*changes: tuple[str, str]) -> Pack:
    text = TEXT
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return make_pack(parse_yaml(text, "pack.yaml"))


NEWER = acme(('version: "1.0"', 'version: "2.0"'), ("rule: created", "rule: born"))


def live(pack: Pack) -> LivePacks:
    return LivePacks({pack.name: pack})


async def test_messages_in_flight_are_all_applied_each_by_one_pack(make_world: Worlds, pack: Pack) -> None:
    """200 messages come while the packs change places again and again."""
    world: World = await make_world()
    packs = live(pack)
    world.workshop.packs = packs

    async def hear() -> None:
        for number in range(20):
            await world.hear(*(event("NEW", 1, f"J-{number}-{each}") for each in range(10)))

    hearing = asyncio.create_task(hear())
    for number in count():
        packs.exchange({pack.name: NEWER if number % 2 else pack})
        await asyncio.sleep(0)
        if hearing.done():
            break
    await hearing
    assert await world.outcomes() == ["applied"] * 200
    rules = {(entry.pack_version, entry.rule) for entry in await entries(world)}
    assert rules <= {(pack.version, "created"), (NEWER.version, "born")}
    found = await world.sql_store.reads.work_orders(WorkOrderQuery(buyers=BUYERS))
    assert found.total == 200


async def test_a_batch_ends_with_the_packs_it_began_with(world: World, pack: Pack) -> None:
    packs = live(pack)
    world.workshop.packs = packs
    work = Work(world.workshop)
    packs.exchange({pack.name: NEWER})
    assert work.packs[pack.name] is pack
    assert packs[pack.name] is NEWER


async def test_a_bad_pack_is_refused_with_its_problems_and_the_old_one_stays(pack: Pack, capsys: Any) -> None:
    packs = live(pack)

    def load() -> LoadedPacks:
        raise PermanentError("pack.yaml:1:1: gap: no rule fits")

    assert await PackReload(packs, load).reload() is False
    assert packs[pack.name] is pack
    said = capsys.readouterr()
    assert "packs.refused" in said.out + said.err
    assert "pack.yaml:1:1: gap: no rule fits" in said.out + said.err


@pytest.mark.parametrize(
    "change", [("acme.wfm.events  ", "acme.wfm.other  "), ('bindings: ["job.#"]', 'bindings: ["#"]')]
)
def test_what_is_set_up_in_rabbitmq_needs_a_restart(pack: Pack, change: tuple[str, str]) -> None:
    packs = live(pack)
    with pytest.raises(NeedsRestart, match="exchange or bindings"):
        packs.exchange({pack.name: acme(change)})
    with pytest.raises(NeedsRestart, match="the packs were acme-wfm, and now are none"):
        packs.exchange({})
    assert packs[pack.name] is pack


async def test_a_changed_file_is_taken_up_by_itself(pack: Pack, tmp_path: Path) -> None:
    packs, file = live(pack), tmp_path / "pack.yaml"
    file.write_text(TEXT)

    def read() -> LoadedPacks:
        by_name = {pack.name: make_pack(parse_yaml(file.read_text(), "pack.yaml"))}
        return LoadedPacks(by_name, by_name)

    reload = PackReload(packs, read)
    watching = asyncio.create_task(reload.watch(file.read_text, TEXT, 0.001))
    file.write_text(TEXT.replace('version: "1.0"', 'version: "2.0"'))
    try:
        await eventually(lambda: packs[pack.name].version.startswith("2.0+"))
    finally:
        watching.cancel()
