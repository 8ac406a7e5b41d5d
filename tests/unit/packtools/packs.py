"""Small packs for the tests of the tools: one frame, with the fields, tables and rules that a test needs."""

from typing import Any

from bridge.mapping.document import PackDocument
from bridge.yaml_source import YamlSource, validate
from tests.unit.mapping.sources import source_of

WINDOW_FORMAT = "%Y-%m-%dT%H:%M:%S%z"

FRAME: dict[str, Any] = {
    "pack": "small",
    "version": "1",
    "inbound": {"exchange": "small.events", "bindings": ["#"], "job": "$.job"},
    "fields": {
        "visit": {"path": "$.visit"},
        "start": {"path": "$.start", "type": "datetime", "format": WINDOW_FORMAT},
        "end": {"path": "$.end", "type": "datetime", "format": WINDOW_FORMAT},
    },
    "work_order": {
        "buyer": "buyer",
        "place": [{"type": "GeographicSiteRef", "role": "site", "attributes": {"id": "site"}}],
        "duration": {"amount": 1, "unit": "HOUR"},
        "contacts": [{"role": "technicalContact", "name": "A", "number": "1", "email_address": "a@a.example"}],
        "related_entity": [{"id": "1", "role": "ticket", "referred_type": "TroubleTicket"}],
        "task": "task",
    },
    "appointment": {
        "visit": {"value": "visit"},
        "window": {"start": {"value": "start"}, "end": {"value": "end"}},
        "seller_contact": {"default": {"name": "A", "number": "1", "email_address": "a@a.example"}},
        "contacts": [
            {
                "role": ["buyerAppointmentContact", "appointmentPlaceContact"],
                "name": "B",
                "number": "2",
                "email_address": "b@b.example",
            }
        ],
    },
}


def small(fields: dict[str, Any], rules: list[dict[str, Any]], **sections: Any) -> YamlSource:
    """The source of a small pack."""
    data = {**FRAME, "fields": {**FRAME["fields"], **fields}, "rules": rules, **sections}
    return source_of(data, "small.yaml")


def document(source: YamlSource) -> PackDocument:
    """The document of a source that has the right shape."""
    return validate(PackDocument, source)
