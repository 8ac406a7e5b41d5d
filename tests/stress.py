"""Runs a command on a machine that is busy with something else: `python -m tests.stress <command> ...`.

Beside the command, processes that only compute keep the load average at four for each core at least (8 on two cores),
with whatever else the machine does: as many of them run as it takes. They end with the command, with this script,
however it ends, and in any case after three hours.
"""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

PER_CORE = 4
AT_MOST_S = 3 * 3600.0
LOOK_EVERY_S = 0.25
LOOKS = 20  # five seconds: what starts and ends at once is no load

BURN = f"""
import os, time
parent, ends = os.getppid(), time.monotonic() + {AT_MOST_S}
while os.getppid() == parent and time.monotonic() < ends:
    sum(range(100_000))
"""


class Burners:
    """The processes that compute, of which as many run as it takes for `wanted` processes to want a core."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        command = [sys.executable, "-c", BURN]
        self._all = [subprocess.Popen(command) for _ in range(wanted)]  # noqa: S603 - our own few lines
        self._running = wanted
        self._lately: deque[int] = deque(maxlen=LOOKS)
        self.loads: list[float] = []

    def adjust(self) -> None:
        """Let one more or one less run, if there is too little or too much to do."""
        self.loads.append(os.getloadavg()[0])
        self._lately.append(runnable())
        if len(self._lately) < LOOKS:
            return
        busy = fmean(self._lately)
        if busy < self.wanted and self._running < len(self._all):
            self._all[self._running].send_signal(signal.SIGCONT)
            self._running += 1
        elif busy > self.wanted + 2 and self._running > 0:
            self._running -= 1
            self._all[self._running].send_signal(signal.SIGSTOP)
        else:
            return
        self._lately.clear()

    def told(self) -> str:
        """Tell how busy the machine was; the load average itself takes a minute to get there."""
        loads = self.loads[int(60 / LOOK_EVERY_S) :]
        if not loads:
            return "too short to tell the load average"
        return f"load average after the first minute {min(loads):.1f} to {max(loads):.1f}, mean {fmean(loads):.1f}"

    def end(self) -> None:
        """End all of them."""
        for burner in self._all:
            burner.kill()
            burner.wait()


def runnable() -> int:
    """Tell how many processes want a core now, as Linux counts them, this one left out; elsewhere, the load average."""
    try:
        with Path("/proc/loadavg").open(encoding="ascii") as told:
            return int(told.read().split()[3].partition("/")[0]) - 1
    except OSError:
        return round(os.getloadavg()[0])


def main(command: Sequence[str]) -> int:
    """Run the command beside the burners, and return its exit code."""
    burners = Burners(PER_CORE * (os.cpu_count() or 1))
    began = time.monotonic()
    try:
        with subprocess.Popen(command) as running:  # noqa: S603 - the developer's own command
            try:
                while running.poll() is None:
                    burners.adjust()
                    time.sleep(LOOK_EVERY_S)
            except BaseException:
                running.send_signal(signal.SIGINT)
                raise
            return running.returncode
    finally:
        burners.end()
        sys.stderr.write(f"stress: {time.monotonic() - began:.0f} s; {burners.told()}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
