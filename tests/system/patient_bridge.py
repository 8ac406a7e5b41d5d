"""The real bridge, but the WFM's time for a command is up when the test says so, and not when a busy machine is late.

`python -m tests.system.patient_bridge <file>` runs `serve` as ever. A command waits until it is answered or the file is
there; from then on the bridge does what it does when the time of a command is up. How long that time is by the settings
is shown by the tests of commands that nobody answers, and of bridges that died.
"""

import asyncio
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bridge.cli import main
from bridge.domain.model import Command
from bridge.domain.settlement import CommandResult
from bridge.flows.commands import Commands

LOOK_EVERY_S = 0.02


def expire_by(file: Path) -> None:
    """Let the file be the deadline of all commands."""
    settled = Commands._settled

    async def settling(self: Commands, command: Command, result: asyncio.Future[CommandResult]) -> CommandResult:
        while not (result.done() or file.exists()):  # noqa: ASYNC240 - a look every 20 ms
            await asyncio.wait([result], timeout=LOOK_EVERY_S)
        return await settled(self, replace(command, expires_at=datetime.now(UTC)), result)

    Commands._settled = settling  # type: ignore[method-assign]


if __name__ == "__main__":
    expire_by(Path(sys.argv[1]))
    sys.argv[1:] = ["serve"]
    main()
