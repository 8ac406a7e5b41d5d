"""What a process of the bridge costs before it does anything: CPU seconds of commands and of a start, against imports.

The baselines import the libraries that a command can't do without. All of them take turns, so that a busy machine is
equally hard on each; the median counts.
"""

import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.aims import AT_MOST, Aim
from benchmarks.lab import ROOT, Lab, cpu_seconds, lab, table

ROUNDS: Final = 7
MOST_START: Final = 2.0
LEAST: Final = "import typer"
PACKS: Final = "import typer, pydantic, ruamel.yaml, jsonpath"
SERVER: Final = "import aiohttp, sqlalchemy, faststream"
BRIDGE: Final = str(Path(sys.executable).with_name("mef-bridge"))

# command: what it is measured against, and how many times as much it should cost at most
COMMANDS: Final[Mapping[Sequence[str], tuple[str, float]]] = {
    ("--version",): (LEAST, 1.5),
    ("--help",): (LEAST, 1.5),
    ("mapping", "--help"): (LEAST, 1.5),
    ("mapping", "check", "mappings/acme-wfm"): (PACKS, 2.5),
}


def main() -> list[Aim]:
    """Run and print."""
    for warm in COMMANDS:
        _cpu(BRIDGE, *warm)  # Python compiles what it imports for the first time
    taken: dict[Sequence[str] | str, list[float]] = {}
    for _round in range(ROUNDS):
        for baseline in (LEAST, PACKS):
            taken.setdefault(baseline, []).append(_import(baseline))
        for command in COMMANDS:
            taken.setdefault(command, []).append(_cpu(BRIDGE, *command))
    medians = {what: statistics.median(seconds) for what, seconds in taken.items()}
    rows = [
        (" ".join(command), medians[command], baseline, medians[baseline], medians[command] / medians[baseline], most)
        for command, (baseline, most) in COMMANDS.items()
    ]
    heads = ("command", "CPU s", "baseline", "CPU s", "ratio", "at most")
    table("Commands", heads, rows)
    starts = uvloop.run(_starts())
    table("serve, start to ready", heads, starts)
    _, again, _, least, *_ = starts[-1]
    work = "start of serve on an up-to-date database"
    return [Aim(work, "sqlite", SERVER, "CPU s", float(least), float(again), AT_MOST, MOST_START)]


async def _starts() -> list[tuple[str, float, str, float, float, object]]:
    """Start a bridge on an empty database, and then again and again on what that one left."""
    baseline: list[float] = []
    found: list[float] = []
    async with lab("sqlite") as made, made.wfm(reply_delay_s=0.05):
        fresh = await _start(made)
        for _round in range(ROUNDS):
            baseline.append(_import(SERVER))
            found.append(await _start(made))
    least = statistics.median(baseline)
    again = statistics.median(found)
    return [
        ("on an empty database", fresh, SERVER, least, fresh / least, "-"),
        ("on one that is up to date", again, SERVER, least, again / least, MOST_START),
    ]


async def _start(made: Lab) -> float:
    async with made.bridge() as process:
        return cpu_seconds(process)


def _import(statement: str) -> float:
    return _cpu(sys.executable, "-c", statement)


def _cpu(*command: str) -> float:
    """Run a command, and tell the CPU seconds that it took."""
    before = _of_children()
    subprocess.run(command, cwd=ROOT, env=_environ(), capture_output=True, check=True)  # noqa: S603 - our own
    return _of_children() - before


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


if __name__ == "__main__":
    main()
