"""`mef-bridge serve`: the bridge itself."""

import asyncio
import gc
import signal
import socket
from typing import Annotated, Final

import structlog
import typer

from bridge.app.running import running
from bridge.cli import loop
from bridge.cli.given import NO_FILE
from bridge.cli.options import ConfigOption
from bridge.cli.workers import Supervisor, until_supervisor_ends
from bridge.settings import Settings, load_settings
from bridge.telemetry import configure_logging

log = structlog.get_logger(__name__)

YOUNG: Final = 10_000
"""Objects made before the collector looks at them; with the 700 that are usual it took a tenth of an ingest's CPU."""

WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", min=1, max=64, help="Run so many processes behind one port; needs PostgreSQL."),
]
WorkerOption = Annotated[int | None, typer.Option("--worker", hidden=True, help="Accept from this descriptor.")]


def serve(config: ConfigOption = None, workers: WorkersOption = None, worker: WorkerOption = None) -> None:
    """Run the bridge until SIGINT or SIGTERM. SIGHUP makes it take up changed packs."""
    settings = load_settings(config)
    one_of_several = settings.instance if worker is not None else None
    configure_logging(settings.log.format, settings.log.level, instance=one_of_several)
    log.info("settings.read", file=str(settings.file) if settings.file is not None else NO_FILE)
    if workers is not None:
        asyncio.run(Supervisor(settings, config, workers).run())
    elif worker is not None:
        loop.run(_work(settings, socket.socket(fileno=worker)))
    else:
        loop.run(_serve(settings))


async def _work(settings: Settings, listening: socket.socket) -> None:
    """Serve as one of several, until the supervisor ends, however it does."""
    serving = asyncio.create_task(_serve(settings, listening))
    orphaned = asyncio.create_task(until_supervisor_ends())
    try:
        await asyncio.wait([serving, orphaned], return_when=asyncio.FIRST_COMPLETED)
    finally:
        orphaned.cancel()
        await _ended(serving)


async def _ended(serving: asyncio.Task[None]) -> None:
    """End it in good order; to be cancelled meanwhile, as by another signal, cuts that short. Raises what it raised."""
    serving.cancel()
    while not serving.done():
        try:
            await asyncio.wait([serving])
        except asyncio.CancelledError:
            serving.cancel()
    if not serving.cancelled():
        serving.result()


async def _serve(settings: Settings, listening: socket.socket | None = None) -> None:
    hangup = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hangup.set)  # or it would end the process
    async with running(settings, listening=listening) as bridge:
        # What is there now stays. The collector need not look through it again and again, 60 ms at a time.
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG)
        while True:
            await hangup.wait()
            hangup.clear()
            await bridge.reload()
