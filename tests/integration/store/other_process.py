"""What two processes do to one SQLite file: count on one job, and take notifications to send. `-m` runs the other one.

It says `ready`, waits for a line, works, and says in JSON which notifications it took.
"""

import asyncio
import json
import sys
from dataclasses import replace
from datetime import timedelta

from bridge.domain.model import JobRef
from bridge.store import SqlStore, open_store
from tests.integration.store.values import NOW, PACK, fresh

COUNTED = JobRef(PACK, "J-counted")
TIMES = 25


async def work(store: SqlStore) -> list[int]:
    """Count to `TIMES` on one job, and take one notification each time; give the numbers of those."""
    taken: list[int] = []
    for _ in range(TIMES):
        async with store.transaction() as tx:
            job = (await tx.load_jobs([COUNTED]))[COUNTED]
            await tx.save_jobs([replace(job, versions={"job": job.versions.get("job", 0) + 1})])
        taken += [each.number for each in await store.deliveries.claim(NOW, NOW + timedelta(hours=1), 1)]
    return taken


async def main(url: str) -> None:
    store = await open_store(url, new_id=lambda: fresh("id"))
    print("ready", flush=True)  # noqa: T201
    await asyncio.to_thread(sys.stdin.readline)
    print(json.dumps(await work(store)))  # noqa: T201
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
