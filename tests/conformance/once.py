"""Lets the first of several xdist workers do a long piece of work, and the others read what came of it."""

import fcntl
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def once(factory: pytest.TempPathFactory, worker: str, name: str, make: Callable[[], Any]) -> Any:
    """`make` returns JSON values; it runs once in a test run, however many workers ask."""
    if worker == "master":
        return make()
    directory = Path(factory.getbasetemp().parent)
    file = directory / f"{name}.json"
    with (directory / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            file.write_text(json.dumps(make()))
        return json.loads(file.read_text())
