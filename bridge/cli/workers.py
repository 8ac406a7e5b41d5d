"""`mef-bridge serve --workers N`: a supervisor with N processes of the bridge below it.

Each worker is a bridge of its own: its instance is that of the settings with its number behind it (`bridge-1.2`), and
so is its reply queue. They share the Buyers' port: the supervisor binds it, and each worker accepts from it, so that
what has connected to it is taken by whoever is there. The admin port cannot be shared, since each tells of itself only:
the first worker has that of the settings, the next ones those that follow (0: each a free one).

A signal to the supervisor is handed on. A worker that ends is started again, after a pause that grows while it keeps
ending soon. The supervisor's end, whatever it was, ends the workers: each reads from a pipe that only the supervisor
holds.
"""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from bridge.app.buyer_side import listen
from bridge.backoff import Backoff
from bridge.environment import PREFIX
from bridge.errors import PermanentError
from bridge.settings import LAST_PORT, LONGEST_INSTANCE, Settings

PAUSES: Final = Backoff(first=0.5, longest=30.0)
SOON_S: Final = 60.0
"""A worker that ends sooner than this after its start has failed again."""

log = structlog.get_logger(__name__)


def check(settings: Settings, count: int) -> None:
    """Raise `PermanentError` where these settings do not let so many processes run."""
    if settings.database.url.get_secret_value().startswith("sqlite"):
        raise PermanentError("database.url: SQLite is for one process; --workers needs postgresql://")
    if settings.broker.url.get_secret_value().startswith("memory"):
        raise PermanentError("broker.url: memory:// is for one process; --workers needs amqp:// or amqps://")
    _check_instance(settings.instance, count)
    if settings.admin.enabled and settings.admin.port:
        _check_admin_ports(range(settings.admin.port, settings.admin.port + count), settings.http.port)


def _check_instance(instance: str, count: int) -> None:
    last = _instance(instance, count)
    if len(last) > LONGEST_INSTANCE:
        raise PermanentError(
            f"instance: with --workers {count} the last one is {last!r}: expected at most {LONGEST_INSTANCE} "
            f"characters, got {len(last)}"
        )


def _check_admin_ports(ports: range, buyers: int) -> None:
    """Of the ports that follow on the first one, none may be the Buyers', and all must exist."""
    what = f"admin.port: with --workers {len(ports)} the workers have {ports[0]} to {ports[-1]}"
    if ports[-1] > LAST_PORT:
        raise PermanentError(f"{what}, and there is none above {LAST_PORT}; 0 gives each a free one")
    if buyers in ports:
        raise PermanentError(f"{what}, and http.port is {buyers}; take another one, or 0 for free ones")


def _instance(instance: str, number: int) -> str:
    return f"{instance}.{number}"


def worker_variables(settings: Settings, number: int) -> Mapping[str, str]:
    """Give the variables by which the worker with this number, 1 at least, differs from the settings."""
    port = settings.admin.port
    return {
        f"{PREFIX}INSTANCE": _instance(settings.instance, number),
        f"{PREFIX}ADMIN_PORT": str(port + number - 1 if port else 0),
    }


def worker_command(config: Path | None, descriptor: int) -> list[str]:
    """Give the command line of a worker that accepts from this descriptor."""
    given = ["--config", str(config)] if config is not None else []
    return [sys.executable, "-m", "bridge", "serve", *given, "--worker", str(descriptor)]


@dataclass(slots=True)
class Worker:
    """One process below the supervisor."""

    number: int
    command: Sequence[str]
    environ: Mapping[str, str]
    descriptor: int
    stopping: asyncio.Event
    process: Process | None = None
    failures: int = 0

    async def run(self) -> None:
        """Keep it running until the supervisor is asked to stop."""
        while not self.stopping.is_set():
            begun = asyncio.get_running_loop().time()
            self.process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=PIPE,  # held, and never written to: it ends with us
                env={**os.environ, **self.environ},
                pass_fds=(self.descriptor,),
                start_new_session=True,  # a terminal's Ctrl-C comes from us, once
            )
            if self.stopping.is_set():  # asked to while it was being started, and could not be given that
                self.hand_on(signal.SIGTERM)
            code = await self.process.wait()
            if self.stopping.is_set():
                return
            again_soon = asyncio.get_running_loop().time() - begun < SOON_S
            self.failures = self.failures + 1 if again_soon else 1
            pause = PAUSES.after(self.failures)
            log.error("worker.ended", worker=self.number, code=code, again_in_seconds=pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), pause)

    def hand_on(self, number: signal.Signals) -> None:
        """Give it a signal, if it is there."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)


@dataclass(slots=True)
class Supervisor:
    """All of them."""

    settings: Settings
    config: Path | None
    count: int
    _workers: list[Worker] = field(default_factory=list)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Run them until SIGINT or SIGTERM, and then until all have ended."""
        check(self.settings, self.count)
        with listen(self.settings.http.host, self.settings.http.port, "http") as listening:
            self._workers = [self._worker(number, listening) for number in range(1, self.count + 1)]
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, self._stop)
            loop.add_signal_handler(signal.SIGHUP, self._hand_on, signal.SIGHUP)
            log.info("workers.starting", workers=self.count, port=listening.getsockname()[1])
            await asyncio.gather(*(worker.run() for worker in self._workers))
        log.info("workers.stopped")

    def _worker(self, number: int, listening: socket.socket) -> Worker:
        return Worker(
            number,
            worker_command(self.config, listening.fileno()),
            worker_variables(self.settings, number),
            listening.fileno(),
            self._stopping,
        )

    def _stop(self) -> None:
        self._stopping.set()
        self._hand_on(signal.SIGTERM)

    def _hand_on(self, number: signal.Signals) -> None:
        for worker in self._workers:
            worker.hand_on(number)


async def until_supervisor_ends() -> None:
    """Return when the supervisor has ended: the pipe to it is closed."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(0, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(0)
