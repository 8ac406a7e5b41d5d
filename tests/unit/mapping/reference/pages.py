"""The two pages on packs: a guide that is read from start to end, and a reference of all keys."""

from pathlib import Path

ROOT = Path(__file__).parents[4]
GUIDE = ROOT / "docs" / "packs.md"
REFERENCE = ROOT / "docs" / "pack-reference.md"


def examples_text() -> str:
    """Both pages, as examples may stand in either; the reference comes first."""
    return REFERENCE.read_text(encoding="utf-8") + GUIDE.read_text(encoding="utf-8")
