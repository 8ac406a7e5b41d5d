"""The files of deploy/ that others read say what the bridge really has: its verbs, variables, headers and limits."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.settings import FILE_VARIABLE, Settings, variables

ROOT = Path(__file__).parents[2]
UNIT = (ROOT / "deploy" / "systemd" / "mef-bridge.service").read_text(encoding="utf-8")
NGINX = (ROOT / "deploy" / "nginx" / "mef-bridge.conf").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")


def values(key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", UNIT, re.MULTILINE)


def test_the_unit_runs_the_bridge_by_variables_that_it_knows() -> None:
    assert values("ExecStart") == ["/opt/mef-bridge/bin/mef-bridge serve"]
    named = {value.partition("=")[0] for value in values("Environment") if value.startswith("BRIDGE_")}
    assert named <= {*variables(), FILE_VARIABLE}


def test_the_unit_hands_over_the_credentials_that_the_page_names() -> None:
    for name, _, file in (value.partition(":") for value in values("LoadCredential")):
        assert file == f"/etc/mef-bridge/secrets/{name}"
        assert re.search(rf"secrets.*\b{name}\b|CREDENTIALS_DIRECTORY}}/{name}", PAGE)


def test_the_unit_waits_until_the_bridge_has_left() -> None:
    settings = Settings.model_construct()
    (seconds,) = values("TimeoutStopSec")
    assert int(seconds) >= 15 + settings.commands.timeout_seconds + 10  # 15 is the page's http.drain_seconds
    assert "drain_seconds: 15" in PAGE


def test_systemd_signals_the_supervisor_alone_which_hands_it_on_to_its_workers() -> None:
    assert values("KillMode") == ["mixed"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "mef-bridge.service"
    unit.write_text(UNIT.replace("/opt/mef-bridge/bin/mef-bridge", sys.executable))
    verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)  # noqa: S603, S607
    told = [line for line in verified.stderr.splitlines() if "mef-bridge.service" in line]
    assert told == []


def test_nginx_tells_of_certificates_in_a_header_that_the_bridge_reads() -> None:
    headers = set(re.findall(r"proxy_set_header (\S+) \$ssl", NGINX))
    assert headers == {"ssl-client-cert", "ssl-client-verify"}
    assert "certificate_header: ssl-client-cert" in PAGE


def test_nginx_has_limits_that_fit_the_bridges() -> None:
    settings = Settings.model_construct()

    def seconds(name: str) -> int:
        (found,) = re.findall(rf"{name} (\d+)s;", NGINX)
        return int(found)

    assert "client_max_body_size 1m;" in NGINX
    assert settings.http.max_body_bytes == 1 << 20
    assert seconds("keepalive_timeout") < settings.http.idle_timeout_seconds
    assert seconds("proxy_read_timeout") > 3 * settings.commands.timeout_seconds
