"""The settings file that a command goes by is never a riddle."""

import sys
from pathlib import Path

import pytest

from bridge.cli import main
from bridge.cli.given import given_settings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BRIDGE_CONFIG", raising=False)


def test_it_is_said_where_nobody_has_set_anything(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BRIDGE_BROKER_URL", raising=False)
    given_settings(None)
    assert capsys.readouterr().err == (
        "there is no config/bridge.yaml here, so the defaults hold (-c or BRIDGE_CONFIG names another file)\n"
    )


def test_nothing_is_said_of_what_is_set_by_a_file_or_by_variables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "bridge.yaml"
    file.write_text("instance: from-file")
    assert given_settings(file).instance == "from-file"
    monkeypatch.setenv("BRIDGE_CONFIG", str(file))
    assert given_settings(None).instance == "from-file"
    monkeypatch.delenv("BRIDGE_CONFIG")
    monkeypatch.setenv("BRIDGE_INSTANCE", "from-variable")
    assert given_settings(None).instance == "from-variable"
    assert capsys.readouterr().err == ""


def test_what_nobody_foresaw_is_told_with_its_trace_and_without_passwords(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("no answer from amqp://u:hunter2@h/")

    monkeypatch.setattr(sys.modules["bridge.cli.main"], "app", fail)
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert said.startswith("Traceback")
    assert said.endswith("RuntimeError: no answer from amqp://u:***@h/\n")
    assert "hunter2" not in said
