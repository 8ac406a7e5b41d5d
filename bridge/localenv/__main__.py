"""`python -m bridge.localenv run -- COMMAND…`: run a command with a RabbitMQ and a PostgreSQL at hand.

The command gets BRIDGE_BROKER_URL and BRIDGE_TEST_DATABASE_URL, so that its processes share one of each. A service that
cannot be had is left out, and its reasons are handed on in BRIDGE_TEST_NO_BROKER or BRIDGE_TEST_NO_DATABASE.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from bridge.localenv import broker, postgres
from bridge.localenv.broker import find_broker
from bridge.localenv.postgres import find_postgres
from bridge.localenv.service import Service, Unavailable

NO_BROKER = "BRIDGE_TEST_NO_BROKER"
NO_DATABASE = "BRIDGE_TEST_NO_DATABASE"
USAGE = "usage: python -m bridge.localenv run -- COMMAND [ARGUMENT…]"


def main(arguments: Sequence[str]) -> int:
    """Run the command after `run --` and give its exit code."""
    if len(arguments) < 3 or list(arguments[:2]) != ["run", "--"]:
        _say(USAGE)
        return 2
    # SIGTERM must not end us before what we started has been stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with ExitStack() as stack:
        environ = dict(os.environ)
        _offer(stack, lambda: find_broker(allow_memory=False), environ, broker.URL_VARIABLE, NO_BROKER)
        _offer(stack, find_postgres, environ, postgres.URL_VARIABLE, NO_DATABASE)
        return _run(arguments[2:], environ)


def _offer(
    stack: ExitStack,
    find: Callable[[], Service[str | None]],
    environ: dict[str, str],
    variable: str,
    absence_variable: str,
) -> None:
    try:
        service = stack.enter_context(find())
    except Unavailable as absence:
        environ[absence_variable] = str(absence)
        _say(str(absence))
    else:
        environ[variable] = service.url or ""
        _say(service.why)


def _run(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run to the end; Ctrl-C reaches the command through the terminal, so we only wait for it."""
    with subprocess.Popen(command, env=environ) as child:  # noqa: S603  the caller's own command
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                continue
            except SystemExit:
                child.terminate()
                child.wait()
                raise


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
