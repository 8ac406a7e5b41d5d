"""Checks of what is asked of a message before its fields are read: is it of a code that may come?

A test of `deltas` and `forgets` looks at the raw message. Where a field reads the same place, it is known what may
stand there. Messages that `ignore` leaves alone never get to their fields, so nothing is known of them.
"""

from collections.abc import Iterator

from bridge.mapping.checks.report import Loc, Report, known_hint
from bridge.mapping.document import FieldSpec, MessageTest, PackDocument
from bridge.mapping.formats.tidy import tidy
from bridge.mapping.formats.values import loosely
from bridge.mapping.reading.references import known_codes


def check_message_tests(document: PackDocument, report: Report) -> None:
    """Check that each code which a test of messages asks for may come."""
    for loc, test in _tests(document):
        readers = [spec for spec in document.fields.values() if test.path is not None and test.path in _paths(spec)]
        codes = {name: code for spec in readers for name, code in _codes(spec, document)}
        if not readers or any(not _is_closed(spec) for spec in readers):
            continue
        for scalar in test.fits.any or test.fits.not_ or ():
            written = str(scalar)
            if not any(_spelled(written, spec) in codes for spec in readers):
                hint = known_hint(written, dict.fromkeys(codes.values()))
                report.add((*loc, "fits"), "unknown-code", f"{test.path} is never '{written}'{hint}")


def _tests(document: PackDocument) -> Iterator[tuple[Loc, MessageTest]]:
    inbound = document.inbound
    for key, tests in (("only", inbound.deltas.only), ("unless", inbound.deltas.unless)):
        yield from ((("inbound", "deltas", key, index), test) for index, test in enumerate(tests or ()))
    yield from ((("inbound", "forgets", index), test) for index, test in enumerate(inbound.forgets))


def _paths(spec: FieldSpec) -> tuple[str, ...]:
    return spec.path or ()


def _is_closed(spec: FieldSpec) -> bool:
    """Tell whether any other code parks its message."""
    return spec.type == "code" and spec.values is not None and spec.table is None and spec.ignore_others is None


def _codes(spec: FieldSpec, document: PackDocument) -> Iterator[tuple[str, str]]:
    """Give the codes that may stand in a message, each as it is compared and as it is written."""
    table = document.tables.get(spec.table or "")
    for code in (*known_codes(spec, table), *(spec.keep or ()), *spec.synonyms):
        yield _spelled(code, spec), code


def _spelled(code: str, spec: FieldSpec) -> str:
    return loosely(code) if spec.loose else tidy(code)
