"""The same night by the command line: three commands from "it is still open" to a Buyer who knows better."""

import os
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from bridge.mef.enums import EventType
from tests.console.pictures import mended
from tests.console.scene import ROOT, TICKET, Scene
from tests.support import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

SETTINGS = """
mode: development
packs: ["{pack}"]
buyers: {buyers}
database: {{url: "{database}"}}
"""


def write_settings(scene: Scene, file: Path, database: str | None = None) -> None:
    """Write the settings of a command that is run beside the bridge."""
    url = database or f"sqlite:///{scene.pack.parent}/bridge.sqlite3"
    file.write_text(SETTINGS.format(pack=scene.pack, buyers=ROOT / "config" / "buyers.yaml", database=url))


async def command(settings: Path, *arguments: str) -> str:
    """Run it beside the bridge; give what it prints."""
    environ = {**os.environ, "BRIDGE_CONFIG": str(settings)}
    process = await create_subprocess_exec(
        sys.executable, "-m", "bridge", *arguments, stdout=PIPE, stderr=PIPE, cwd=settings.parent, env=environ
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_three_commands_find_the_cause_take_up_the_mended_pack_and_tell_the_buyer(
    scene: Scene, tmp_path: Path
) -> None:
    settings = tmp_path / "bridge.yaml"
    write_settings(scene, settings)
    order, before = await scene.stuck_order(), len(scene.buyer.received)

    story = await command(settings, "trace", TICKET)  # 1
    assert f"WorkOrder {order}: open" in story
    assert 'came "LEFT"' in story
    assert "it waits for `mef-bridge messages replay`" in story

    file = scene.pack / "pack.yaml"
    file.write_text(mended(file.read_text()))
    assert await scene.bridge.reload()  # 2: kill -HUP

    replayed = await command(settings, "messages", "replay", "--reason", "LEFT", "--note", "LEFT is an end, too")  # 3
    assert replayed.count("applied") == 3

    told = await eventually(
        lambda: [each.event.event_type for each in scene.buyer.received[before:] if each.event.event.id == order]
    )
    assert EventType.WORK_ORDER_STATE_CHANGE in told
    assert f"WorkOrder {order}: completed" in await command(settings, "trace", TICKET)
