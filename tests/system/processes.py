"""The bridge as a process of its own: started, asked whether it is ready, ended politely, or killed as by a power cut.

Everything it says goes to one log over all its starts. Names in RabbitMQ and the port are the test's own.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp

from bridge.localenv.process import free_port
from tests.support import eventually

REPOSITORY = Path(__file__).parents[2]
ORDINARY = ("-m", "bridge", "serve")


@dataclass
class BridgeProcess:
    """`environ` are its BRIDGE_* variables; BRIDGE_HTTP_PORT is set here."""

    log: Path
    environ: dict[str, str]
    port: int = field(default_factory=free_port)
    _running: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def said(self) -> str:
        """All it has logged so far."""
        return self.log.read_text() if self.log.exists() else ""

    @property
    def pid(self) -> int | None:
        """The process, while it runs."""
        return self._running.pid if self._running is not None and self._running.poll() is None else None

    def start(self, *command: str, **environ: str) -> None:
        """Start it without waiting: `python -m bridge serve`, or another command; `environ` is for this once."""
        environ = {"BRIDGE_ADMIN_PORT": "0", **self.environ, "BRIDGE_HTTP_PORT": str(self.port), **environ}
        self._running = run(*(command or ORDINARY), environ=environ, log=self.log)

    async def start_ready(self, *command: str, **environ: str) -> None:
        """Start it, and wait until it says that it is ready."""
        self.start(*command, **environ)
        await self.ready()

    async def ready(self) -> None:
        """Wait until `/health/ready` says so; fail at once if the process ends before."""
        await eventually(self._is_ready)

    async def health(self) -> Mapping[str, Any] | None:
        """What `/health/ready` says; None while nobody answers there."""
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{self.url}/health/ready") as answer:
                return {"http": answer.status, **(await answer.json())}
        except aiohttp.ClientError:
            return None

    async def is_live(self) -> bool:
        """Tell whether `/health/live` says so."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/health/live") as answer:
            return answer.status == HTTPStatus.OK

    async def _is_ready(self) -> bool:
        if self.pid is None:
            raise RuntimeError(f"the bridge ended before it was ready:\n{self.said}")
        health = await self.health()
        return health is not None and health["http"] == 200

    async def ended(self) -> int:
        """Wait until it has ended; give its exit code, negative for a signal."""
        process = self._running
        if process is None:
            raise RuntimeError("the bridge was not started")
        await eventually(lambda: process.poll() is not None)
        return process.wait()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, and give its exit code."""
        if self._running is not None and self._running.poll() is None:
            self._running.send_signal(number)
        return await self.ended()

    def kill(self) -> None:
        """End it as a power cut does; harmless when it has ended."""
        if self._running is not None:
            self._running.kill()
            self._running.wait()


def run(*command: str, environ: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start Python in the repository with nothing of ours in its environment but `environ`; output goes to `log`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - the command is ours
            [sys.executable, *command],
            cwd=REPOSITORY,
            env=inherited | {"PYTHONUNBUFFERED": "1", **environ},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
