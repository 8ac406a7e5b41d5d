"""What is wrong with a pack beyond its shape: unknown names, codes that never come, empty promises, gaps.

The shape of a pack is the business of `document`: a key that does not exist, a value of a wrong kind. Here is asked
whether the parts fit each other, in two rounds. `check` takes each part by itself: every name refers to something,
every value can be of the type that is wanted of it, and is there where the standard requires it. A document that passes
compiles, and what it compiles to raises on no message: whatever is wrong then is wrong with the message, which is
parked. `prove` takes the decision table as a whole: is there a rule for each situation, and does each rule decide some?
It needs a table whose names mean something, so it comes second.

Everything is reported at once, each problem at its place (`report`). A check says what is expected and what to write;
it says nothing of what another one reports already.
"""

from bridge.mapping.checks.commands import check_commands
from bridge.mapping.checks.fields import check_fields
from bridge.mapping.checks.inbound import check_inbound, check_xml_lists, check_xml_names
from bridge.mapping.checks.message_tests import check_message_tests
from bridge.mapping.checks.outputs import check_outputs
from bridge.mapping.checks.proofs.gaps import check_proofs
from bridge.mapping.checks.reference_types import References
from bridge.mapping.checks.replies import check_replies
from bridge.mapping.checks.report import LeftOut, Report
from bridge.mapping.checks.rules import check_lifecycle, check_rules
from bridge.mapping.document import PackDocument
from bridge.yaml_source import Finding, YamlSource


def check(document: PackDocument, source: YamlSource) -> tuple[Finding, ...]:
    """List the problems of a document, in the order of the file; none means that it can be compiled."""
    return tuple(sorted(set(checked(document, source).findings)))


def checked(document: PackDocument, source: YamlSource, left_out: LeftOut | None = None) -> Report:
    """Report the problems of a document, of which what is broken in the file may have been left out."""
    report = Report(source, left_out)
    references = References(document, report)
    check_inbound(document, report)
    check_message_tests(document, report)
    check_fields(document, references, report)
    check_rules(document, references, report)
    check_outputs(document, references, report)
    check_commands(document, report)
    check_replies(document, report)
    check_lifecycle(document, references, report)
    check_xml_lists(document, report)
    check_xml_names(document, report)
    return report


def prove(document: PackDocument, source: YamlSource) -> tuple[Finding, ...]:
    """List what a sound decision table does not provide for, in the order of the file, the shortest first."""
    report = Report(source)
    check_proofs(document, report)
    return tuple(sorted(dict.fromkeys(report.findings), key=lambda one: (one.line, one.column)))
