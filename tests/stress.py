"""Runs a command on a machine that is busy with something else: `python -m tests.stress <command> ...`.

Beside the command, processes that only compute bring the load average to about four for each core (8 on two cores, and
more with what the command itself does). They end with the command, with this script, however it ends, and in any case
after three hours.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence

PER_CORE = 4
AT_MOST_S = 3 * 3600.0

BURN = f"""
import os, time
parent, ends = os.getppid(), time.monotonic() + {AT_MOST_S}
while os.getppid() == parent and time.monotonic() < ends:
    sum(range(100_000))
"""


def main(command: Sequence[str]) -> int:
    """Run the command beside the burners, and return its exit code."""
    burners = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(PER_CORE * (os.cpu_count() or 1))]  # noqa: S603
    began = time.monotonic()
    try:
        return subprocess.call(command)  # noqa: S603 - the developer's own command
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
        loads = " ".join(f"{load:.1f}" for load in os.getloadavg())
        sys.stderr.write(
            f"stress: {time.monotonic() - began:.0f} s beside {len(burners)} burners; load average {loads}\n"
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
