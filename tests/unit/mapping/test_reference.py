"""docs/pack-reference.md says of every key what its declaration says, with an example that a test runs."""

import os

import pytest

from tests.unit.mapping.reference.flow import flow
from tests.unit.mapping.reference.page import MEND, PAGE, page, without_description, without_example, without_table


def test_the_tables_of_keys_are_what_the_declarations_say() -> None:
    text = PAGE.read_text(encoding="utf-8")
    if os.environ.get("MEF_BRIDGE_WRITE_DOCS"):
        PAGE.write_text(page(text), encoding="utf-8")
    elif page(text) != text:
        pytest.fail(f"docs/pack-reference.md is not what bridge/mapping/document says; write it anew: {MEND}")


def test_every_key_has_a_description() -> None:
    assert without_description() == []


def test_every_key_stands_in_a_table() -> None:
    missing = without_table(PAGE.read_text(encoding="utf-8"))
    assert not missing, f"no `<!-- keys: … -->` of docs/pack-reference.md has these keys: {', '.join(missing)}"


def test_every_key_stands_in_an_example() -> None:
    missing = without_example()
    assert not missing, f"write these keys into an example of the pages on packs that a test runs: {', '.join(missing)}"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("x: y", 'k: "x: y"'),
        ("07", 'k: "07"'),
        (["*"], 'k: ["*"]'),
        ({"a": True, "b": None}, "k: {a: true, b: null}"),
        (
            {f"name{n}": "a text of some length" * 2 for n in range(9)},
            f"k: {{name0: {'a text of some length' * 2}, …}}",
        ),
        ([{"long" * 20: {"a": "x" * 40}}, {}], "k: [{…}, …]"),
    ],
)
def test_an_example_is_one_short_line_of_yaml(value: object, written: str) -> None:
    assert flow("k", value) == written
