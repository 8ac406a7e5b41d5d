"""Lets a running bridge take up changed packs: when it is asked to, and where the settings say so, by itself."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from bridge.app.process import Start
from bridge.app.wfm_side import load_packs
from bridge.flows.live_packs import LivePacks, PackReload
from bridge.settings import Settings

WATCH_SECONDS = 1.0
"""How often the packs' files are looked at, where `packs_watch` is set."""


def start_reloading(settings: Settings, packs: LivePacks, start: Start) -> Callable[[], Awaitable[bool]]:
    """Give the way to reload the packs; where it is asked for, look after their files, too."""
    reload = PackReload(packs, partial(load_packs, settings))
    if settings.packs_watch:
        start(reload.watch(partial(pack_files, settings), pack_files(settings), WATCH_SECONDS), "pack files")
    return reload.reload


def pack_files(settings: Settings) -> frozenset[tuple[str, int, int]]:
    """List the files of all packs with what changes when they do: the time (ns) and the size (bytes)."""
    return frozenset(found for directory in settings.packs for path in directory.rglob("*") for found in _stamp(path))


def _stamp(path: Path) -> list[tuple[str, int, int]]:
    try:
        stat = path.stat()
    except OSError:  # gone between being listed and being looked at
        return []
    return [(str(path), stat.st_mtime_ns, stat.st_size)]
