"""`mef-bridge demo`: the whole thing at work, on whatever RabbitMQ can be had."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from aiohttp import web
from rich.console import Console

from bridge.cli import loop
from bridge.demo.acts import ACTS, visit_that_works
from bridge.demo.checks import Checks
from bridge.demo.playground import Playground, playground
from bridge.demo.script import Script
from bridge.demo.stage import API_KEY, Ports, Stage, now, set_up
from bridge.errors import BridgeError
from bridge.localenv.broker import find_broker
from bridge.simulator.buyer_server import BUYER_PORT
from bridge.simulator.wfm_server import WFM_PORT, control_app
from bridge.telemetry import configure_logging

BRIDGE_PORT = 8137
ADMIN_PORT = 8140
"""The WFM has 8138 here, the Buyer 8139."""


def demo(
    stay: Annotated[
        bool, typer.Option("--stay", help="Play the first act only, and leave everything running.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the bridge's own log as well.")] = False,
) -> None:
    """Play a WFM, the bridge and a Buyer, and hold every step to the standard. Exit code 0 only if all held."""
    configure_logging("console", "info" if verbose else "error")
    console = Console(highlight=False)
    held: list[bool] = []
    console.print("looking for a RabbitMQ …", style="dim")
    with find_broker(allow_memory=True) as broker:
        console.print(f"bus: {broker.why}", soft_wrap=True)
        if stay:
            with playground() as place:
                loop.run(_stay(console, broker.url, place))
        else:
            loop.run(_play(console, broker.url, held))
    if not stay and held != [True]:
        raise typer.Exit(1)


async def _play(console: Console, broker_url: str | None, held: list[bool]) -> None:
    begun = now()
    checks = Checks(console)
    async with set_up(console, broker_url, Ports()) as stage:
        script = Script(stage, checks)
        try:
            for act in ACTS:
                await act(script)
        except BridgeError as error:
            checks.broke_off(str(error))
        stage.timeline.flush()
        printed = stage.timeline.printed
    console.print()
    console.print(checks.summary())
    for failure in checks.failures():
        console.print(f"✗ {failure}", style="bold red", markup=False, soft_wrap=True)
    seconds = (now() - begun).total_seconds()
    verdict = "all held" if checks.held else "NOT all held"
    console.print(f"{printed} messages, state changes, requests and webhooks in {seconds:.1f} s: {verdict}.")
    held.append(checks.held)


async def _stay(console: Console, broker_url: str | None, place: Playground) -> None:
    async with set_up(
        console, broker_url, Ports(bridge=BRIDGE_PORT, buyer=BUYER_PORT, admin=ADMIN_PORT), place
    ) as stage:
        runner = web.AppRunner(control_app(stage.wfm), access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", WFM_PORT).start()
            await visit_that_works(Script(stage, Checks(console)))
            _print_addresses(console, stage)
            _print_commands(console, place, next(iter(stage.wfm.acme.jobs)))
            await _narrate(stage)
        finally:
            await runner.cleanup()


def _print_addresses(console: Console, stage: Stage) -> None:
    bridge, wfm = stage.bridge.url, f"http://127.0.0.1:{WFM_PORT}"
    console.print()
    console.rule("[bold]left running; Ctrl-C ends it", align="left")
    console.print(
        f"  bridge   {bridge}   key: {API_KEY}\n"
        f"           curl -H 'X-API-Key: {API_KEY}' {bridge}/mefApi/sonata/workOrderManagement/v2/workOrder\n"
        f"           for Buyers' developers: {bridge}/docs\n"
        f"  console  http://127.0.0.1:{ADMIN_PORT}/   token: operator-key, or viewer-key\n"
        f"  WFM      {wfm}   a job: curl -X POST {wfm}/jobs; then POST {wfm}/jobs/<no>/start, /finish, /close\n"
        f"  Buyer    {stage.buyer.callback}   what he is told appears below",
        soft_wrap=True,
    )


def _print_commands(console: Console, place: Playground, job: str) -> None:
    """Name what acts on what runs; `job` is one that is there."""
    command = Path(sys.executable).with_name("mef-bridge")
    name = command.relative_to(Path.cwd()) if command.is_relative_to(Path.cwd()) else Path("mef-bridge")
    console.print("\n  In another terminal, in this directory:", soft_wrap=True)
    console.print(f"  export BRIDGE_CONFIG={place.settings_file}", soft_wrap=True)
    for words in (f"trace {job}", "messages list", "deliveries list", "listeners list", "doctor"):
        console.print(f"  {name} {words}", soft_wrap=True)
    console.print(
        f"  The database stays in {place.directory} when this ends, and is made anew by the next one.\n", soft_wrap=True
    )


async def _narrate(stage: Stage) -> None:
    """Show what happens, until the process is stopped."""
    while True:
        await stage.journal()
        stage.timeline.flush()
        await asyncio.sleep(0.5)
