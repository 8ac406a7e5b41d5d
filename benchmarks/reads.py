"""GET by id and a list of ten, authenticated, against an aiohttp handler that returns the same bytes.

A real bridge process on 10,000 WorkOrders; the requests of 32 clients come over as many connections. Bridge and
baseline take turns, three rounds of each; the medians count. Each request asks for another object or filter.
"""

import asyncio
import random
import statistics
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import uvloop
from aiohttp import ClientSession, web

from benchmarks.aims import AT_LEAST, ROUNDS, Aim, show
from benchmarks.filled import appointment_id, fill, work_order_id
from benchmarks.http_load import get, load
from benchmarks.lab import DATABASES, ROOT, Lab, answers, channel, cpu_seconds, lab
from bridge.localenv.process import free_port

WORK_ORDERS: Final = 10_000
CLIENTS: Final = 32
REQUESTS: Final = 2_000
WARM_UP: Final = 300
ORDERS: Final = "/mefApi/sonata/workOrderManagement/v2/workOrder"
VISITS: Final = "/mefApi/sonata/appointment/v2/appointment"
KEY: Final = {"Authorization": "Bearer acme-buyer-key"}


class Work(NamedTuple):
    """What is asked for, and the share of the bare handler's rate that is the goal. `path` takes any number."""

    name: str
    path: Callable[[int], str]
    goal: float


WORKS: Final = (
    Work("GET WorkOrder", lambda number: f"{ORDERS}/{work_order_id(number)}", 0.35),
    Work("GET Appointment", lambda number: f"{VISITS}/{appointment_id(number // 2 * 2)}", 0.35),
    Work("list of 10: state", lambda number: f"{ORDERS}?state=planned&limit=10&offset={number % 900}", 0.20),
    Work(
        "list of 10: two filters",
        lambda n: f"{ORDERS}?state=open&appointmentRequired=true&limit=10&offset={n % 50}",
        0.2,
    ),
    Work("list of 10 Appointments", lambda number: f"{VISITS}?status=completed&limit=10&offset={number % 900}", 0.20),
)


class Measured(NamedTuple):
    """Requests a second, and CPU ms of the server for one."""

    rate: float
    cpu_ms: float


@asynccontextmanager
async def reading_bridge(made: Lab) -> AsyncIterator["subprocess.Popen[bytes]"]:
    """Run a bridge whose WFM is there and says nothing."""
    async with channel(made.broker_url) as wfm:
        await wfm.declare_exchange(f"{made.namespace}acme.wfm.events", "topic", durable=True)
    async with made.bridge() as process:
        yield process


@asynccontextmanager
async def bare(body: bytes) -> AsyncIterator["tuple[int, subprocess.Popen[bytes]]"]:
    """Run the baseline: a process that answers any GET with this body."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.reads", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE)  # noqa: ASYNC220, S603 - our own program
    assert process.stdin is not None
    try:
        process.stdin.write(body)
        process.stdin.close()
        await answers(f"http://127.0.0.1:{port}/", process)
        yield port, process
    finally:
        process.terminate()
        process.wait()


async def _serve(port: int, body: bytes) -> None:
    """The baseline's process."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


async def measure(port: int, process: "subprocess.Popen[bytes]", requests: Sequence[bytes], at_once: int) -> Measured:
    """Send the requests."""
    worked = cpu_seconds(process)
    done = await load("127.0.0.1", port, requests, at_once)
    return Measured(done.rate, (cpu_seconds(process) - worked) / len(requests) * 1000)


async def _compare(made: Lab, database: str, process: "subprocess.Popen[bytes]", work: Work) -> Aim:
    chosen = random.Random(1)
    requests = [get(work.path(chosen.randint(2, WORK_ORDERS))) for _ in range(REQUESTS)]
    async with ClientSession(made.url, headers=KEY) as session, session.get(work.path(2)) as response:
        body = await response.read()
    ours, theirs = [], []
    async with bare(body) as (port, other):
        await measure(made.http_port, process, requests[:WARM_UP], CLIENTS)
        for _ in range(ROUNDS):
            theirs.append(await measure(port, other, requests, CLIENTS))
            ours.append(await measure(made.http_port, process, requests, CLIENTS))
    rate, base = (statistics.median(each.rate for each in found) for found in (ours, theirs))
    cpu, cpu_base = (statistics.median(each.cpu_ms for each in found) for found in (ours, theirs))
    return Aim(work.name, database, "aiohttp handler", "a second", base, rate, AT_LEAST, work.goal, cpu_base, cpu)


async def run() -> list[Aim]:
    """Measure on both databases."""
    goals = []
    for database in DATABASES:
        async with lab(database) as made:
            await fill(made.database_url, WORK_ORDERS)
            async with reading_bridge(made) as process:
                goals += [await _compare(made, database, process, work) for work in WORKS]
    return goals


def main() -> list[Aim]:
    """Run and print; with a port as argument, be the baseline."""
    if len(sys.argv) > 1:
        uvloop.run(_serve(int(sys.argv[1]), sys.stdin.buffer.read()))
        return []
    goals = uvloop.run(run())
    show(f"Reads of {CLIENTS} clients at once, {WORK_ORDERS:,} WorkOrders", goals)
    return goals


if __name__ == "__main__":
    main()
