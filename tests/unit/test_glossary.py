"""One word for one thing: the words of docs/glossary.md are those of the code, and the retired ones are gone."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
USED, _, RETIRED = PAGE.partition("## Words that are not used")
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \|(?: ([^|]+) \|)?$", re.MULTILINE)
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
FROZEN = ROOT / "bridge" / "store" / "migrations"  # a script says what was so when it was written


def rows(table: str) -> list[tuple[str, str, str]]:
    """Give the rows below the head of a table."""
    return [row for row in ROW.findall(table) if row[0] not in ("word", "not") and not row[0].startswith("---")]


@cache
def identifiers() -> dict[str, str]:
    """Give each name that the code makes, and a place of it."""
    modules = (path for path in (ROOT / "bridge").rglob("*.py") if FROZEN not in path.parents)
    return {name: str(path.relative_to(ROOT)) for path in modules for name in names(ast.parse(path.read_text()))}


def names(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        match node:
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
                yield name
            case ast.arg(arg=name) | ast.Name(name) | ast.Attribute(attr=name):
                yield name


def test_what_the_glossary_names_is_in_the_code() -> None:
    named = {name for _, _, column in rows(USED) for name in re.findall(r"`(\w+)`", column)}
    assert sorted(named - identifiers().keys()) == []


def test_every_word_has_a_meaning_and_a_name_in_the_code_and_stands_in_order() -> None:
    found = rows(USED)
    assert [word for word, meaning, column in found if not meaning or "`" not in column] == []
    words = [word for word, _, _ in found]
    assert len(words) > 40
    assert words == sorted(words)


@pytest.mark.parametrize("retired", [row[0] for row in rows(RETIRED)])
def test_a_retired_word_is_in_no_name_of_the_code(retired: str) -> None:
    plural = {retired, f"{retired}s"}
    used = {
        name: place
        for name, place in identifiers().items()
        if plural & {part.lower() for part in WORD.findall(name)} and not is_a_column(name)
    }
    assert used == {}


def is_a_column(name: str) -> bool:
    """The database keeps `jobs.told` under its old name."""
    return name == "told"


@pytest.mark.parametrize("retired", sorted({row[0] for row in rows(RETIRED)} - {"told"}))
def test_a_retired_word_that_means_nothing_else_is_in_no_page_help_or_comment(retired: str) -> None:
    """The help of the command line stands in the code. Told, as a verb, is as good as any."""
    pages = [path for path in (ROOT / "docs").glob("*.md") if path.name != "glossary.md"]
    modules = [path for path in (ROOT / "bridge").rglob("*.py") if FROZEN not in path.parents]
    word = re.compile(rf"\b{retired.removesuffix('s')}s?\b", re.IGNORECASE)
    assert [path.name for path in (*pages, ROOT / "README.md", *modules) if word.search(path.read_text())] == []
