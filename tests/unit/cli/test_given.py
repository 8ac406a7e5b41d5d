"""The settings file that a command goes by is never a riddle."""

from pathlib import Path

import pytest

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
