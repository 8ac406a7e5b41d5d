"""A working directory from nothing: what is made loads, holds no key, and runs."""

import hashlib
import re
import stat
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from bridge import box
from bridge.app.packs import load_packs
from bridge.cli.main import app
from bridge.mapping.loader import inspect_pack
from bridge.settings import AdminRole, Settings, buyers_of, load_settings
from tests.unit.test_compose import SERVICE_KEYS

ROOT = Path(__file__).parents[3]
SAMPLE = '{"job": {"id": "J-1", "status": "NEW", "updated": "2026-03-05T12:00:00Z"}}'


def init(*arguments: str) -> tuple[int, str]:
    told = CliRunner().invoke(app, ["init", *arguments])
    return told.exit_code, told.stdout or str(told.exception)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def loaded(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(directory)
    return load_settings()


@pytest.mark.parametrize("pack", sorted(box.packs()))
def test_a_pack_of_the_box_is_begun_with(here: Path, monkeypatch: pytest.MonkeyPatch, pack: str) -> None:
    code, told = init("seller", "--pack", pack)
    assert code == 0
    assert f"mef-bridge mapping check mappings/{pack}" in told
    settings = loaded(here / "seller", monkeypatch)
    assert list(load_packs(settings)) == [pack]
    (schema,) = re.findall(r"\$schema=(\S+)", (here / "seller" / "mappings" / pack / "pack.yaml").read_text())
    assert (here / "seller" / "mappings" / pack / schema).read_text() == (
        ROOT / "docs" / "pack.schema.json"
    ).read_text()


def test_the_key_is_told_once_and_only_its_hash_is_kept(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, told = init("seller", "--buyer", "BT.1")
    (key,) = re.findall(r"key of BT\.1: (\S+)", told)
    (entity,) = buyers_of(loaded(here / "seller", monkeypatch)).requesting_entities
    assert entity.api_keys_sha256 == (hashlib.sha256(key.encode()).hexdigest(),)
    assert entity.buyers == ("BT.1",)
    (token,) = re.findall(r"for the console: (\S+)", told)
    (operator,) = load_settings().admin.users
    assert operator.token_sha256 == (hashlib.sha256(token.encode()).hexdigest(),)
    assert operator.role is AdminRole.OPERATOR
    files = [path.read_text() for path in here.rglob("*") if path.is_file()]
    assert not any(key in text or token in text for text in files)


def test_a_pack_is_begun_from_samples(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "sample.json").write_text(SAMPLE)
    code, _ = init("seller", "--sample", "sample.json", "--name", "field-one")
    assert code == 0
    assert list(load_packs(loaded(here / "seller", monkeypatch))) == ["field-one"]
    assert inspect_pack(Path("mappings/field-one")).document is not None


def test_the_compose_file_is_one_and_its_passwords_are_for_this_user_only(here: Path) -> None:
    init("seller")
    compose = YAML(typ="safe").load(here / "seller" / "compose.yaml")
    assert set(compose["services"]) == {"bridge", "rabbitmq", "postgres"}
    assert {key for service in compose["services"].values() for key in service} <= SERVICE_KEYS
    needed = set(re.findall(r"\$\{(\w+):\?\}", (here / "seller" / "compose.yaml").read_text()))
    env = here / "seller" / ".env"
    assert set(re.findall(r"^(\w+)=[0-9a-f]{32}$", env.read_text(), re.MULTILINE)) == needed
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert "/.env" in (here / "seller" / ".gitignore").read_text()


def test_the_compose_files_variables_are_settings(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    init("seller")
    compose = YAML(typ="safe").load(here / "seller" / "compose.yaml")
    for name, value in compose["services"]["bridge"]["environment"].items():
        monkeypatch.setenv(name, value.replace("${RABBITMQ_PASSWORD:?}", "x").replace("${POSTGRES_PASSWORD:?}", "x"))
    settings = loaded(here / "seller", monkeypatch)
    assert settings.database.url.get_secret_value() == "postgresql://bridge:x@postgres:5432/bridge"
    assert settings.broker.declare_exchanges


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["full"], "full is not empty: there is file"),
        (["full/file"], "full/file: File exists"),
        (["new", "--pack", "nosuch"], "there is no pack 'nosuch' in the box; there are acme-wfm, "),
        (["new", "--pack", "acme-wfm", "--sample", "x.json"], "give --sample or --pack, not both"),
        (["new", "--sample", "nosuch.json"], "nosuch.json: "),
        (["new", "--buyer", "a b"], "--buyer: expected letters, digits, '.', '_' and '-', got 'a b'"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(here: Path, arguments: list[str], why: str) -> None:
    (here / "full").mkdir()
    (here / "full" / "file").touch()
    code, told = init(*arguments)
    assert code == 1
    assert told.startswith(why)
    assert "\n" not in told.strip()
