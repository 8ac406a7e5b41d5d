"""Two processes on one SQLite file take turns: nothing is lost, and nothing is taken twice."""

import asyncio
import json
import sys

from bridge.store import open_store
from tests.integration.store import other_process
from tests.integration.store.other_process import COUNTED, TIMES, work
from tests.integration.store.values import announce, event, fresh, load, subscription
from tests.system.processes import REPOSITORY


async def test_two_processes_on_one_sqlite_file_take_turns(sqlite_url: str) -> None:
    store = await open_store(sqlite_url, new_id=lambda: fresh("id"))
    await store.listeners.add(subscription())
    await announce(store, *(event(f"wo-{number}") for number in range(2 * TIMES)))
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", other_process.__name__, sqlite_url),
        cwd=REPOSITORY,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert other.stdin is not None
    assert other.stdout is not None
    assert await other.stdout.readline() == b"ready\n"
    other.stdin.write(b"now\n")
    mine, said = await asyncio.gather(work(store), other.stdout.readline())
    theirs = json.loads(said)
    assert await other.wait() == 0
    assert (await load(store, COUNTED)).versions == {"job": 2 * TIMES}
    assert len(mine) == len(theirs) == TIMES
    assert len({*mine, *theirs}) == 2 * TIMES
    await store.close()
