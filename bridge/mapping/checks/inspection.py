"""All that is wrong with a pack file, as far as it can be read: shape, meaning and proofs in one list.

Where the shape of one field, table, rule or command is wrong, the rest of the document is looked at without it, so that
an operator needs one round of repairs and not three.
"""

import json
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from bridge.mapping.checker import check, prove
from bridge.mapping.document import PackDocument
from bridge.yaml_source import Finding, Problem, YamlSource, problems_of

_UNITS: Final = ("fields", "tables", "rules", "commands")
_GONE: Final = object()


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found, in the order of the file. `document` is None where the shape is wrong."""

    findings: tuple[Finding, ...]
    document: PackDocument | None


def inspect(source: YamlSource) -> Inspection:
    """List every problem of a pack that was read."""
    try:
        document = _validated(source.data)
    except ValidationError as error:
        problems = problems_of(error, PackDocument)
        findings = {*map(source.place, problems), *_beside(source, problems)}
        return Inspection(tuple(sorted(findings)), None)
    return Inspection(_proven(document, source, check(document, source)), document)


def _proven(document: PackDocument, source: YamlSource, found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Add what the proofs find; they need rules that mean something, but dead ones don't disturb them."""
    if any(one.kind != "unreachable" for one in found):
        return found
    dead = {(one.line, one.column) for one in found}
    proven = [one for one in prove(document, source) if (one.line, one.column) not in dead]
    return tuple(sorted((*proven, *found), key=lambda one: (one.line, one.column)))


def _validated(data: object) -> PackDocument:
    return PackDocument.model_validate_json(json.dumps(data))


def _beside(source: YamlSource, problems: Sequence[Problem]) -> Iterable[Finding]:
    """Find what else is wrong in a document whose shape is; nothing where what is left is no pack."""
    data = deepcopy(source.data)
    for problem in problems:
        _leave_out(data, problem)
    left_out = {str(problem.path[1]) for problem in problems if len(problem.path) > 1 and problem.path[0] in _UNITS}
    kept = _without_gone_rules(data)
    try:
        document = _validated(data)
    except ValidationError:
        return []
    return [one for one in check(document, source, kept) if not _follows(one, left_out)]


def _leave_out(data: dict[str, Any], problem: Problem) -> None:
    """Leave out the whole unit that a problem is in; outside of units, the value or key itself."""
    is_unit = len(problem.path) > 1 and problem.path[0] in _UNITS
    path = problem.path[:2] if is_unit else problem.path
    parent: Any = data
    for part in path[:-1]:
        parent = parent[int(part)] if isinstance(parent, list) else parent.get(part, {})
    if isinstance(parent, list):
        parent[int(path[-1])] = _GONE
    elif path:
        parent.pop(path[-1], None)


def _without_gone_rules(data: dict[str, Any]) -> tuple[int, ...]:
    """Take the broken rules out; give the old indexes of the others."""
    rules = data.get("rules")
    if not isinstance(rules, list):
        return ()
    kept = tuple(index for index, rule in enumerate(rules) if rule is not _GONE)
    data["rules"] = [rules[index] for index in kept]
    return kept


def _follows(finding: Finding, left_out: Iterable[str]) -> bool:
    """Tell whether something is only missing because it was left out."""
    if finding.kind in ("missing-command", "unknown-token"):
        return True
    return finding.kind in ("unknown-field", "unknown-table") and any(
        f"'{name}'" in finding.message for name in left_out
    )
