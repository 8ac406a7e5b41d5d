"""`python -m benchmarks`: all goals in one run, printed, and written to benchmarks/results/ and docs/benchmarks.md.

With `full`, also how reads grow with a million WorkOrders, and what a million events leave in memory, which takes much
longer. Exit code 1 if bookings or isolation miss their targets.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Final

import uvloop

from benchmarks import (
    aims,
    arrivals,
    bookings,
    bus,
    deliveries,
    endurance,
    growth,
    isolation,
    latency,
    past,
    reads,
    starts,
    throughput,
    translation,
)
from benchmarks.aims import Aim

PARTS: Final[Sequence[Callable[[], list[Aim]]]] = (
    starts.main,
    translation.main,
    throughput.main,
    arrivals.main,
    deliveries.main,
    lambda: uvloop.run(latency.judged()),
    reads.main,
    bus.main,
    bookings.main,
)
FULL: Final = (1_000, 100_000, 1_000_000)
BESIDE: Final = (
    "1, 2 and 4 processes: python -m benchmarks.scaling (docs/scaling.md)",
    "growth to a million WorkOrders, and memory after a million events: make bench-full (below)",
)


def main() -> bool:
    """Run all; tell whether bookings and isolation met their targets."""
    full = sys.argv[1:] == ["full"]
    del sys.argv[1:]
    found: list[Aim] = []
    for part in PARTS:
        found += part()
        aims.keep(found, ["what comes after it: the run was broken off"])
    neighbours = isolation.main()
    if full:
        found += [*endurance.main(), *past.main(past.MILLION)]
        growth.main(FULL)
    absent = [*arrivals.absent(), *BESIDE[: 1 if full else None]]
    aims.show("All goals", found)
    for each in absent:
        print(f"not measured: {each}")
    aims.keep(found, absent)
    return neighbours and all(aim.is_met for aim in found if "bookings at once" in aim.work)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
