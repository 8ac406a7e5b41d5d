"""The JSON Schema that editors get: it takes what the loader takes, and tells what every key means."""

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from typer.testing import CliRunner

from bridge.cli.main import app
from bridge.mapping.document.schema import pack_schema
from bridge.yaml_source import parse_yaml, read_yaml
from tests.unit.mapping.builders import ACME, TOY
from tests.unit.mapping.reference.page import LARCH, MEND, PAGE
from tests.unit.mapping.test_docs_examples import EXAMPLES

SHIPPED = PAGE.parent / "pack.schema.json"


@cache
def validator() -> Draft7Validator:
    return Draft7Validator(pack_schema())


def problems(pack: dict[str, Any]) -> list[str]:
    return [error.message for error in validator().iter_errors(pack)]


def toy() -> dict[str, Any]:
    return parse_yaml(TOY, "toy.yaml").data


def test_the_schema_is_printed_as_json() -> None:
    printed = CliRunner().invoke(app, ["mapping", "schema"]).stdout
    assert json.loads(printed) == pack_schema()
    Draft7Validator.check_schema(pack_schema())


def test_the_schema_beside_the_docs_is_this_one() -> None:
    """The packs in the box name it, for editors."""
    if os.environ.get("MEF_BRIDGE_WRITE_DOCS"):
        SHIPPED.write_text(CliRunner().invoke(app, ["mapping", "schema"]).stdout, encoding="utf-8")
    elif json.loads(SHIPPED.read_text(encoding="utf-8")) != pack_schema():
        pytest.fail(f"docs/pack.schema.json is not what bridge/mapping/document says; write it anew: {MEND}")


@pytest.mark.parametrize("pack", sorted(ACME.parent.glob("*/pack.yaml")), ids=lambda pack: pack.parent.name)
def test_a_pack_in_the_box_names_the_schema(pack: Path) -> None:
    line = re.match(r"# yaml-language-server: \$schema=(\S+)\n", pack.read_text(encoding="utf-8"))
    assert line is not None
    assert (pack.parent / line[1]).resolve() == SHIPPED


@pytest.mark.parametrize("path", [*sorted(ACME.parent.glob("*/pack.yaml")), LARCH], ids=lambda path: path.parent.name)
def test_the_schema_takes_the_packs_in_the_box(path: Path) -> None:
    assert problems(read_yaml(path).data) == []


def test_the_schema_refuses_an_unknown_key() -> None:
    assert problems(toy()) == []
    assert problems({**toy(), "polices": {}})
    assert problems({**toy(), "fields": {"a": {"paht": "$.a"}}})


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_schema_takes_every_example_of_the_docs(name: str) -> None:
    """They are pieces, as is what a pack says that extends another."""
    assert problems({"pack": "x", "version": "1", "extends": "y", **parse_yaml(EXAMPLES[name], name).data}) == []


def test_the_schema_asks_for_less_where_a_pack_extends_another() -> None:
    tenant: dict[str, Any] = {"pack": "north", "version": "1", "extends": "../x", "policies": None}
    assert problems({**tenant, "tables": {"t": {"rows": []}}}) == []
    assert problems({**tenant, "tables": {"t": {"rosw": []}}})
    assert problems({"pack": "north", "version": "1"})


def test_a_table_has_its_rows_in_the_pack_or_in_a_file() -> None:
    assert problems({**toy(), "tables": {"t": {"key": "a", "file": "a.csv"}}}) == []
    assert problems({**toy(), "tables": {"t": {"key": "a"}}})


def test_the_schema_describes_every_key() -> None:
    """Or refers to a section that is described in the same words."""
    definitions = pack_schema()["definitions"]

    def described(value: dict[str, Any]) -> bool:
        return "description" in value or "description" in definitions[value["$ref"].rpartition("/")[2]]

    found = [
        (section, key, described(value))
        for section, schema in definitions.items()
        for form in (schema, *schema.get("anyOf", ()))
        for key, value in form.get("properties", {}).items()
        if not section.startswith("Extending.")
    ]
    assert {("Inbound", "job", True), ("Value", "default", True), ("TemplateValue", "omit", True)} <= set(found)
    assert [(section, key) for section, key, is_described in found if not is_described] == []


def test_the_schema_knows_the_value_entries_in_a_body() -> None:
    pack = toy()
    body = pack["commands"]["cancel"]["body"]
    body["list"] = [{"value": ["visit", "job"], "omit": True}, {"format": "of the WFM's own"}]
    assert problems(pack) == []
    body["list"][0]["omti"] = True
    assert len(problems(pack)) == 1
