"""The diagrams in the docs are drawn from the transition tables."""

from enum import StrEnum
from pathlib import Path

from bridge.domain.diagram import mermaid, page

PAGE = Path(__file__).parents[3] / "docs" / "state-machines.md"


class Light(StrEnum):
    RED = "red"
    GREEN = "green"


class Switch(StrEnum):
    ON = "on"


def test_a_table_becomes_one_line_a_transition() -> None:
    assert mermaid({(Light.RED, Switch.ON): Light.GREEN}, Light.RED, {Light.GREEN}).splitlines() == [
        "stateDiagram-v2",
        "    [*] --> red",
        "    red --> green: on",
        "    green --> [*]",
    ]


def test_the_page_in_the_docs_says_what_the_tables_say() -> None:
    """When this fails, generate the page again as `bridge/domain/diagram.py` tells."""
    assert PAGE.read_text(encoding="utf-8") == page()
