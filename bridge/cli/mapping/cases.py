"""`mef-bridge mapping test`: runs a pack's cases and tells what they cover."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple, get_args
from xml.etree import ElementTree as Xml

import typer

from bridge.cli.mapping.directories import directory_of
from bridge.errors import PermanentError
from bridge.mapping.loader import load_document, load_pack
from bridge.packtools.cases import Case
from bridge.packtools.cases_run import CaseResult, Difference, run_case
from bridge.packtools.coverage import Coverage, Kind
from bridge.yaml_source import Finding, InvalidDocument, read_yaml, validate

CASES = "cases"
_LISTED = 10  # unused codes named in the report

Results = Sequence[tuple[Path, CaseResult]]


class Minimum(NamedTuple):
    """How much of something the cases are to cover, in %."""

    kind: Kind
    percent: float


_MINIMUM = "[rules=|codes=|rows=]PERCENT"


def minimum(text: str) -> Minimum:
    """Read `90` or `rows=90`; a number alone is about the rules."""
    kind, _, percent = (text if "=" in text else f"rules={text}").partition("=")
    for known in get_args(Kind):
        if kind == known and re.fullmatch(r"\d{1,2}(\.\d+)?|100", percent):
            return Minimum(known, float(percent))
    raise typer.BadParameter(f"expected {_MINIMUM}, such as 100 or rows=90; got {text!r}")


class NoCases(PermanentError):
    """A pack without cases proves nothing."""


def run(
    pack: Annotated[
        Path, typer.Argument(help="Directory of the pack; its cases are in cases/*.yaml.", callback=directory_of)
    ],
    min_coverage: Annotated[
        list[Minimum] | None,
        typer.Option(parser=minimum, metavar=_MINIMUM, help="Fail below this part, in %, of the rules, codes or rows."),
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="Write the results there as JUnit XML.")] = None,
) -> None:
    """Run a pack's cases; exit code 1 if one comes out otherwise, or they cover less than is asked for."""
    results, coverage = run_cases(pack)
    for path, result in results:
        _tell(path, result)
    _tell_coverage(coverage)
    missed = [(kind, wanted) for kind, wanted in min_coverage or () if coverage.of(kind).percent < wanted]
    for kind, wanted in missed:
        typer.echo(f"too few {kind} covered: {coverage.of(kind).percent:.1f} %, expected at least {wanted:g} %")
    if junit is not None:
        Xml.ElementTree(junit_suite(pack.name, results)).write(junit, encoding="utf-8", xml_declaration=True)
    if not all(result.passed for _, result in results) or missed:
        raise typer.Exit(1)


def run_cases(directory: Path) -> tuple[Results, Coverage]:
    """Run all cases of a pack. Raises `NoCases`, or `InvalidDocument` with the problems of all the files."""
    pack, coverage = load_pack(directory), Coverage(load_document(directory))
    return [(path, run_case(case, pack, coverage)) for path, case in load_cases(directory)], coverage


def load_cases(directory: Path) -> list[tuple[Path, Case]]:
    """Load the cases of a pack, by file name."""
    paths = sorted((directory / CASES).glob("*.yaml"))
    if not paths:
        raise NoCases(f"{directory / CASES}: there are no cases (*.yaml); a pack without cases proves nothing")
    cases: list[tuple[Path, Case]] = []
    findings: list[Finding] = []
    for path in paths:
        try:
            cases.append((path, validate(Case, read_yaml(path))))
        except InvalidDocument as invalid:
            findings += invalid.findings
    if findings:
        raise InvalidDocument(findings)
    return cases


def _tell(path: Path, result: CaseResult) -> None:
    typer.echo(f"{'ok  ' if result.passed else 'FAIL'} {path.name}: {result.case}")
    for line in differences(result):
        typer.echo(f"       {line}")


def differences(result: CaseResult) -> list[str]:
    """Say what came out otherwise, step by step; empty where all came out as expected."""
    lines: list[str] = []
    for step in result.steps:
        if step.differences:
            lines.append(f"step {step.number}" + (f" ({step.why})" if step.why else ""))
            lines += [line for difference in step.differences for line in _difference(difference)]
    return lines


def _difference(difference: Difference) -> list[str]:
    return [
        f"  {difference.key}:",
        f"    - expected {_json(difference.expected)}",
        f"    + came     {_json(difference.came)}",
    ]


def _json(value: object) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def _tell_coverage(coverage: Coverage) -> None:
    typer.echo("coverage")
    for one in coverage.all():
        every = len(one.used) + len(one.unused)
        left = f"; never: {_named(one.unused)}" if one.unused else ""
        typer.echo(f"  {one.percent:5.1f} %  {one.what} ({len(one.used)} of {every}){left}")


def _named(names: Sequence[str]) -> str:
    more = f", … ({len(names)} in all)" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def junit_suite(pack: str, results: Results) -> Xml.Element:
    """Make the JUnit form: one suite for the pack, one test case for each case."""
    failed = sum(not result.passed for _, result in results)
    suite = Xml.Element("testsuite", name=pack, tests=str(len(results)), failures=str(failed), errors="0", time="0")
    for path, result in results:
        case = Xml.SubElement(suite, "testcase", classname=f"{pack}.{path.stem}", name=result.case, time="0")
        if not result.passed:
            failure = Xml.SubElement(case, "failure", message="it came out otherwise than expected")
            failure.text = "\n".join(differences(result))
    return suite
