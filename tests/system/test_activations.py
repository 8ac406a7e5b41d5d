"""A draft that is activated in the console of one process is run by all, as long as nothing else is deployed."""

import hashlib
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.support import eventually
from tests.system.conftest import MakeLaboratory, rewrite
from tests.system.laboratory import PACK, Laboratory
from tests.system.processes import BridgeProcess

pytestmark = [pytest.mark.system, pytest.mark.integration]

OPERATOR = {"Authorization": "Bearer operator-key"}
RULE = ("rule: created", "rule: opened")


@pytest.fixture
async def lab(make_laboratory: MakeLaboratory, database_url: str, pack: Path) -> Laboratory:
    return await make_laboratory(database_url, PACKS=str(pack))


@pytest.fixture
async def second(lab: Laboratory, pack: Path, tmp_path: Path) -> AsyncIterator[BridgeProcess]:
    """Another process, an instance of its own with files of its own."""
    instance = f"{lab.topology.instance}-2"
    files = shutil.copytree(pack, tmp_path / "second" / PACK)
    environ = lab.bridge.environ | {"BRIDGE_INSTANCE": instance, "BRIDGE_PACKS": str(files)}
    process = BridgeProcess(tmp_path / "second.log", environ)
    yield process
    process.kill()
    print(process.said)  # noqa: T201 - pytest shows it beside a failure
    await lab.channel.queue_delete(f"{lab.namespace}mef-bridge.{instance}.replies")


def console_of(process: BridgeProcess) -> str:
    """Where its console is, since its last start."""
    return re.findall(r"http://[\d.]+:\d+", "".join(re.findall(r".*admin\.listening.*", process.said)))[-1]


async def post(process: BridgeProcess, path: str, **form: str) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(console_of(process) + path, data=form, headers=OPERATOR, allow_redirects=False) as answer,
    ):
        return answer.status


async def told(process: BridgeProcess) -> dict[str, object]:
    """What the admin API of a process tells of the pack."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{console_of(process)}/api/v1/packs/{PACK}", headers=OPERATOR) as answer,
    ):
        found: dict[str, object] = await answer.json()
        return found


async def runs(process: BridgeProcess, version: object) -> bool:
    return (await told(process))["version"] == version


async def is_told(process: BridgeProcess, **facts: object) -> bool:
    """Tell whether a process knows an activated draft of which this is so."""
    activation = (await told(process))["activation"]
    return isinstance(activation, dict) and all(activation[name] == value for name, value in facts.items())


async def activate(process: BridgeProcess, pack: Path, note: str, change: tuple[str, str] = RULE) -> None:
    """Activate a draft: without another change, one in which a rule has another name."""
    text = (pack / "pack.yaml").read_text()
    digest = hashlib.sha256(text.encode()).hexdigest()
    draft = {"pack": PACK, "text": text.replace(*change, 1), "digest": digest}
    assert await post(process, "/console/draft", act="activate", note=note, **draft) == 303


async def rule_of_next_job(lab: Laboratory) -> str | None:
    """Let the WFM have a job, and tell by which rule it was opened."""
    before = len(await lab.journal())
    await lab.wfm.create_job()

    async def is_there() -> bool:
        return len(await lab.journal()) > before

    await eventually(is_there)
    return max(await lab.journal(), key=lambda each: each.number).entry.rule


async def test_all_run_it_until_other_files_are_deployed(lab: Laboratory, second: BridgeProcess, pack: Path) -> None:
    await lab.bridge.start_ready()
    await second.start_ready()
    base = (await told(second))["version"]
    files = Path(second.environ["BRIDGE_PACKS"])
    was = (files / "pack.yaml").read_bytes()

    await activate(second, files, "opened says more")
    activated = (await told(second))["version"]
    assert activated != base
    await eventually(lambda: runs(lab.bridge, activated))
    instances = [lab.topology.instance, second.environ["BRIDGE_INSTANCE"]]
    await eventually(lambda: is_told(second, runsOn=instances, awaitedOn=[], otherFilesOn=[]))
    assert await is_told(lab.bridge, who="operator", note="opened says more", standing="runs")
    assert await rule_of_next_job(lab) == "opened"
    assert (files / "pack.yaml").read_bytes() == was

    lab.bridge.kill()
    assert await rule_of_next_job(lab) == "opened"  # by the other one
    await lab.bridge.start_ready()
    assert await runs(lab.bridge, activated)

    rewrite(pack, 'version: "1.0"', 'version: "2.0"')
    assert lab.bridge.pid is not None
    os.kill(lab.bridge.pid, signal.SIGHUP)
    await eventually(lambda: "activation.overtaken" in lab.bridge.said)
    assert str((await told(lab.bridge))["version"]).startswith("2.0+")
    assert await runs(second, activated)
    assert "activation.ended" not in lab.bridge.said

    assert await second.stop() == 0
    shutil.copy(pack / "pack.yaml", files / "pack.yaml")
    await second.start_ready()
    await eventually(lambda: "activation.ended" in lab.bridge.said + second.said)
    assert str((await told(second))["version"]).startswith("2.0+")
    assert (lab.bridge.said + second.said).count("activation.ended") == 1
    assert await rule_of_next_job(lab) == "created"
    await second.stop()
    await lab.stop_and_find_nothing_left()


async def test_all_go_back_where_it_is_taken_back(lab: Laboratory, second: BridgeProcess, pack: Path) -> None:
    await lab.bridge.start_ready()
    await second.start_ready()
    base = (await told(second))["version"]
    await activate(lab.bridge, pack, "opened says more")
    assert await rule_of_next_job(lab) == "opened"
    assert await post(second, f"/console/packs/{PACK}", act="take back", note="it did not") == 303
    await eventually(lambda: runs(lab.bridge, base))
    assert await runs(second, base)
    assert (await told(lab.bridge))["activation"] is None
    assert await rule_of_next_job(lab) == "created"
    await lab.bridge.stop()
    await lab.bridge.start_ready()
    assert await runs(lab.bridge, base)
    await second.stop()
    await lab.stop_and_find_nothing_left()


async def test_a_process_that_cannot_take_it_up_warns_and_goes_on(
    lab: Laboratory, second: BridgeProcess, pack: Path
) -> None:
    await lab.bridge.start_ready()
    await second.start_ready()
    base = (await told(second))["version"]
    (pack / "crews.csv").write_text("crew,name\n1,First\n")
    table = ("tables:", "tables:\n  crews: {key: crew, on_miss: keep, file: crews.csv}")
    await activate(lab.bridge, pack, "crews have names", table)
    await eventually(lambda: "packs.refused" in second.said)
    assert "there is no file crews.csv" in second.said
    assert await is_told(lab.bridge, runsOn=[lab.topology.instance], awaitedOn=[second.environ["BRIDGE_INSTANCE"]])
    async with aiohttp.ClientSession() as session, session.get(f"{console_of(second)}/readyz") as answer:
        ready = await answer.json()
    assert (answer.status, ready["problems"]) == (200, [])
    assert "the draft that operator activated" in ready["warnings"][0]
    assert await runs(second, base)

    files = Path(second.environ["BRIDGE_PACKS"])
    shutil.copy(pack / "crews.csv", files / "crews.csv")
    assert second.pid is not None
    os.kill(second.pid, signal.SIGHUP)
    await eventually(lambda: is_told(second, awaitedOn=[]))


async def test_a_bridge_alone_on_sqlite_starts_by_the_activated_draft(
    make_laboratory: MakeLaboratory, sqlite_url: str, pack: Path
) -> None:
    alone = await make_laboratory(sqlite_url, PACKS=str(pack))
    await alone.bridge.start_ready()
    await activate(alone.bridge, pack, "opened says more")
    assert await rule_of_next_job(alone) == "opened"
    await alone.bridge.stop()
    await alone.wfm.create_job()
    await alone.bridge.start_ready()
    await eventually(lambda: both_heard(alone))
    assert {recorded.entry.rule for recorded in await alone.journal()} == {"opened"}
    await alone.stop_and_find_nothing_left()


async def both_heard(lab: Laboratory) -> bool:
    return len(await lab.journal()) == 2
