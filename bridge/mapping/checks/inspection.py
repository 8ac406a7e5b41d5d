"""All that is wrong with a pack file, as far as it can be read: shape, meaning and proofs in one list.

What is broken is left out and the rest looked at without it, so that an operator needs one round of repairs and not
three.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from bridge.mapping.checks.checker import checked, prove
from bridge.mapping.checks.left_out import LeftOut, Loc
from bridge.mapping.checks.proofs.remains import Remains
from bridge.mapping.document import PackDocument
from bridge.yaml_source import Finding, Problem, YamlSource, problems_of

_DECIDING: Final = ("fields", "tables", "rules", "attribution", "policies")
"""The sections that the proofs go by."""

_IN_FIELD: Final = 2  # parts of the place of a field

_MOST_ROUNDS: Final = 10  # what is left out can leave something incomplete; documents are less deep than this


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found, in the order of the file. `document` is None where the shape is wrong."""

    findings: tuple[Finding, ...]
    document: PackDocument | None


def inspect(source: YamlSource, found: Iterable[Finding] = (), unread: Iterable[Loc] = ()) -> Inspection:
    """List every problem of a pack that was read.

    `found` are the problems of reading it, and `unread` the places of what is not there because of them.
    """
    try:
        document = _validated(source.data)
    except ValidationError as error:
        missing = tuple(unread)
        problems = _own(problems_of(error, PackDocument), source)
        told = [source.place(one) for one in problems if one.path not in missing]
        beside = _beside(source, [*(problem.path for problem in problems), *missing])
        return Inspection(_in_order([*found, *told, *beside]), None)
    return Inspection(_in_order([*found, *_findings(document, source, LeftOut())]), document)


def _in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort by place; what is said of one place keeps its order."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda one: (one.file, one.line, one.column)))


def _findings(document: PackDocument, source: YamlSource, left_out: LeftOut) -> list[Finding]:
    """Check a document. The proofs need a table that means something, but dead rules don't disturb them."""
    report = checked(document, source, left_out)
    found = sorted(set(report.findings))
    if report.sections & {*_DECIDING} or any(left_out.explains((section,)) for section in _DECIDING):
        return found
    dead = {(one.line, one.column) for one in found if one.kind == "unreachable"}
    return [*found, *(one for one in prove(document, source) if (one.line, one.column) not in dead)]


def _validated(data: object) -> PackDocument:
    return PackDocument.model_validate_json(json.dumps(data))


def _own(problems: Sequence[Problem], source: YamlSource) -> list[Problem]:
    """Leave out those of made fields that only repeat what is wrong with the field that they take it from."""
    return [one for one in problems if not _is_inherited(one, source)] or list(problems)


def _is_inherited(problem: Problem, source: YamlSource) -> bool:
    if len(problem.path) <= _IN_FIELD or problem.path[0] != "fields":
        return False
    spec = source.data["fields"].get(problem.path[1])
    return isinstance(spec, dict) and problem.path[_IN_FIELD] not in spec


def _beside(source: YamlSource, broken: Sequence[Loc]) -> list[Finding]:
    """Find what else is wrong beside what is broken in its shape."""
    remains = Remains(source.data)
    for _ in range(_MOST_ROUNDS):
        data = remains.without(broken)
        try:
            return _findings(_validated(data), source, remains.left_out)
        except ValidationError as error:
            broken = [problem.path for problem in problems_of(error, PackDocument)]
    return []
