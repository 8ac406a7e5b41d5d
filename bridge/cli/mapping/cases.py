"""`mef-bridge mapping test`: runs a pack's cases and tells what they cover."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple, get_args
from xml.etree import ElementTree as Xml

import typer

from bridge.cli.mapping.directories import directory_of
from bridge.mapping.loader import load_pack
from bridge.packtools.case_files import Results, places, run_cases
from bridge.packtools.case_report import differences, shown
from bridge.packtools.cases_run import CaseResult
from bridge.packtools.coverage import Coverage, Kind

_LISTED = 10  # unused codes named in the report


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


def run(
    pack: Annotated[
        Path, typer.Argument(help="Directory of the pack; its cases are in cases/*.yaml.", callback=directory_of)
    ],
    min_coverage: Annotated[
        list[Minimum] | None,
        typer.Option(parser=minimum, metavar=_MINIMUM, help="Fail below this part, in %, of the rules, codes or rows."),
    ] = None,
    tell_all: Annotated[
        bool, typer.Option("--all", help="Tell of every failed step, not only of the first of each case.")
    ] = False,
    junit: Annotated[Path | None, typer.Option(help="Write the results there as JUnit XML.")] = None,
) -> None:
    """Run a pack's cases; exit code 1 if one comes out otherwise, or they cover less than is asked for."""
    results, coverage = run_cases(pack, load_pack(pack))
    for path, result in results:
        _tell(path, result, every=tell_all)
    _tell_coverage(coverage)
    missed = [(kind, wanted) for kind, wanted in min_coverage or () if coverage.of(kind).percent < wanted]
    for kind, wanted in missed:
        typer.echo(f"too few {kind} covered: {coverage.of(kind).percent:.1f} %, expected at least {wanted:g} %")
    if junit is not None:
        Xml.ElementTree(junit_suite(pack.name, results)).write(junit, encoding="utf-8", xml_declaration=True)
    if not all(result.passed for _, result in results) or missed:
        raise typer.Exit(1)


def _tell(path: Path, result: CaseResult, *, every: bool) -> None:
    typer.echo(f"{'ok  ' if result.passed else 'FAIL'} {path.name}: {result.case}")
    where = () if result.passed and not any(step.show for step in result.steps) else places(path)
    for line in (*shown(result, where), *differences(result, where, every=every)):
        typer.echo(f"       {line}")


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
