"""`mef-bridge mapping check`: every problem of some packs, for people, programs and code hosts."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.mapping.sarif import sarif_log
from bridge.mapping.checks.inspection import Inspection
from bridge.mapping.lifecycle import History, histories
from bridge.mapping.loader import inspect_pack
from bridge.yaml_source import Finding


def check(
    packs: Annotated[list[Path], typer.Argument(help="Directories of packs.", metavar="PACK...")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the problems as JSON.")] = False,
    as_sarif: Annotated[
        bool, typer.Option("--sarif", help="Print the problems as SARIF 2.1.0, for a code host.")
    ] = False,
) -> None:
    """Report every problem of packs as file:line:column: kind: message; exit code 1 if there is one.

    With a lifecycle, also list the WFM's histories worth a look: jumped states, parked messages, silent changes.
    """
    inspections = {pack: inspect_pack(pack) for pack in packs}
    findings = [one for inspection in inspections.values() for one in inspection.findings]
    if as_json:
        typer.echo(json.dumps(_json(findings, inspections), indent=2, ensure_ascii=False))
    elif as_sarif:
        typer.echo(json.dumps(sarif_log(findings), indent=2, ensure_ascii=False))
    else:
        _tell(inspections)
    if findings:
        raise typer.Exit(1)


def _tell(inspections: dict[Path, Inspection]) -> None:
    for pack, inspection in inspections.items():
        for finding in inspection.findings:
            typer.echo(str(finding))
        typer.echo(f"{pack}: {_count(inspection.findings)}")

        for history in _histories(inspection):
            typer.echo(f"  {history.kind:<6} {' > '.join(history.steps)}  (rule {history.rule}): {history.why}")


def _histories(inspection: Inspection) -> Sequence[History]:
    """A pack with problems has no histories: its rules may not mean what they say."""
    if inspection.findings or inspection.document is None:
        return ()
    return histories(inspection.document)


def _json(findings: Sequence[Finding], inspections: dict[Path, Inspection]) -> dict[str, object]:
    walked = {str(pack): _histories(inspection) for pack, inspection in inspections.items()}
    told = {pack: [asdict(history) for history in found] for pack, found in walked.items() if found}
    return {"problems": [_plain(one) for one in findings], "histories": told}


def _count(findings: Sequence[Finding]) -> str:
    return "no problems" if not findings else f"{len(findings)} problem{'s' if len(findings) > 1 else ''}"


def _plain(finding: Finding) -> dict[str, object]:
    return {
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "kind": finding.kind,
        "message": finding.message,
    }
