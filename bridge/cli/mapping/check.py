"""`mef-bridge mapping check`: every problem of some packs, for people, programs and code hosts."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from bridge.cli.mapping.directories import directories_of
from bridge.cli.mapping.sarif import sarif_log
from bridge.mapping.checks.inspection import Inspection
from bridge.mapping.checks.proofs.advice import advice_on
from bridge.mapping.checks.proofs.catch_all import CatchAll, catch_all_of, only_caught
from bridge.mapping.checks.proofs.histories import History, Kind, histories
from bridge.mapping.checks.proofs.late import LateRule, late_rules
from bridge.mapping.loader import inspect_pack
from bridge.yaml_source import Finding

_MEANINGS: Final = {
    Kind.PARKED: "the last message is parked",
    Kind.HIDDEN: "the last message changes the status, and the Buyer hears nothing",
    Kind.HOPS: "the bridge adds states that the WFM never spoke of",
}


def check(
    packs: Annotated[
        list[Path], typer.Argument(help="Directories of packs.", metavar="PACK...", callback=directories_of)
    ],
    list_histories: Annotated[
        bool, typer.Option("--histories", help="List the histories that are worth a look, not only their number.")
    ] = False,
    list_late: Annotated[
        bool, typer.Option("--late", help="List the rules whose goal is withheld from late messages, and why.")
    ] = False,
    list_gaps: Annotated[
        bool, typer.Option("--gaps", help="List what only the last rule takes, where that takes whatever others leave.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the problems as JSON.")] = False,
    as_sarif: Annotated[
        bool, typer.Option("--sarif", help="Print the problems as SARIF 2.1.0, for a code host.")
    ] = False,
) -> None:
    """Report every problem of packs as file:line:column: kind: message; exit code 1 if there is one.

    With a lifecycle, also count the WFM's histories worth a look: jumped states, parked messages, silent changes. With
    deltas and versions, count the rules whose goal is withheld from late messages. With a last rule that takes whatever
    others leave, say what that hides.
    """
    inspections = {pack: inspect_pack(pack) for pack in packs}
    findings = [one for inspection in inspections.values() for one in inspection.findings]
    if as_json:
        typer.echo(json.dumps(_json(findings, inspections), indent=2, ensure_ascii=False))
    elif as_sarif:
        typer.echo(json.dumps(sarif_log(findings), indent=2, ensure_ascii=False))
    else:
        _tell(inspections, list_histories=list_histories, list_late=list_late, list_gaps=list_gaps)
    if findings:
        raise typer.Exit(1)


def _tell(inspections: dict[Path, Inspection], *, list_histories: bool, list_late: bool, list_gaps: bool) -> None:
    for pack, inspection in inspections.items():
        for finding in inspection.findings:
            typer.echo(str(finding))
        typer.echo(f"{pack}: {_count(inspection.findings)}")
        by_kind = _by_kind(_histories(inspection))
        if list_histories and inspection.document is not None and inspection.document.lifecycle is None:
            typer.echo("  histories: none are known; a `lifecycle` in the pack says which status follows which")
        elif list_histories and not by_kind and not inspection.findings:
            typer.echo("  histories: none is worth a look")
        elif list_histories:
            _list(by_kind)
        elif by_kind:
            counts = ", ".join(f"{len(found)} {kind}" for kind, found in by_kind.items())
            typer.echo(f"  histories worth a look: {counts}; --histories lists them")
        _tell_late(_late(inspection), listed=list_late)
        _tell_catch_all(inspection, listed=list_gaps)
        for words in _advice(inspection):
            typer.echo(f"  {words}")


def _tell_late(rules: Sequence[LateRule], *, listed: bool) -> None:
    if not rules:
        return
    hint = "" if listed else "; --late lists them"
    typer.echo(f"  late messages: {len(rules)} rules name no state for one once a later message has{hint}")
    for rule in rules if listed else ():
        typer.echo(f"    {rule.rule}: {rule.why}")


def _tell_catch_all(inspection: Inspection, *, listed: bool) -> None:
    caught, document = _catch_all(inspection), inspection.document
    if caught is None or document is None:
        return
    hint = "" if listed else "; --gaps lists what only it takes"
    typer.echo(f"  gaps: none can be seen, for the last rule '{caught.rule}' takes whatever the others leave{hint}")
    for words in only_caught(document) if listed else ():
        typer.echo(f"    {words}")
    if caught.parks_early is not None:
        what = f"'{caught.rule}' parks deltas that come before their job"
        remedy = f"with `{caught.parks_early}`" if caught.parks_early else "it takes nothing else, and without it"
        typer.echo(f"  waiting: {what}; {remedy} they wait for it instead")


def _list(by_kind: dict[Kind, list[History]]) -> None:
    for kind, found in by_kind.items():
        typer.echo(f"  {kind} ({len(found)}): {_MEANINGS[kind]}")
        for history in found:
            typer.echo(f"    {' > '.join(history.steps)}  (rule {history.rule}): {history.why}")


def _by_kind(found: Sequence[History]) -> dict[Kind, list[History]]:
    kinds = {kind: [history for history in found if history.kind is kind] for kind in _MEANINGS}
    return {kind: histories for kind, histories in kinds.items() if histories}


def _histories(inspection: Inspection) -> Sequence[History]:
    """A pack with problems has no histories: its rules may not mean what they say."""
    if inspection.findings or inspection.document is None:
        return ()
    return histories(inspection.document)


def _advice(inspection: Inspection) -> Sequence[str]:
    return () if inspection.findings or inspection.document is None else advice_on(inspection.document)


def _late(inspection: Inspection) -> Sequence[LateRule]:
    return () if inspection.findings or inspection.document is None else late_rules(inspection.document)


def _json(findings: Sequence[Finding], inspections: dict[Path, Inspection]) -> dict[str, object]:
    walked = {str(pack): _histories(inspection) for pack, inspection in inspections.items()}
    histories = {pack: [asdict(history) for history in found] for pack, found in walked.items() if found}
    late = {str(pack): [asdict(rule) for rule in found] for pack, one in inspections.items() if (found := _late(one))}
    caught = {str(pack): asdict(rule) for pack, one in inspections.items() if (rule := _catch_all(one)) is not None}
    problems = [asdict(one) for one in findings]
    advice = {str(pack): list(words) for pack, one in inspections.items() if (words := _advice(one))}
    return {"problems": problems, "histories": histories, "late": late, "catch_all": caught, "advice": advice}


def _catch_all(inspection: Inspection) -> CatchAll | None:
    return None if inspection.findings or inspection.document is None else catch_all_of(inspection.document)


def _count(findings: Sequence[Finding]) -> str:
    return "no problems" if not findings else f"{len(findings)} problem{'s' if len(findings) > 1 else ''}"
