"""Problems as SARIF 2.1.0 (OASIS), the form in which code hosts show them beside the lines of a change."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from bridge import __version__
from bridge.yaml_source import Finding

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif_log(findings: Sequence[Finding]) -> dict[str, Any]:
    """Make a log of one run (SARIF 2.1.0, 3.13); each kind of problem is a rule, each problem a result."""
    kinds = sorted({one.kind for one in findings})
    driver = {
        "name": "mef-bridge mapping check",
        "semanticVersion": __version__,
        "rules": [{"id": kind} for kind in kinds],
    }
    results = [_result(one, kinds.index(one.kind)) for one in findings]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(finding: Finding, rule: int) -> dict[str, Any]:
    region = {"startLine": finding.line, "startColumn": finding.column}
    place = {"artifactLocation": {"uri": quote(finding.file)}, "region": region}
    return {
        "ruleId": finding.kind,
        "ruleIndex": rule,
        "level": "error",
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": place}],
    }
