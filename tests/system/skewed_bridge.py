"""The real bridge on a machine whose clock is wrong.

`python -m tests.system.skewed_bridge <seconds>` has the clock of the machine so many seconds ahead, and then runs
`serve` as ever. It says whenever it has looked for commands that nobody waits for.
"""

import sys
from datetime import UTC, datetime, timedelta

from bridge.app.process import ProcessClock, now
from bridge.cli import main
from bridge.flows.sweep import Sweep

SWEPT = "looked for commands that nobody waits for"


def be_ahead(by: timedelta) -> None:
    """Let the machine's clock be ahead."""
    ProcessClock.__init__(now, lambda: datetime.now(UTC) + by)


def tell_of_sweeps() -> None:
    """Say when each has ended."""
    look_after = Sweep.look_after

    async def telling(self: Sweep) -> int:
        found = await look_after(self)
        sys.stderr.write(f"{SWEPT}\n")
        return found

    Sweep.look_after = telling  # type: ignore[method-assign]


if __name__ == "__main__":
    be_ahead(timedelta(seconds=float(sys.argv[1])))
    tell_of_sweeps()
    sys.argv[1:] = ["serve"]
    main()
