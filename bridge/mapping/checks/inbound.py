"""Checks of `inbound`: what is put in order before anything is read has a place to be put."""

from bridge.mapping.checks.report import Report
from bridge.mapping.document import PackDocument
from bridge.mapping.paths import path_steps


def check_inbound(document: PackDocument, report: Report) -> None:
    """Check that what is unpacked can stand where it was found."""
    for index, unpack in enumerate(document.inbound.unpack):
        key, path = ("json", unpack.json_) if unpack.json_ is not None else ("pairs", unpack.pairs)
        steps = path_steps(path or "$")
        if not steps or not isinstance(steps[-1], str | int):
            message = f"'{path}' must end in a name or an index, such as $.payload: what is unpacked stands there then"
            report.add(("inbound", "unpack", index, key), "wrong-value", message)
