"""The cases of a pack as they stand beside it: `cases/*.yaml`, and the messages that they share."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from pydantic import BaseModel

from bridge.errors import PermanentError
from bridge.mapping.loader import load_document
from bridge.mapping.pack import Pack
from bridge.packtools.case_messages import NamedMessages
from bridge.packtools.cases import Case, Templates
from bridge.packtools.cases_run import CaseResult, run_case
from bridge.packtools.coverage import Coverage
from bridge.yaml_source import Finding, InvalidDocument, YamlSource, read_yaml, validate

CASES = "cases"
SHARED = "messages.yaml"
"""The messages that the cases of a pack share; no case itself."""

Made = TypeVar("Made", bound=BaseModel)

Results = Sequence[tuple[Path, CaseResult]]


class NoCases(PermanentError):
    """A pack without cases proves nothing."""


def run_cases(directory: Path, pack: Pack) -> tuple[Results, Coverage]:
    """Run all cases of a pack, which are in its directory. Raises as `load_cases`."""
    coverage = Coverage(pack.document)
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


def places(path: Path) -> Sequence[str]:
    """Say where each step of a case stands in its file."""
    source = read_yaml(path)
    return [f"{path}:{source.position(('steps', number))[0]}" for number in range(len(source.data["steps"]))]
