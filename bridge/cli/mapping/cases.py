"""`mef-bridge mapping test`: runs a pack's cases and tells what they cover."""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Generic, NamedTuple, TypeVar, get_args
from xml.etree import ElementTree as Xml

import typer
from pydantic import BaseModel

from bridge.cli.mapping.directories import directory_of
from bridge.errors import PermanentError
from bridge.mapping.loader import load_document, load_pack
from bridge.packtools.case_messages import NamedMessages
from bridge.packtools.cases import Case, Templates
from bridge.packtools.cases_run import CaseResult, Difference, StepResult, run_case
from bridge.packtools.coverage import Coverage, Kind
from bridge.yaml_source import Finding, InvalidDocument, YamlSource, read_yaml, validate

CASES = "cases"
SHARED = "messages.yaml"
"""The messages that the cases of a pack share; no case itself."""

Made = TypeVar("Made", bound=BaseModel)

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
    tell_all: Annotated[
        bool, typer.Option("--all", help="Tell of every failed step, not only of the first of each case.")
    ] = False,
    junit: Annotated[Path | None, typer.Option(help="Write the results there as JUnit XML.")] = None,
) -> None:
    """Run a pack's cases; exit code 1 if one comes out otherwise, or they cover less than is asked for."""
    results, coverage = run_cases(pack)
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


def run_cases(directory: Path) -> tuple[Results, Coverage]:
    """Run all cases of a pack. Raises `NoCases`, or `InvalidDocument` with the problems of all the files."""
    pack, coverage = load_pack(directory), Coverage(load_document(directory))
    return [(path, run_case(case, pack, coverage)) for path, case in load_cases(directory)], coverage


def load_cases(directory: Path) -> list[tuple[Path, Case]]:
    """Load the cases of a pack, by file name, with their messages written out.

    Raises `NoCases`, or `InvalidDocument` with the problems of all the files.
    """
    paths = sorted(path for path in (directory / CASES).glob("*.yaml") if path.name != SHARED)
    if not paths:
        raise NoCases(f"{directory / CASES}: there are no cases (*.yaml); a pack without cases proves nothing")
    findings: list[Finding] = []
    shared = _read_shared(directory / CASES / SHARED, findings)
    cases = [(path, _read(path, Case, findings)) for path in paths]
    written = _written_out(directory, shared, cases, findings)
    if findings:
        raise InvalidDocument(findings)
    return written


class _FromFile(NamedTuple, Generic[Made]):
    """What a file says; None where that has mistakes, and the source too where it is no YAML."""

    made: Made | None
    source: YamlSource | None


def _read(path: Path, model: type[Made], findings: list[Finding]) -> _FromFile[Made]:
    source = None
    try:
        source = read_yaml(path)
        return _FromFile(validate(model, source), source)
    except InvalidDocument as invalid:
        findings += invalid.findings
        return _FromFile(None, source)


def _read_shared(path: Path, findings: list[Finding]) -> _FromFile[Templates] | None:
    """Read the messages that the cases share; without their key on top, that is all that is wrong."""
    if not path.exists():
        return None
    found: list[Finding] = []
    shared = _read(path, Templates, found)
    if shared.source is not None and isinstance(shared.source.data, dict) and "messages" not in shared.source.data:
        why = "the key 'messages' is missing on top; write it there, and the messages below it, each by its name"
        found = [shared.source.finding((), "missing-key", why)]
        shared = _FromFile(None, None)
    findings += found
    return shared


def _written_out(
    directory: Path,
    shared: _FromFile[Templates] | None,
    cases: Sequence[tuple[Path, _FromFile[Case]]],
    findings: list[Finding],
) -> list[tuple[Path, Case]]:
    """Put named messages where steps ask for them; where none does, the pack's paths need not be known."""
    made = [(path, case) for path, (case, _) in cases if case is not None]
    if shared is None and len(made) == len(cases) and not any(case.names_messages for _, case in made):
        return made
    named = NamedMessages(load_document(directory), findings, are_all=shared is None or shared.source is not None)
    if shared is not None and shared.source is not None:
        if shared.made is not None:
            named.add(shared.made.messages, shared.source)
        else:
            named.add_readable(shared.source.data["messages"], shared.source)
    return list(_filled(named, cases))


def _filled(named: NamedMessages, cases: Sequence[tuple[Path, _FromFile[Case]]]) -> Iterator[tuple[Path, Case]]:
    for path, (case, source) in cases:
        if case is not None and source is not None:
            yield path, named.filled(case, source)
        elif source is not None:
            named.look_through(source.data, source)


def _tell(path: Path, result: CaseResult, *, every: bool) -> None:
    typer.echo(f"{'ok  ' if result.passed else 'FAIL'} {path.name}: {result.case}")
    places = () if result.passed and not any(step.show for step in result.steps) else _places(path)
    for line in (*shown(result, places), *differences(result, places, every=every)):
        typer.echo(f"       {line}")


def _places(path: Path) -> Sequence[str]:
    """Say where each step of a case stands in its file."""
    source = read_yaml(path)
    return [f"{path}:{source.position(('steps', number))[0]}" for number in range(len(source.data["steps"]))]


def differences(result: CaseResult, places: Sequence[str] = (), *, every: bool = False) -> list[str]:
    """Say what came out otherwise; empty where all came out as expected. `places` says where the steps stand.

    Of the first step that failed all is told, of others, which may have failed for that alone, only if `every`.
    """
    failed = [step for step in result.steps if step.differences]
    lines = [line for step in (failed if every else failed[:1]) for line in _failed(step, places)]
    if len(failed) > 1 and not every:
        others = [str(step.number) for step in failed[1:]]
        which = f"step {others[0]}" if len(others) == 1 else f"steps {', '.join(others)}"
        lines.append(f"{which} failed too, perhaps only because of it; --all tells of each")
    return lines


def shown(result: CaseResult, places: Sequence[str] = ()) -> list[str]:
    """Tell all that came of the steps that are to be shown, and are not told of as they failed."""
    first = next((step.number for step in result.steps if step.differences), None)
    steps = [step for step in result.steps if step.show and step.number != first]
    return [line for step in steps for line in (f"{_shown(step)}{_head(step, places)}", *_came(step, {"reads"}))]


def _shown(step: StepResult) -> str:
    """Say that a step is told of because it says so, and not because it failed."""
    return "" if step.differences else "shown: "


def _head(step: StepResult, places: Sequence[str]) -> str:
    place = f" at {places[step.number - 1]}" if places else ""
    return f"step {step.number}{place}" + (f" ({step.why})" if step.why else "")


def _failed(step: StepResult, places: Sequence[str]) -> list[str]:
    keys = {one.key.partition(".")[0] for one in step.differences}
    wanted = keys | ({"reads"} if step.show else set())
    return [_head(step, places), *(line for one in step.differences for line in _difference(one)), *_came(step, wanted)]


def _difference(difference: Difference) -> list[str]:
    return [
        f"  {difference.key}:",
        f"    - expected {_json(difference.expected)}",
        f"    + came     {_json(difference.came)}",
    ]


_SAID_ALREADY = ("reason", "parked", "ignored")  # in the head of the step


def _came(step: StepResult, keys: Collection[str]) -> list[str]:
    """Tell all that came of a step; what was read of the message only where one of the keys is about it."""
    came = {key: value for key, value in step.came.items() if key not in _SAID_ALREADY}
    if "reads" not in keys:
        came.pop("reads", None)
    return [
        "  all that came of it:",
        *(line for key, value in came.items() for line in _value_lines(key, value, "    ")),
    ]


def _value_lines(name: str, value: object, margin: str) -> Iterator[str]:
    """Tell a value in a line, what has parts in one for each of them; what is empty is left out."""
    if isinstance(value, dict) and name in _OPENED:
        lines = [line for key, one in value.items() for line in _value_lines(key, one, f"{margin}  ")]
        yield from [f"{margin}{name}:", *lines] if lines else []
    elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
        yield f"{margin}{name}:"
        yield from (f"{margin}  - {_json(one)}" for one in value)
    elif value not in (None, [], {}, ""):
        yield f"{margin}{name}: {_json(value)}"


_OPENED = ("reads", "sees", "work_order", "appointment")


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
