"""docs/pack-tools.md is kept true: its commands say what it shows, and every verb, option, key and kind is in it."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.core import TyperOption
from typer.testing import CliRunner

from bridge.cli import app
from bridge.cli.commands import COMMANDS
from bridge.cli.verb import Verb, Verbs
from bridge.packtools.cases import Buyer, Case, Expect, Given, Step, Template

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "tests" / "unit" / "packtools" / "example"
DOCS = (ROOT / "docs" / "pack-tools.md").read_text()
SESSIONS: list[tuple[str, str, str]] = re.findall(
    r"^( *)```console\n *\$ mef-bridge (.*?)\n(.*?)^ *```", DOCS, re.DOTALL | re.MULTILINE
)
SNIPPETS: list[tuple[str, str]] = re.findall(r"```yaml (\S+/\S+)\n(.*?)```", DOCS, re.DOTALL)
VERBS = [verb for noun in COMMANDS if isinstance(noun, Verbs) and noun.name == "mapping" for verb in noun.commands]
OPTIONS = [
    (verb.name, name)
    for noun in COMMANDS
    if isinstance(noun, Verbs) and noun.name == "mapping"
    for verb in noun.commands.values()
    if isinstance(verb, Verb)
    for option in verb.load().params
    if isinstance(option, TyperOption)
    for name in option.opts
    if name != "--help"
]


NEXT = 'number: "+1 617 555 0199", email_address: desk@thrush.example}\n    - {'


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example, with a case that fails, and with a pack that has another number."""
    copy = Path(shutil.copytree(EXAMPLE, tmp_path / "example"))
    wrong, following = (shutil.copytree(copy / "thrush", copy / f"thrush-{name}") for name in ("wrong", "next"))
    change(wrong / "cases" / "a-visit.yaml", "expect: {appointment: confirmed", "expect: {appointment: inProgress")
    change(following / "pack.yaml", 'number: "+1 617 555 0190", email_address: desk@thrush.example}\n    - {', NEXT)
    monkeypatch.chdir(copy)
    return copy


@pytest.mark.parametrize(("margin", "command", "output"), SESSIONS, ids=lambda text: str(text)[:60])
@pytest.mark.usefixtures("directory")
def test_a_command_says_what_is_shown(margin: str, command: str, output: str) -> None:
    """`…` stands for lines that are left out, or for the rest of a line."""
    shown = "".join(line.removeprefix(margin) for line in output.splitlines(keepends=True))
    pieces = [re.escape(piece).replace("…", ".*") for piece in re.split(r"^…\n", shown, flags=re.MULTILINE)]
    came = CliRunner().invoke(app, shlex.split(command)).output
    assert re.fullmatch("(?s:.*?)".join(pieces), came) is not None, came


@pytest.mark.parametrize(("path", "text"), SNIPPETS)
def test_a_snippet_stands_in_its_file(directory: Path, path: str, text: str) -> None:
    CliRunner().invoke(app, ["mapping", "new", "thrush-fsm", "--from", "samples", "--in", "packs"])
    assert text in (directory / path).read_text()


def test_the_example_has_no_problem_and_its_cases_come_out(directory: Path) -> None:
    assert CliRunner().invoke(app, ["mapping", "check", str(directory / "thrush")]).exit_code == 0
    assert CliRunner().invoke(app, ["mapping", "test", str(directory / "thrush")]).exit_code == 0


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_told_of(verb: str) -> None:
    assert f"mapping {verb}" in DOCS


@pytest.mark.parametrize(("verb", "option"), OPTIONS)
def test_every_option_is_told_of(verb: str, option: str) -> None:
    section = DOCS.partition(f"\n## {verb}\n")[2].partition("\n## ")[0]
    assert option in section, section


@pytest.mark.parametrize("model", [Case, Step, Given, Buyer, Expect, Template], ids=lambda model: str(model.__name__))
def test_every_key_of_a_case_is_told_of(model: type[Case]) -> None:
    keys = [field.alias or name for name, field in model.model_fields.items()]
    assert [
        key for key in keys if f"`{key}" not in DOCS and f"{{{key}: " not in DOCS and f", {key}: " not in DOCS
    ] == []


@pytest.mark.parametrize("kind", ["gap", "unreachable", "impossible-outcome", "too-large"])
def test_every_kind_of_proof_is_told_of(kind: str) -> None:
    assert f"`{kind}`" in DOCS
