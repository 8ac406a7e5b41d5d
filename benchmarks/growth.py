"""Reads on 1,000 and on 100,000 WorkOrders: does a list or an object cost more, the more there are?

    python -m benchmarks.growth                    # 1,000 and 100,000
    python -m benchmarks.growth 1000 1000000       # the million: a minute or two to fill each database

A bridge process each; a single client asks for one thing after another, so that it is the time of a request that is
measured, and not how many share the machine. All sizes take turns; the median of all requests counts.
"""

import random
import statistics
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final, NamedTuple

import uvloop

from benchmarks.filled import appointment_id, fill, work_order_id
from benchmarks.http_load import get, load
from benchmarks.lab import DATABASES, Lab, lab, table
from benchmarks.reads import ORDERS, VISITS, reading_bridge

SIZES: Final = (1_000, 100_000)
REQUESTS: Final = 100
ROUNDS: Final = 5
GOAL: Final = 1.3


class Work(NamedTuple):
    """What is asked for: a path for any number up to the size, and the size."""

    name: str
    path: Callable[[int, int], str]


WORKS: Final = (
    Work("GET WorkOrder", lambda number, _: f"{ORDERS}/{work_order_id(number)}"),
    Work("GET Appointment", lambda number, _: f"{VISITS}/{appointment_id(number // 2 * 2)}"),
    Work("list of 10", lambda _, __: f"{ORDERS}?limit=10"),
    Work("list of 10: state", lambda _, __: f"{ORDERS}?state=planned&limit=10"),
    Work("list of 10: two filters", lambda _, __: f"{ORDERS}?state=open&appointmentRequired=true&limit=10"),
    Work("list by site", lambda number, _: f"{ORDERS}?geographicSiteId=SITE-{number:08d}"),
    Work("list of 10 Appointments", lambda _, __: f"{VISITS}?status=confirmed&limit=10"),
    Work("page at nine tenths", lambda number, size: f"{ORDERS}?limit=10&offset={size * 9 // 10 + number % 50}"),
    Work(
        "page of a state, at nine tenths", lambda n, size: f"{ORDERS}?state=completed&limit=10&offset={_deep(n, size)}"
    ),
)


def _deep(number: int, size: int) -> int:
    return size * 63 // 100 + number % 50


async def _run(sizes: Sequence[int]) -> bool:
    rows = []
    for database in DATABASES:
        async with AsyncExitStack() as stack:
            labs = []
            for size in sizes:
                made = await stack.enter_async_context(lab(database))
                await fill(made.database_url, size)
                await stack.enter_async_context(reading_bridge(made))
                labs.append(made)
            for work in WORKS:
                found = await _measure(work, labs, sizes)
                ratio = found[-1] / found[0]
                verdict = "met" if ratio <= GOAL else "missed"
                rows.append((database, work.name, *found, ratio, f"<= {GOAL}", verdict))
    heads = ("database", "work", *(f"{size:,}: ms" for size in sizes), "ratio", "goal", "")
    table("Reads of one client, the median of all", heads, rows)
    return all(row[-1] == "met" for row in rows)


async def _measure(work: Work, labs: Sequence[Lab], sizes: Sequence[int]) -> list[float]:
    """Give the median ms of a request for each size."""
    chosen = random.Random(1)
    found: list[list[float]] = [[] for _ in sizes]
    for turn in range(ROUNDS + 1):
        for made, size, latencies in zip(labs, sizes, found, strict=True):
            requests = [get(work.path(chosen.randint(2, size), size)) for _ in range(REQUESTS)]
            done = await load("127.0.0.1", made.http_port, requests, 1)
            latencies += done.latencies if turn else []  # the first turn warms up
    return [statistics.median(each) * 1000 for each in found]


def main(sizes: Sequence[int] = SIZES) -> bool:
    """Run and print; tell whether everything costs at most 1.3 times as much where there is most."""
    return uvloop.run(_run(sizes))


if __name__ == "__main__":
    sys.exit(0 if main([int(size) for size in sys.argv[1:]] or SIZES) else 1)
