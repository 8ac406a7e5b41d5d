"""What the benchmarks measure against what is aimed at: a row for each goal, printed, kept as JSON and in the docs."""

import json
import os
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.lab import ROOT, facts, table

ROUNDS: Final = int(os.environ.get("BENCH_ROUNDS", "3"))
"""Rounds of each measurement; one is a look, and no more."""
AT_LEAST: Final = ">="
AT_MOST: Final = "<="
RESULTS: Final = ROOT / "benchmarks" / "results" / "latest.json"
PAGE: Final = ROOT / "docs" / "benchmarks.md"
BEGIN: Final = "<!-- goals: written by make bench -->"
END: Final = "<!-- end of goals -->"
HEADS: Final = (
    "work",
    "where",
    "baseline",
    "unit",
    "baseline",
    "bridge",
    "ratio",
    "goal",
    "",
    "CPU ms each: baseline, bridge",
)


class Took(NamedTuple):
    """Seconds for all of some work, and those that a core worked."""

    wall: float
    cpu: float


def rate_of(number: int, rounds: Sequence[Took]) -> tuple[float, float]:
    """Give how many a second so many were, and the CPU milliseconds of each; the median of the rounds counts."""
    wall, cpu = (statistics.median(values) for values in zip(*rounds, strict=True))
    return number / wall, 1000 * cpu / number


@dataclass(frozen=True, slots=True)
class Aim:
    """One line of the table. `baseline` and `bridge` are in `unit`; the ratio of the two is compared with `goal`.

    `cpu_baseline` and `cpu_bridge` are CPU milliseconds for one unit of work; None where nobody can tell.
    """

    work: str
    where: str
    against: str
    unit: str
    baseline: float
    bridge: float
    direction: str
    goal: float
    cpu_baseline: float | None = None
    cpu_bridge: float | None = None

    @property
    def ratio(self) -> float:
        """The bridge's figure over the baseline's."""
        return self.bridge / self.baseline if self.baseline else float("nan")

    @property
    def is_met(self) -> bool:
        """Whether the ratio is what is aimed at."""
        return self.ratio >= self.goal if self.direction == AT_LEAST else self.ratio <= self.goal

    def row(self) -> tuple[str, ...]:
        """Write it for a table."""
        cpu = [f"{each:.2f}" if each is not None else "-" for each in (self.cpu_baseline, self.cpu_bridge)]
        return (
            self.work,
            self.where,
            self.against,
            self.unit,
            _number(self.baseline),
            _number(self.bridge),
            f"{self.ratio:.2f}",
            f"{self.direction} {self.goal:g}",
            "met" if self.is_met else "missed",
            ", ".join(cpu),
        )


def show(title: str, goals: Sequence[Aim]) -> None:
    """Print them as a table."""
    table(title, HEADS, [goal.row() for goal in goals])


def keep(goals: Sequence[Aim], absent: Sequence[str]) -> None:
    """Write them to `RESULTS`, and into the page; `absent` says what could not be measured, and why."""
    RESULTS.parent.mkdir(exist_ok=True)
    found = [{**asdict(goal), "ratio": round(goal.ratio, 4), "met": goal.is_met} for goal in goals]
    RESULTS.write_text(json.dumps({"facts": facts(), "goals": found, "absent": list(absent)}, indent=1) + "\n")
    _write_page(goals, absent)


def _write_page(goals: Sequence[Aim], absent: Sequence[str], page: Path = PAGE) -> None:
    text = page.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page.name} has no place for the goals: {BEGIN} … {END}")
    lines = ["| " + " | ".join(row) + " |" for row in (HEADS, ["---"] * len(HEADS), *(goal.row() for goal in goals))]
    missing = [f"\nNot measured: {each}" for each in absent]
    page.write_text(f"{before}{begin}\n{facts()}.\n\n" + "\n".join([*lines, *missing]) + f"\n{end}{after}")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
