"""Private child processes: a directory of their own, free ports on loopback, and an end that is sure to come."""

import asyncio
import json
import os
import pwd
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from bridge.localenv import guard
from bridge.localenv.service import NotHere

T = TypeVar("T")

LOOPBACK = "127.0.0.1"
PORTS = 20_000, 32_000
STOP_DEADLINE_S = 30.0
POLL_S = 0.1
LAST_WORDS = 400


@dataclass(frozen=True, slots=True)
class Child:
    """A running command under a guard; stopping it closes the guard's standard input."""

    guard: subprocess.Popen[bytes]
    log: Path

    def ended(self) -> bool:
        """Tell whether the command has ended by itself."""
        return self.guard.poll() is not None

    def signal(self, number: signal.Signals) -> None:
        """Have a signal sent to the command; SIGKILL, SIGSTOP and SIGCONT go to all of its process group."""
        if self.guard.stdin:
            self.guard.stdin.write(bytes([number]))
            self.guard.stdin.flush()

    def stop(self) -> None:
        """End the command with its whole process group and wait until it is gone."""
        if self.guard.stdin:
            with suppress(BrokenPipeError):
                self.guard.stdin.close()
        try:
            self.guard.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.guard.kill()
            self.guard.wait()

    def last_words(self) -> str:
        """Give the end of the command's log in one line."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return " ".join(text.split())[-LAST_WORDS:] or "it said nothing"


def start_child(
    command: Sequence[str],
    *,
    directory: Path,
    name: str,
    environ: Mapping[str, str] | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    user: str | None = None,
    remove: Path | None = None,
) -> Child:
    """Start `command` in `directory` with its output in `<name>.log` there.

    `remove` is deleted after it was stopped, or we have gone; not after it has ended by itself or by a signal.
    """
    log = directory / f"{name}.log"
    order = {
        "command": list(command),
        "cwd": str(directory),
        "signal": int(stop_signal),
        "user": user,
        "group": pwd.getpwnam(user).pw_gid if user else None,
        "remove": str(remove) if remove else None,
    }
    with log.open("ab") as output:
        started = subprocess.Popen(  # noqa: S603  the command is ours
            [sys.executable, "-I", guard.__file__, json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environ if environ is not None else os.environ),
            start_new_session=True,
        )
    return Child(started, log)


def await_ready(ready: Callable[[], bool], *, what: str, deadline_s: float, child: Child | None = None) -> None:
    """Wait until `ready()`; raise `NotHere`, with the child's last words, when it ends first or takes too long."""
    ends = time.monotonic() + deadline_s
    while not ready():
        said = f": {child.last_words()}" if child else ""
        if child and child.ended():
            raise NotHere(f"{what} ended at once{said}")
        if time.monotonic() > ends:
            raise NotHere(f"{what} was not ready within {deadline_s:.0f} s{said}")
        time.sleep(POLL_S)


def keep(start: Callable[[ExitStack], T]) -> tuple[T, Callable[[], None]]:
    """Run `start`, and give its result and how to undo it all; a failure half-way undoes what was begun."""
    stack = ExitStack()
    try:
        return start(stack), stack.close
    except BaseException:
        stack.close()
        raise


def new_directory(prefix: str, owner: str | None = None) -> Path:
    """Make a directory that only we (or `owner`, a user name) can read, below the system's temporary directory."""
    directory = Path(tempfile.mkdtemp(prefix=prefix))
    if owner:
        account = pwd.getpwnam(owner)
        os.chown(directory, account.pw_uid, account.pw_gid)
    return directory


def free_port() -> int:
    """Give a TCP port that is free on loopback right now.

    It is below those that the system gives to clients, one of which could have it before it is used.
    """
    while True:
        port = random.randrange(*PORTS)  # noqa: S311 - nobody need not guess it
        with socket.socket() as probe, suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port


def run_async(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end from plain code, whether or not this thread already has a running event loop."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(lambda: asyncio.run(make())).result()
