"""Runs one command and takes its whole process group down when whoever started us is gone.

Our standard input is a pipe held by the starter: it closes when the starter stops us and also when the starter is
killed, so that no server outlives a killed demo or test run. Standard library only: it runs as a plain file, in
milliseconds and from any directory, with one JSON argument (see `start_child`).
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
    try:
        return _watch(child)
    finally:
        _take_down(child, order["signal"])
        if order["remove"]:
            shutil.rmtree(order["remove"], ignore_errors=True)


def _start(order: dict[str, Any]) -> subprocess.Popen[bytes]:
    as_user = {"user": order["user"], "group": order["group"], "extra_groups": []} if order["user"] else {}
    return subprocess.Popen(  # noqa: S603  the command is ours
        order["command"], cwd=order["cwd"], stdin=subprocess.DEVNULL, start_new_session=True, **as_user
    )


def _watch(child: subprocess.Popen[bytes]) -> int:
    while (code := child.poll()) is None:
        readable, _, _ = select.select([sys.stdin], [], [], POLL_S)
        if readable and not os.read(sys.stdin.fileno(), 1):
            return 0
    return code


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
