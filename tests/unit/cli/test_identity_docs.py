"""The five-minute recipe of docs/identity.md is what the command line and the settings really take."""

import os
import re
import shlex
import sys
from pathlib import Path

import pytest

from bridge.cli import main

ROOT = Path(__file__).parents[3]
RECIPE = re.search(
    r"## Tokens in five minutes.*?```sh\n(.*?)```", (ROOT / "docs" / "identity.md").read_text(), re.DOTALL
)


def test_the_recipe_makes_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert RECIPE is not None
    for name in [name for name in os.environ if name.startswith("BRIDGE_")]:
        monkeypatch.delenv(name)
    (tmp_path / "config").symlink_to(ROOT / "config")
    monkeypatch.chdir(tmp_path)
    for name, value in re.findall(r"^export (\w+)=(\S+)$", RECIPE[1], re.MULTILINE):
        monkeypatch.setenv(name, value)
    commands = re.findall(r"mef-bridge (token [^)#\n]+)", RECIPE[1])
    assert len(commands) == 2
    for command in commands:
        monkeypatch.setattr(sys, "argv", ["mef-bridge", *shlex.split(command)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
    assert capsys.readouterr().out.splitlines()[-1].count(".") == 2
