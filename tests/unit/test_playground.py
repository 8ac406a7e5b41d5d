"""The known place of `make run`: other commands act on what runs there."""

import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from bridge.demo.playground import playground
from bridge.demo.stage import Ports, _settings
from bridge.errors import PermanentError
from bridge.settings import load_settings


def test_the_settings_that_are_kept_are_those_that_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BRIDGE_BROKER_URL", raising=False)
    with playground(tmp_path / "run") as place:
        settings = _settings("amqp://u:p%40@host/", "demo-1.", place.directory, Ports(bridge=8137))
        place.keep(settings)
        loaded = load_settings(place.settings_file)
        assert loaded.model_dump() == settings.model_dump()
        assert loaded.broker.url == SecretStr("amqp://u:p%40@host/")
        assert loaded.database.url == SecretStr(f"sqlite:///{tmp_path}/run/demo.sqlite3")
        assert stat.S_IMODE(place.settings_file.stat().st_mode) == 0o600


def test_a_second_one_does_not_take_the_database_of_the_first(tmp_path: Path) -> None:
    with playground(tmp_path) as place:
        (place.directory / "demo.sqlite3").write_text("")
        with pytest.raises(PermanentError, match="another one is left running in"), playground(tmp_path):
            pytest.fail("it was let in")
        assert (tmp_path / "demo.sqlite3").exists()
    with playground(tmp_path):
        assert not (tmp_path / "demo.sqlite3").exists()
