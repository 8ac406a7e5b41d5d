"""`python -m benchmarks.chaos [--events N] [--jobs N] [--kills N] [--seed N]`: exit code 1 if anything was found.

A run is drawn from its seed; what happens at which moment is the machine's doing.
"""

import argparse
import asyncio
import logging
import sys
import tempfile
from pathlib import Path

from benchmarks.chaos.run import Plan, Result, run
from benchmarks.lab import database, facts
from bridge.localenv.broker import find_broker


def main() -> bool:
    """Run; tell whether nothing was found."""
    plan = _plan()
    logging.disable()  # libraries' words about connections that we cut ourselves
    print(
        f"chaos: {plan.events} events, {plan.jobs} jobs, {plan.kills} kills and cuts each, seed {plan.seed} ({facts()})"
    )
    result = asyncio.run(_run(plan))
    for name, value in result.counts.items():
        print(f"  {name}: {value}")
    if result.findings:
        print(result.explained())
    print(f"chaos: seed {plan.seed}: {len(result.findings)} found")
    return not result.findings


def _plan() -> Plan:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    usual = Plan()
    parser.add_argument("--events", type=int, default=usual.events, help="messages of the WFM, about")
    parser.add_argument("--jobs", type=int, default=usual.jobs)
    parser.add_argument(
        "--kills", type=int, default=usual.kills, help="kills and stops, and as many cuts of connections"
    )
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument(
        "--moves", type=float, default=usual.moves, help="how often the dispatcher moves a visit himself"
    )
    parser.add_argument("--at-once", type=int, default=usual.at_once, help="jobs that live at the same time")
    return Plan(**vars(parser.parse_args()))


async def _run(plan: Plan) -> Result:
    with find_broker(allow_memory=False) as broker, tempfile.TemporaryDirectory(prefix="chaos-") as directory:
        async with database("postgresql", Path(directory)) as url:
            return await run(plan, broker.url or "", url, Path(directory))


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
