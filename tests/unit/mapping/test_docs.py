"""docs/packs.md speaks of every command, and of everything that a command may write."""

from pathlib import Path

import pytest

from bridge.domain.model import CommandKind
from bridge.mapping.commands.context import NAMES

DOCS = (Path(__file__).parents[3] / "docs" / "packs.md").read_text()


@pytest.mark.parametrize("name", [*NAMES, *CommandKind])
def test_every_command_and_value_is_documented(name: str) -> None:
    assert f"`{name}`" in DOCS
