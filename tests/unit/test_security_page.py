"""docs/security.md: each threat names tests, and each of them exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
THREATS = PAGE.partition("## Threats")[2].partition("## What is not covered")[0]


def test_every_test_that_is_named_exists() -> None:
    known = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    named = re.findall(r"`(test_\w+)`", PAGE)
    assert [name for name in named if name not in known] == []


def test_every_threat_has_a_defence_and_a_test() -> None:
    rows = [row.strip("| ").split(" | ") for row in THREATS.splitlines() if row.startswith("| ")]
    threats = [row for row in rows if row[0] not in ("threat", "---")]
    assert len(threats) > 20
    assert [row[0] for row in threats if len(row) != 3 or not re.search(r"`test_\w+`", row[2])] == []
