"""Runs one command and takes its whole process group down when whoever started us is gone.

Our standard input is a pipe held by the starter: it closes when the starter stops us and also when the starter is
killed, so that no server outlives a killed demo or test run. A byte in it is the number of a signal for the command.
Standard library only: it runs as a plain file, in milliseconds and from any directory, with one JSON argument (see
`start_child`).
"""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from typing import Any

POLL_S = 0.1
GRACE_S = 5.0


def main() -> int:
    """Run the command that argv[1] describes until it ends or our standard input closes."""
    order: dict[str, Any] = json.loads(sys.argv[1])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child = _start(order)
    left = False
    try:
        left = _is_left(child)
        return child.returncode or 0
    finally:
        _take_down(child, order["signal"])
        if order["remove"] and left:
            shutil.rmtree(order["remove"], ignore_errors=True)


def _start(order: dict[str, Any]) -> subprocess.Popen[bytes]:
    as_user = {"user": order["user"], "group": order["group"], "extra_groups": []} if order["user"] else {}
    return subprocess.Popen(  # noqa: S603  the command is ours
        order["command"], cwd=order["cwd"], stdin=subprocess.DEVNULL, start_new_session=True, **as_user
    )


def _is_left(child: subprocess.Popen[bytes]) -> bool:
    """Wait, and tell whether our starter has gone; else the command has ended, by itself or by his signal."""
    while child.poll() is None:
        readable, _, _ = select.select([sys.stdin], [], [], POLL_S)
        if readable:
            number = os.read(sys.stdin.fileno(), 1)
            if not number:
                return True
            _signal(child, signal.Signals(number[0]))
    return False


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Ask the command alone to end; kill and freeze all that it has started as well."""
    if number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT):
        os.killpg(child.pid, number)
    else:
        child.send_signal(number)


def _take_down(child: subprocess.Popen[bytes], ask_with: int) -> None:
    """Ask politely, wait a little, then kill whatever is left of the group."""
    if child.poll() is None:
        child.send_signal(ask_with)
        ends = time.monotonic() + GRACE_S
        while child.poll() is None and time.monotonic() < ends:
            time.sleep(POLL_S)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


if __name__ == "__main__":
    raise SystemExit(main())
