"""Checks of the names of fields: those that stand for something else already would never be asked for."""

from bridge.mapping.checks.report import Report
from bridge.mapping.document import PackDocument
from bridge.mapping.reading.references import STATE_COLUMNS


def check_names(document: PackDocument, report: Report) -> None:
    """Check that each name means one thing."""
    for name, spec in document.fields.items():
        for loc, one in (
            (("fields", name), name),
            *((("fields", name, "fields", inner), inner) for inner in spec.fields),
        ):
            if one in STATE_COLUMNS:
                message = f"{one} is what the Buyer sees now; give this field another name"
                report.add_key(loc, "duplicate-name", message)
    fault = document.fields.get("fault")
    if document.attribution is not None and fault is not None and fault.attribution is None:
        message = "attribution makes the field fault; give this one another name"
        report.add_key(("fields", "fault"), "duplicate-name", message)
