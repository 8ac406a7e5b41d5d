"""Lets a running bridge take up changed pack files by itself, where the settings say so."""

from collections.abc import Iterable
from pathlib import Path

from bridge.app.packs import directories
from bridge.app.process import Start
from bridge.flows.live_packs import PackReload
from bridge.mapping.document.layers import files_of
from bridge.settings import Settings

WATCH_SECONDS = 1.0
"""How often the packs' files are looked at, where `packs_watch` is set."""

Stamp = tuple[str, int, int]
"""A path with the time of its last change (ns) and its size (bytes)."""


def start_reloading(settings: Settings, reload: PackReload, start: Start) -> None:
    """Look after the packs' files, where it is asked for."""
    if settings.packs_watch:
        files = PackFiles(directories(settings))
        start(reload.watch(files.stamps, files.stamps(), WATCH_SECONDS), "pack files")


class PackFiles:
    """The files that make some packs: below their directories, and below those of the packs that these extend."""

    def __init__(self, directories: Iterable[Path]) -> None:
        self._directories = tuple(directories)
        self._watched = self._found()
        self._known = _stamps(self._watched)

    def stamps(self) -> frozenset[Stamp]:
        """List them with what changes when they do. What belongs to a pack is only looked up when one has changed."""
        stamps = _stamps(self._watched)
        if stamps != self._known:
            self._watched = self._found()
            self._known = _stamps(self._watched)
        return self._known

    def _found(self) -> frozenset[Path]:
        return frozenset(path for directory in self._directories for path in files_of(directory))


def _stamps(watched: Iterable[Path]) -> frozenset[Stamp]:
    return frozenset(stamp for one in watched for path in (one, *one.rglob("*")) for stamp in _stamp(path))


def _stamp(path: Path) -> list[Stamp]:
    try:
        stat = path.stat()
    except OSError:  # gone between being listed and being looked at
        return []
    return [(str(path), stat.st_mtime_ns, stat.st_size)]
