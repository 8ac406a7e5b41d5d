"""Finds Chromium as RabbitMQ is found: the environment names it, it is installed, or apt installs it for root.

Else who needs it is skipped, and says so; with `CI=true` that is a failure.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from bridge.localenv import apt
from bridge.localenv.service import NotHere

NAMED = "MEF_BRIDGE_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class NoChromium(Exception):
    """There is none, and here is why."""


def find_chromium() -> str:
    """Give the path of a Chromium; raises `NoChromium`."""
    named = os.environ.get(NAMED)
    if named:
        return named
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is not None:
        return found
    try:
        _install()
    except NotHere as reason:
        raise NoChromium(f"{NAMED} is not set, none of {', '.join(NAMES)} is installed, and {reason}") from reason
    return NAMES[0]


def _install() -> None:
    """Install it, unless another worker of the tests has done so meanwhile."""
    with (Path(tempfile.gettempdir()) / "mef-bridge-chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if shutil.which(NAMES[0]) is None:
            apt.apt_install(NAMES[0])


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    """Start Chromium without a window, for as long as the block lasts; its directory is gone afterwards."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            await browser.close()
