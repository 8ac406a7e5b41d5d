"""What is wrong with a pack beyond its shape: unknown names, codes that never come, empty promises, gaps.

Everything is reported at once, each problem at its place. `check` finds what would keep a pack from being compiled;
`prove` also looks at every situation the decision table can meet.
"""

from collections.abc import Sequence

from bridge.mapping.checks.commands import check_commands
from bridge.mapping.checks.inputs import check_inputs
from bridge.mapping.checks.lifecycle import check_lifecycle
from bridge.mapping.checks.outputs import check_outputs
from bridge.mapping.checks.proofs import check_proofs
from bridge.mapping.checks.references import References
from bridge.mapping.checks.report import Report
from bridge.mapping.checks.rules import check_rules
from bridge.mapping.document import PackDocument
from bridge.yaml_source import Finding, YamlSource


def check(document: PackDocument, source: YamlSource, rules: Sequence[int] | None = None) -> tuple[Finding, ...]:
    """List the problems of a document, in the order of the file; none means that it can be compiled.

    `rules` are the indexes in the file of the document's rules, where some of the file were left out.
    """
    report = Report(source, rules)
    references = References(document, report)
    check_inputs(document, references, report)
    check_rules(document, references, report)
    check_outputs(document, references, report)
    check_commands(document, report)
    check_lifecycle(document, references, report)
    return tuple(sorted(set(report.findings)))


def prove(document: PackDocument, source: YamlSource) -> tuple[Finding, ...]:
    """List what a document that can be compiled does not provide for, in the order of the file, the shortest first."""
    report = Report(source)
    check_proofs(document, report)
    return tuple(sorted(dict.fromkeys(report.findings), key=lambda one: (one.line, one.column)))
