"""The docs are reachable and complete: every page from the README, every verb, every part of the code."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from bridge.cli import app

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted((ROOT / "docs").glob("*.md"))
HEADING = re.compile(r"\]\(([^)#]*)#([^)]+)\)")
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


def verbs(command: object, path: tuple[str, ...] = ("mef-bridge",)) -> Iterator[str]:
    """Give every verb of the command line as it is typed."""
    commands = getattr(command, "commands", None)
    if commands is None:
        yield " ".join(path)
        return
    for name, child in commands.items():
        yield from verbs(child, (*path, name))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_is_linked_from_the_readme(page: Path) -> None:
    assert f"(docs/{page.name})" in README


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def anchors(text: str) -> set[str]:
    """Give what a link may lead to in a page: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_every_link_to_a_heading_finds_it(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [(page.parent / (file or page.name), anchor) for file, anchor in HEADING.findall(text) if "://" not in file]
    missing = [
        f"{file.name}#{anchor}"
        for file, anchor in links
        if file.suffix == ".md" and anchor not in anchors(file.read_text(encoding="utf-8"))
    ]
    assert missing == []


def test_every_verb_of_the_command_line_is_in_the_docs() -> None:
    assert isinstance(app, typer.Typer)
    written = README + "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [verb for verb in verbs(get_command(app)) if verb not in written] == []


def test_every_part_of_the_bridge_has_a_row_in_the_architecture() -> None:
    rows = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    parts = [path.parent.name for path in (ROOT / "bridge").glob("*/__init__.py")]
    assert [part for part in sorted(parts) if f"`{part}/`" not in rows] == []


def test_every_file_that_the_architecture_names_is_there() -> None:
    """Paths stand there as below `bridge/`, or below the room that the row is about."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", page))
    places = [ROOT / "bridge", ROOT, *(ROOT / "bridge" / "mapping").glob("*/"), ROOT / "bridge" / "mapping" / "checks"]
    assert [name for name in sorted(named) if not any((place / name).exists() for place in places)] == []
