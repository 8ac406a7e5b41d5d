"""The table of verbs: it lists all that there are, says of each what its function says, and imports none of them."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from inspect import cleandoc
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bridge.cli import app
from bridge.cli.commands import COMMANDS
from bridge.cli.verb import Verb, Verbs
from bridge.store import upgrade
from tests.support import PATIENCE_S

ROOT = Path(__file__).parents[3]
ACME = "mappings/acme-wfm"
SAMPLES = "tests/unit/mapping/tutorial/samples"
HEAVY = {
    "aio_pika",
    "aiohttp",
    "aiosqlite",
    "alembic",
    "asyncpg",
    "cryptography",
    "faststream",
    "jwt",
    "pydantic_settings",
    "rich",
    "schemathesis",
    "sqlalchemy",
    "structlog",
    "uvloop",
}
"""What the server, the store and RabbitMQ's side stand on."""

RUN = """
import json, sys
from bridge.cli import main
sys.argv[1:] = json.loads(sys.argv[1])
try:
    main()
except SystemExit as end:
    print(json.dumps([end.code, sorted(sys.modules)]), file=sys.stderr)
"""


def verbs(commands: Iterable[object] = COMMANDS, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Verb]]:
    """Give every verb with the words that are typed for it."""
    for command in commands:
        if isinstance(command, Verbs):
            yield from verbs(command.commands.values(), (*path, str(command.name)))
        elif isinstance(command, Verb):
            yield (*path, str(command.name)), command


VERBS = dict(verbs())


def modules_of(*words: str) -> set[str]:
    """Run a command in a process of its own, and say which modules it imported."""
    run = subprocess.run(  # noqa: S603  our own script
        [sys.executable, "-c", RUN, json.dumps(words)],
        capture_output=True,
        cwd=ROOT,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    code, modules = json.loads(run.stderr)
    assert code == 0, run.stdout
    return set(modules)


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_a_verb_loads_and_is_listed_with_the_first_paragraph_of_its_own_help(words: tuple[str, ...]) -> None:
    verb = VERBS[words]
    loaded = verb.load()
    assert loaded.name == words[-1]
    first, _, _ = cleandoc(loaded.help or "").partition("\n\n")
    assert verb.short_help == " ".join(first.split())


@pytest.mark.parametrize("noun", ["", "simulate", "mapping", "messages", "deliveries", "token"])
def test_help_lists_every_verb_in_full(noun: str) -> None:
    printed = " ".join(CliRunner().invoke(app, [*noun.split(), "--help"]).stdout.split())
    for words, verb in VERBS.items():
        if " ".join(words[:-1]) == noun:
            assert f"{words[-1]} {verb.short_help}" in printed


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_a_verb_has_a_page_of_help(words: tuple[str, ...]) -> None:
    printed = CliRunner().invoke(app, [*words, "--help"])
    assert printed.exit_code == 0
    assert printed.stdout.startswith(f"Usage: mef-bridge {' '.join(words)} ")


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["mapping", "--help"], ["token", "--help"]], ids=" ".join)
def test_the_version_and_help_import_no_part_of_the_bridge(words: list[str]) -> None:
    imported = modules_of(*words)
    ours = {name for name in imported if name.startswith("bridge.") and not name.startswith("bridge.cli")}
    assert ours == {"bridge.errors"}
    assert imported & {*HEAVY, "pydantic"} == set()


@pytest.mark.parametrize("words", [["check", ACME], ["schema"], ["diagram", ACME]], ids=" ".join)
def test_what_reads_a_pack_imports_neither_flows_nor_what_the_server_stands_on(words: list[str]) -> None:
    imported = modules_of("mapping", *words)
    assert imported & HEAVY == set()
    assert imported & {"bridge.flows", "bridge.settings", "bridge.store"} == set()


@pytest.mark.parametrize(
    "words",
    [
        ["test", ACME],
        ["explain", ACME, f"{SAMPLES}/4-done.json"],
        ["diff", ACME, ACME, "--messages", SAMPLES],
    ],
    ids=" ".join,
)
def test_what_tries_a_pack_imports_the_flows_but_not_what_the_server_stands_on(words: list[str]) -> None:
    imported = modules_of("mapping", *words)
    assert imported & HEAVY <= {"structlog", "rich"}  # the flows log, and structlog imports rich
    assert imported & {"bridge.settings", "bridge.store", "bridge.wfm", "bridge.api"} == set()


def test_the_journal_is_listed_without_the_server(tmp_path: Path) -> None:
    """The store is needed, Alembic is not, and neither is what speaks with Buyers and the WFM."""
    database = f"sqlite:///{tmp_path}/bridge.sqlite3"
    asyncio.run(upgrade(database))
    (tmp_path / "bridge.yaml").write_text(f"database: {{url: '{database}'}}")
    imported = modules_of("messages", "list", "-c", str(tmp_path / "bridge.yaml"))
    assert imported & HEAVY <= {"aiosqlite", "asyncpg", "pydantic_settings", "sqlalchemy"}
    assert imported & {"bridge.api", "bridge.delivery", "bridge.mapping", "bridge.wfm"} == set()
