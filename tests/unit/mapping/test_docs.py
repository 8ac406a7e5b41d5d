"""docs/pack-reference.md speaks of every command, and of everything that a command may write."""

import pytest

from bridge.domain.model import CommandKind
from bridge.mapping.commands.context import NAMES
from tests.unit.mapping.reference.pages import REFERENCE

DOCS = REFERENCE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*NAMES, *CommandKind])
def test_every_command_and_value_is_documented(name: str) -> None:
    assert f"`{name}`" in DOCS
