"""The two packs of docs/packs.md: its snippets are the files in `tutorial/`, and its commands say what it shows."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bridge.cli import app
from tests.unit.mapping.reference.pages import GUIDE

TUTORIAL = Path(__file__).parent / "tutorial"
DOCS = GUIDE.read_text(encoding="utf-8")
SNIPPETS: list[tuple[str, str]] = re.findall(r"```(?:yaml|json|csv|xml) (\S+/\S+)\n(.*?)```", DOCS, re.DOTALL)
SESSIONS: list[tuple[str, str, str]] = re.findall(r"```console ?(\S*)\n\$ mef-bridge (.*?)\n(.*?)```", DOCS, re.DOTALL)
PACK = "larch-fsm/pack.yaml"


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = shutil.copytree(TUTORIAL, tmp_path / "tutorial")
    monkeypatch.chdir(copy)
    return copy


def run(command: str) -> str:
    return CliRunner().invoke(app, shlex.split(command)).output


@pytest.mark.parametrize(("path", "text"), SNIPPETS)
def test_a_snippet_stands_in_its_file(path: str, text: str) -> None:
    assert text in (TUTORIAL / path).read_text()


@pytest.mark.parametrize("pack", [PACK, "rowan/pack.yaml"])
def test_the_snippets_are_the_whole_pack(pack: str) -> None:
    """Who types in what the guide shows, in the order of the file, has the pack; comments and blank lines aside."""
    shown = {line for path, text in SNIPPETS if path == pack for line in text.splitlines()}
    missing = [line for line in (TUTORIAL / pack).read_text().splitlines() if line and line not in shown]
    assert all(line.startswith("#") for line in missing), missing


@pytest.mark.parametrize(("variant", "command", "output"), SESSIONS, ids=lambda text: str(text)[:40])
def test_a_command_says_what_the_tutorial_shows(directory: Path, variant: str, command: str, output: str) -> None:
    """`…` stands for lines that are left out."""
    if variant:
        rule = re.search(
            rf"  - rule: {variant.removeprefix('without-')}\n.*?(?=  - rule)", pack_text(directory), re.DOTALL
        )
        assert rule
        (directory / PACK).write_text(pack_text(directory).replace(rule[0], ""))
    came, at = run(command), 0
    for piece in filter(None, output.split("…\n")):
        assert piece in came[at:]
        at = came.index(piece, at) + len(piece)


def pack_text(directory: Path) -> str:
    return (directory / PACK).read_text()


def test_the_starter_pack_parks_every_sample_until_somebody_says_what_it_means(directory: Path) -> None:
    run("mapping new larch-fsm --from samples")
    starter = (directory / "mappings" / PACK).read_text()
    assert "TODO" in starter
    assert run("mapping check mappings/larch-fsm") == "mappings/larch-fsm: no problems\n"
    for sample in sorted((directory / "samples").glob("*.json")):
        assert "outcome   parked" in run(f"mapping explain mappings/larch-fsm {sample}")


def test_every_sample_is_understood(directory: Path) -> None:
    for sample in sorted((directory / "samples").glob("*.json")):
        told = run(f"mapping explain larch-fsm {sample} --state planned/confirmed")
        assert re.search(r"^outcome   (applied|unchanged)$", told, re.MULTILINE), (sample.name, told)
