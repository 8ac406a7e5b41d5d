"""`mef-bridge serve`: the bridge itself."""

import asyncio
import gc
import signal

import structlog

from bridge.app.running import running
from bridge.cli import loop
from bridge.cli.given import NO_FILE
from bridge.cli.options import ConfigOption
from bridge.settings import Settings, load_settings
from bridge.telemetry import configure_logging

log = structlog.get_logger(__name__)


def serve(config: ConfigOption = None) -> None:
    """Run the bridge until SIGINT or SIGTERM. SIGHUP makes it take up changed packs."""
    settings = load_settings(config)
    configure_logging(settings.log.format, settings.log.level)
    log.info("settings.read", file=str(settings.file) if settings.file is not None else NO_FILE)
    loop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    hangup = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hangup.set)  # or it would end the process
    async with running(settings) as bridge:
        # What is there now stays. The collector need not look through it again and again, 60 ms at a time.
        gc.collect()
        gc.freeze()
        while True:
            await hangup.wait()
            hangup.clear()
            await bridge.reload()
