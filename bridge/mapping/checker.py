"""What is wrong with a pack beyond its shape: unknown names, codes that never come, empty promises.

Everything is reported at once, each problem at its place.
"""

from bridge.mapping.checks.commands import check_commands
from bridge.mapping.checks.inputs import check_inputs
from bridge.mapping.checks.outputs import check_outputs
from bridge.mapping.checks.references import References
from bridge.mapping.checks.report import Report
from bridge.mapping.checks.rules import check_rules
from bridge.mapping.document import PackDocument
from bridge.yaml_source import Finding, YamlSource


def check(document: PackDocument, source: YamlSource) -> tuple[Finding, ...]:
    """List the problems of a document, in the order of the file; none means that it can be compiled."""
    report = Report(source)
    references = References(document, report)
    check_inputs(document, references, report)
    check_rules(document, references, report)
    check_outputs(document, references, report)
    check_commands(document, report)
    return tuple(sorted(set(report.findings)))
