"""How a pack is named on the command line: by its directory, by the pack.yaml in it, or by its name in the box."""

from pathlib import Path
from typing import Annotated

import typer

from bridge.box import found
from bridge.mapping.document.layers import PACK_FILE


def directory_of(pack: Path) -> Path:
    """Give the directory of a pack that is named by its file, or is in the box."""
    return pack.parent if pack.name == PACK_FILE and pack.is_file() else found(pack)


def directories_of(packs: list[Path]) -> list[Path]:
    return [directory_of(pack) for pack in packs]


PackArgument = Annotated[Path, typer.Argument(help="Directory of the pack.", callback=directory_of)]
