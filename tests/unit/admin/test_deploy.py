"""What deploy/ has for Prometheus and Grafana: every metric that it names exists, and every alert has its page."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.admin.metrics import Metrics
from tests.unit.admin.test_metrics import observed

ROOT = Path(__file__).parents[3]
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "mef-bridge.json"
PAGE = ROOT / "docs" / "operations.md"
NAMED = re.compile(r"\b(?:mef_bridge|process)_[a-z_]+")
PARTS = re.compile(r"_(?:total|bucket|count|sum|created|info)$")


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    dashboard = json.loads(DASHBOARD.read_text())
    yield from (target["expr"] for panel in dashboard["panels"] for target in panel["targets"])


def declared() -> set[str]:
    """All metrics, by the names that their TYPE lines give them."""
    text = Metrics("0.1", "bridge-1").render(observed()).decode()
    return {PARTS.sub("", name) for name in re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)}


def test_every_metric_that_is_named_exists() -> None:
    named = {PARTS.sub("", name) for text in expressions() for name in NAMED.findall(text)}
    assert len(named) > 10
    assert named - declared() == set()


def test_every_metric_is_looked_at_by_somebody() -> None:
    named = {PARTS.sub("", name) for text in expressions() for name in NAMED.findall(text)}
    ours = {name for name in declared() if name.startswith("mef_bridge_")}
    assert ours - named == {"mef_bridge_standing_by", "mef_bridge_pending_commands"}


def test_every_alert_says_what_it_is_and_has_its_page() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["summary"]
        assert f"### {rule['alert']}\n" in PAGE.read_text(encoding="utf-8")
    headings = set(re.findall(r"^### (MefBridge\w+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert headings == {rule["alert"] for rule in rules()}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (apt-get install prometheus)")
def test_promtool_takes_the_rules() -> None:
    command = ["promtool", "check", "rules", str(ALERTS)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - what we ship
    assert checked.returncode == 0, checked.stdout + checked.stderr
