"""docs/packs.md speaks of every command and of every value of one, and its examples load."""

import re
from pathlib import Path
from typing import Any

import pytest

from bridge.domain.model import CommandKind
from bridge.mapping.context import NAMES
from bridge.mapping.loader import make_pack
from bridge.yaml_source import parse_yaml
from tests.unit.mapping.builders import TOY

DOCS = (Path(__file__).parents[3] / "docs" / "packs.md").read_text()


@pytest.mark.parametrize("name", [*NAMES, *CommandKind])
def test_every_command_and_value_is_documented(name: str) -> None:
    assert f"`{name}`" in DOCS


def example(start: str) -> str:
    """The YAML example of the docs that starts so."""
    found: list[Any] = re.findall(rf"```yaml\n({start}:\n.*?)```", DOCS, re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def test_the_examples_load() -> None:
    text = TOY[: TOY.index("tables:")].replace(
        "{header: x-kind, type: code, required: true, values: [made, moved, ended]}", "{path: $.a}"
    )
    text = text.replace(
        'crew: {path: "$.crew", type: code, table: crews}',
        "reason: {path: $.r, type: code, table: reasons}\n  status: {path: $.s}",
    )
    refusals = "  refusals: {key: rc, on_miss: default, default: {code: otherIssue, reason: No}, rows: []}\n"
    outputs = TOY[TOY.index("work_order:\n  buyer") : TOY.index("commands:")]
    search = TOY[TOY.index("  search:") : TOY.index("  cancel:")].replace("token: {", "token: {id: $.id, ")
    cancel = (
        "  cancel: {exchange: x, routing_key: y, body: {}, reply: {status: $.rc, accepted: [ok], refused: refusals}}\n"
    )
    parts = [text, example("tables"), refusals, example("rules"), outputs, example("commands"), search, cancel]
    assert make_pack(parse_yaml("".join(parts), "docs")).has_command(CommandKind.BOOK)
