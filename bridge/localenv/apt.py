"""Installing a Debian package without starting its system service.

Debian asks /usr/sbin/policy-rc.d before it starts a service; ours says no while we install, and what was there before
comes back afterwards.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bridge.localenv.service import NotHere

POLICY = Path("/usr/sbin/policy-rc.d")
DEADLINE_S = 600
# A machine without a network should learn so in seconds, not minutes.
OPTIONS = ("-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=20", "-o", "DPkg::Lock::Timeout=60")


def apt_install(package: str, *, policy: Path = POLICY) -> None:
    """Install `package` as root on Debian or Ubuntu; raises `NotHere` when that is not possible."""
    if os.geteuid() != 0:
        raise NotHere(f"not root, so no apt-get install {package}")
    if not shutil.which("apt-get"):
        raise NotHere(f"no apt-get here to install {package}")
    with _no_services_started(policy):
        _apt_get("update", "-q")
        _apt_get("install", "-y", "-q", "--no-install-recommends", package)


def _apt_get(*arguments: str) -> None:
    environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", *OPTIONS, *arguments]
    try:
        done = subprocess.run(  # noqa: S603
            command, env=environ, capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )
    except subprocess.TimeoutExpired as slow:
        raise NotHere(f"apt-get {arguments[0]} took longer than {DEADLINE_S} s") from slow
    if done.returncode != 0:
        raise NotHere(f"apt-get {' '.join(arguments)} failed: {_last_line(done.stderr)}")


def _last_line(text: str) -> str:
    return ([line.strip() for line in text.splitlines() if line.strip()] or ["no message"])[-1]


@contextmanager
def _no_services_started(policy: Path) -> Iterator[None]:
    """Put a policy-rc.d in place that denies every action (101), and restore the former one."""
    aside = policy.with_name(policy.name + ".mef-bridge")
    existed = policy.exists()
    if existed:
        policy.rename(aside)
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()
        if existed:
            aside.rename(policy)
