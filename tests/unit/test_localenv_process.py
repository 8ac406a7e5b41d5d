"""A child process ends with us, whole: with its own children, and even when nobody is left to stop it."""

import subprocess
import sys
from pathlib import Path

import pytest

from bridge.localenv.process import Child, await_ready, keep, run_async, start_child
from bridge.localenv.service import NotHere
from tests.support import PATIENCE_S

# A child with a child of its own, which nobody tells to end; their process ids are in the file `pids`.
FAMILY = """
import os, subprocess, sys, time
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open("pids.new", "w").write(f"{os.getpid()} {grandchild.pid}")
os.rename("pids.new", "pids")
time.sleep(600)
"""

STARTER = """
import sys, time
from pathlib import Path
from bridge.localenv.process import start_child
private = Path(sys.argv[1])
child = start_child([sys.executable, "-c", sys.argv[2]], directory=private, name="child", remove=private)
time.sleep(600)
"""

REPOSITORY = Path(__file__).parents[2]


def start(script: str, directory: Path) -> Child:
    return start_child([sys.executable, "-c", script], directory=directory, name="child")


def family(directory: Path) -> list[int]:
    await_ready((directory / "pids").exists, what="the family", deadline_s=PATIENCE_S)
    return [int(pid) for pid in (directory / "pids").read_text().split()]


def alive(pid: int) -> bool:
    """A zombie, which only waits to be reaped, does not count as alive."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_killed_starter_takes_the_whole_group_and_its_directory_with_it(tmp_path: Path) -> None:
    """Nobody is left to stop the server: its guard notices, although the starter was killed with -9."""
    private = tmp_path / "private"
    private.mkdir()
    starter = subprocess.Popen(  # noqa: S603  our own script
        [sys.executable, "-c", STARTER, str(private), FAMILY], cwd=REPOSITORY
    )
    pids = family(private)
    assert all(alive(pid) for pid in pids)
    starter.kill()
    starter.wait()
    await_ready(lambda: not any(alive(pid) for pid in pids), what="the end of the family", deadline_s=PATIENCE_S)
    await_ready(lambda: not private.exists(), what="the end of the directory", deadline_s=PATIENCE_S)


def test_a_stopped_child_is_gone_with_its_own_children(tmp_path: Path) -> None:
    child = start(FAMILY, tmp_path)
    pids = family(tmp_path)
    assert all(alive(pid) for pid in pids)
    child.stop()
    await_ready(lambda: not any(alive(pid) for pid in pids), what="the end of the family", deadline_s=PATIENCE_S)


def test_a_child_that_ends_at_once_is_reported_with_its_last_words(tmp_path: Path) -> None:
    child = start("import sys; sys.exit('no room on the disk')", tmp_path)
    with pytest.raises(NotHere, match="the server ended at once: no room on the disk"):
        await_ready(lambda: False, what="the server", deadline_s=PATIENCE_S, child=child)
    child.stop()


def test_a_child_that_is_never_ready_is_given_up_after_the_deadline(tmp_path: Path) -> None:
    child = start("import time; time.sleep(600)", tmp_path)
    with pytest.raises(NotHere, match="the server was not ready within 0 s: it said nothing"):
        await_ready(lambda: False, what="the server", deadline_s=0.2, child=child)
    child.stop()
    assert child.ended()


def test_a_start_that_fails_half_way_is_undone() -> None:
    undone: list[str] = []

    def start_two(stack: object) -> None:
        stack.callback(undone.append, "first")  # type: ignore[attr-defined]
        raise NotHere("the second did not come up")

    with pytest.raises(NotHere):
        keep(start_two)
    assert undone == ["first"]


async def test_a_coroutine_runs_to_its_end_even_where_an_event_loop_runs_already() -> None:
    async def answer() -> int:
        return 42

    assert run_async(answer) == 42
