"""The known place of a bridge that is left running (`mef-bridge demo --stay`): its settings file and its database.

Both are made anew each time, for so are the WFM and its jobs. Whoever names the file by BRIDGE_CONFIG or `-c` acts on
what runs.
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bridge.errors import PermanentError
from bridge.settings import Settings

PLACE: Final = Path("var/run")


@dataclass(frozen=True, slots=True)
class Playground:
    """A directory for one running demo."""

    directory: Path

    @property
    def settings_file(self) -> Path:
        """Where the settings of the bridge are written."""
        return self.directory / "bridge.yaml"

    def keep(self, settings: Settings) -> None:
        """Write the settings down, for other commands. Only this user may read them: they hold a password."""
        self.settings_file.touch(mode=0o600)
        self.settings_file.write_text(
            f"# Written by mef-bridge demo --stay, and anew each time.\n{_yaml(settings)}", encoding="utf-8"
        )


@contextmanager
def playground(directory: Path = PLACE) -> Iterator[Playground]:
    """Make the place, empty; it is left as it is in the end, to be looked at.

    Raises `PermanentError` where another demo is left running there.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise PermanentError(f"another one is left running in {directory.absolute()}; end that first") from None
        for old in directory.glob("*.sqlite3*"):
            old.unlink()
        yield Playground(directory)


def _yaml(settings: Settings) -> str:
    """Write what is not the default; a value of JSON is one of YAML, too."""
    usual, lines = _plain(Settings.model_construct()), []
    for name, value in _plain(settings).items():
        if isinstance(value, dict):
            changed = {key: each for key, each in value.items() if each != usual[name][key]}
            if changed:
                lines += [f"{name}:", *(f"  {key}: {json.dumps(each)}" for key, each in changed.items())]
        elif value != usual[name]:
            lines.append(f"{name}: {json.dumps(value)}")
    return "\n".join(lines) + "\n"


def _plain(settings: Settings) -> dict[str, Any]:
    revealed = {"broker": {"url": settings.broker.url.get_secret_value()}}
    revealed["database"] = {"url": settings.database.url.get_secret_value()}
    dumped: dict[str, Any] = settings.model_dump(mode="json")
    return {name: {**each, **revealed[name]} if name in revealed else each for name, each in dumped.items()}
