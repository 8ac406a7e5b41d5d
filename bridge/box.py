"""What comes in the box with the bridge: packs by name, and the settings and Buyers to begin with.

In a checkout they are where one works on them, in an installed bridge beside this file: the wheel takes them along.
"""

from pathlib import Path
from typing import Final

_INSTALLED: Final = Path(__file__).parent / "boxed"
_CHECKOUT: Final = Path(__file__).parents[1]
BOX: Final = _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT

BUYERS: Final = BOX / "config" / "buyers.yaml"
"""Buyers with keys that everybody knows, for development."""


def packs() -> dict[str, Path]:
    """Give the directories of the packs in the box by name."""
    return {path.parent.name: path.parent for path in sorted((BOX / "mappings").glob("*/pack.yaml"))}


def found(pack: Path) -> Path:
    """Give a pack's directory; a bare name that is no directory here is that of a pack in the box."""
    if pack.name != str(pack) or pack.exists():
        return pack
    return packs().get(pack.name, pack)
