"""A million events, one portion after another: does a process keep what it need not, and does an event cost more then?

    python -m benchmarks.endurance                    # 200,000 events on PostgreSQL
    python -m benchmarks.endurance 1000000 sqlite     # so many, on that database

Each portion are 50,000 events of 5,000 jobs of its own, which are told to one listener. When a portion is done (all
jobs are completed, all is told), the memory that the process has in RAM is read, and what it has used of a core.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import uvloop
from aiohttp import ClientSession

from benchmarks.aims import AT_MOST, Aim, show
from benchmarks.arrivals import HEADERS, ORDERS, all_completed, listeners
from benchmarks.lab import Lab, channel, cpu_seconds, lab, publish, table, until
from benchmarks.messages import LIFE, lives
from benchmarks.throughput import take_commands

EVENTS: Final = 200_000
MILLION: Final = 1_000_000
JOBS: Final = 5_000
PORTION: Final = JOBS * len(LIFE)
DEADLINE_S: Final = 600
QUIET_S: Final = 2.0
"""So long nothing is told any more when all has been."""
MOST_MEMORY: Final = 1.1
MOST_CPU: Final = 1.3


class Portion(NamedTuple):
    """How things stood after a portion: all events so far, MiB in RAM, and of the portion events/s and CPU ms each."""

    events: int
    memory: float
    rate: float
    cpu: float


def memory_mib(pid: int) -> float:
    """Tell how much of a process is in RAM (Linux, proc(5): VmRSS)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


async def portions(made: Lab, events: int) -> list[Portion]:
    """Run a bridge, and give it one portion after another."""
    found: list[Portion] = []
    exchange = f"{made.namespace}acme.wfm.events"
    async with listeners() as listener, channel(made.broker_url) as wfm:
        await wfm.declare_exchange(exchange, "topic", durable=True)
        commands = await take_commands(made, wfm)
        async with made.bridge(BRIDGE_DELIVERY_ALLOW_PRIVATE_CALLBACKS="true") as process:
            await _register(made, listener)
            while len(found) * PORTION < events:
                worked, begun = cpu_seconds(process), time.monotonic()
                await publish(wfm, exchange, lives(JOBS, first=len(found) * JOBS))
                await all_completed(made, JOBS * (len(found) + 1), DEADLINE_S)
                took = time.monotonic() - begun
                await _is_quiet(listener)
                cpu = 1000 * (cpu_seconds(process) - worked) / PORTION
                found.append(Portion(PORTION * (len(found) + 1), memory_mib(process.pid), PORTION / took, cpu))
                print(*(f"{each:,.2f}" for each in found[-1]), flush=True)
                await commands.purge()
    return found


async def _register(made: Lab, listener: str) -> None:
    async with (
        ClientSession(made.url, headers=HEADERS) as session,
        session.post(f"{ORDERS}/hub", json={"callback": listener}) as response,
    ):
        assert response.status == 201, await response.text()


async def _is_quiet(listener: str) -> None:
    """Wait until nothing was told for a while."""
    async with ClientSession() as session:

        async def nothing_comes() -> bool:
            async with session.get(listener) as response:
                _, last = await response.json()
            return time.time() - float(last) > QUIET_S

        await until(nothing_comes, DEADLINE_S, every_s=0.2)


def aims_of(database: str, found: Sequence[Portion]) -> list[Aim]:
    """Compare the last portion with the first one."""
    first, last = found[0], found[-1]
    work, against = f"after {last.events:,} events", f"after {first.events:,}"
    return [
        Aim(f"memory {work}", database, against, "MiB", first.memory, last.memory, AT_MOST, MOST_MEMORY),
        Aim(f"CPU of an event, {work}", database, against, "ms", first.cpu, last.cpu, AT_MOST, MOST_CPU),
    ]


async def measure(events: int, database: str) -> list[Aim]:
    """Measure on an empty database."""
    async with lab(database) as made:
        found = await portions(made, events)
    table("Portion by portion", ("events", "memory MiB", "events/s", "CPU ms an event"), found)
    return aims_of(database, found)


def main(events: int = MILLION, database: str = "postgresql") -> list[Aim]:
    """Run and print."""
    aims = uvloop.run(measure(events, database))
    show(f"{events:,} events", aims)
    return aims


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else EVENTS, given[1] if len(given) > 1 else "postgresql")
