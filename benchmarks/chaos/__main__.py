"""`python -m benchmarks.chaos [--events N] [--jobs N] [--kills N] [--seed N]`: exit code 1 if anything was found.

A run is drawn from its seed; what happens at which moment is the machine's doing.
"""

import argparse
import asyncio
import logging
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import structlog

from benchmarks.chaos.run import Plan, Result, run
from benchmarks.chaos.servers import start_servers
from benchmarks.lab import database, facts
from bridge.localenv.broker import find_broker
from bridge.localenv.service import NotHere


def main() -> bool:
    """Run; tell whether nothing was found."""
    plan = _plan()
    logging.disable()  # libraries' words about connections that we cut ourselves, and the WFM's about the same
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    print(f"chaos: {plan.events} events, {plan.jobs} jobs, {plan.kills} kills, seed {plan.seed} ({facts()})")
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
        "--kills",
        type=int,
        default=usual.kills,
        help="kills and stops of the bridge, as many cuts, half as many of servers",
    )
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument(
        "--moves", type=float, default=usual.moves, help="how often the dispatcher moves a visit himself"
    )
    parser.add_argument("--at-once", type=int, default=usual.at_once, help="jobs that live at the same time")
    return Plan(**vars(parser.parse_args()))


async def _run(plan: Plan) -> Result:
    with tempfile.TemporaryDirectory(prefix="chaos-") as directory, ExitStack() as stack:
        try:
            servers = start_servers(stack)
        except NotHere as absence:
            print(f"chaos: RabbitMQ and PostgreSQL are others' too, and not killed: {absence}")
            return await _run_on_shared(plan, Path(directory))
        return await run(plan, servers.rabbitmq.url, servers.postgresql.url, Path(directory), servers)


async def _run_on_shared(plan: Plan, directory: Path) -> Result:
    with find_broker(allow_memory=False) as broker:
        async with database("postgresql", directory) as url:
            return await run(plan, broker.url or "", url, directory)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
