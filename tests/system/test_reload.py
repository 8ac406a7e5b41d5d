"""The pack changes while messages are in flight: none is lost, each is applied by one whole pack, a bad one by none."""

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.support import eventually
from tests.system.conftest import MakeLaboratory
from tests.system.laboratory import DEADLINE_S, Laboratory
from tests.system.processes import REPOSITORY

pytestmark = [pytest.mark.system, pytest.mark.integration]

JOBS = 60


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A copy of the pack in the box, to be changed."""
    return Path(shutil.copytree(REPOSITORY / "mappings" / "acme-wfm", tmp_path / "acme-wfm"))


def rewrite(pack: Path, old: str, new: str) -> None:
    """Change the file in one step, as an editor does."""
    text = (pack / "pack.yaml").read_text()
    assert text.count(old) == 1
    (pack / "pack.new").write_text(text.replace(old, new))
    (pack / "pack.new").replace(pack / "pack.yaml")


def hang_up(lab: Laboratory) -> None:
    assert lab.bridge.pid is not None
    os.kill(lab.bridge.pid, signal.SIGHUP)


async def versions(lab: Laboratory) -> list[str]:
    """The versions by which the messages were applied, oldest first."""
    entries = [recorded.entry for recorded in await lab.journal()]
    assert {entry.outcome for entry in entries} <= {"applied"}
    return [entry.pack_version.partition("+")[0] for entry in entries]


async def test_messages_in_flight_survive_a_reload(
    make_laboratory: MakeLaboratory, sqlite_url: str, pack: Path
) -> None:
    lab = await make_laboratory(sqlite_url, PACKS=str(pack))
    await lab.bridge.start_ready()

    async def create() -> None:
        for _ in range(JOBS):
            await lab.wfm.create_job()

    creating = asyncio.create_task(create())
    await eventually(lambda: lab.journal(), DEADLINE_S)
    rewrite(pack, 'version: "1.0"', 'version: "2.0"')
    hang_up(lab)
    await eventually(lambda: "packs.reloaded" in lab.bridge.said, DEADLINE_S)
    await creating
    await lab.wfm.create_job()

    rewrite(pack, "{value: needs_visit}", "{value: need_visit}")
    hang_up(lab)
    await eventually(lambda: "packs.refused" in lab.bridge.said, DEADLINE_S)
    assert "did you mean 'needs_visit'?" in lab.bridge.said
    await lab.wfm.create_job()

    await eventually(lambda: all_heard(lab, JOBS + 2), DEADLINE_S)
    found = await versions(lab)
    assert set(found) == {"1.0", "2.0"}
    assert found == sorted(found)
    await lab.stop_and_find_nothing_left()


async def all_heard(lab: Laboratory, number: int) -> bool:
    return len(await lab.journal()) == number


async def test_a_changed_file_is_taken_up_by_itself_where_the_settings_say_so(
    make_laboratory: MakeLaboratory, sqlite_url: str, pack: Path
) -> None:
    lab = await make_laboratory(sqlite_url, PACKS=str(pack), PACKS_WATCH="true")
    await lab.bridge.start_ready()
    rewrite(pack, 'version: "1.0"', 'version: "2.0"')
    await eventually(lambda: "packs.reloaded" in lab.bridge.said, DEADLINE_S)
    await lab.wfm.create_job()
    await eventually(lambda: all_heard(lab, 1), DEADLINE_S)
    assert await versions(lab) == ["2.0"]


@pytest.fixture
def tenant(pack: Path) -> Path:
    """A pack that extends the copy and has a table in a file, both outside its own directory."""
    (pack.parent / "crews.csv").write_text("crew,name\n1,First\n")
    directory = pack.parent / "acme-north"
    directory.mkdir()
    (directory / "pack.yaml").write_text(
        "pack: acme-north\nversion: '1'\nextends: ../acme-wfm\n"
        "tables: {crews: {key: crew, on_miss: keep, file: ../crews.csv}}\n"
    )
    return directory


@pytest.mark.parametrize("watch", ["true", "false"])
async def test_a_base_pack_and_a_table_outside_the_pack_are_read_anew(
    make_laboratory: MakeLaboratory, sqlite_url: str, pack: Path, tenant: Path, watch: str
) -> None:
    lab = await make_laboratory(sqlite_url, PACKS=str(tenant), PACKS_WATCH=watch)
    await lab.bridge.start_ready()

    async def is_taken_up(times: int) -> None:
        if watch == "false":
            hang_up(lab)
        await eventually(lambda: lab.bridge.said.count("packs.reloaded") == times, DEADLINE_S)
        await lab.wfm.create_job()
        await eventually(lambda: all_heard(lab, times), DEADLINE_S)

    (pack.parent / "crews.csv").write_text("crew,name\n1,Other than before\n")
    await is_taken_up(1)
    rewrite(pack, "rule: created", "rule: born")
    await is_taken_up(2)
    entries = [recorded.entry for recorded in await lab.journal()]
    assert sorted(entry.rule for entry in entries) == ["born", "created"]
    assert len({entry.pack_version for entry in entries}) == 2
