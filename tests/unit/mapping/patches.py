"""Small packs for the tests of one feature: the toy pack with some keys replaced, given as YAML."""

import json
from collections.abc import Callable
from typing import Any

from bridge.domain.model import Job, JobRef
from bridge.mapping.loader import make_pack
from bridge.mapping.pack import Awaits, Ignored, Pack, Translated, Unmapped
from bridge.yaml_source import InvalidDocument, parse_yaml
from tests.unit.mapping.builders import TOY, translate, work_order
from tests.unit.mapping.sources import source_of

BASE: dict[str, Any] = {
    **parse_yaml(TOY, "toy.yaml").data,
    "fields": {"kind": {"path": "$.kind"}},
    "policies": {"unoffered_window": "pass", "on_illegal": "follow_up"},
    "rules": [{"rule": "any", "then": {"work_order": "open", "creates": True}}],
    "work_order": {
        "buyer": "the-buyer",
        "place": [{"type": "GeographicSiteRef", "role": "SITE", "attributes": {"id": "S"}}],
        "duration": {"amount": 1, "unit": "HOUR"},
        "contacts": [{"role": "technicalContact", "name": "T", "number": "1", "email_address": "t@toy.example"}],
        "related_entity": [{"id": "TT", "role": "parent", "referred_type": "TroubleTicket"}],
        "task": "Look",
    },
    "appointment": {
        "window": {"start": {"value": "from"}, "end": {"value": "to"}},
        "seller_contact": {"default": {"name": "T", "number": "1", "email_address": "t@toy.example"}},
        "contacts": [
            {
                "role": ["buyerAppointmentContact", "appointmentPlaceContact"],
                "name": "B",
                "number": "2",
                "email_address": "b@buyer.example",
            }
        ],
    },
    "inbound": {"exchange": "toy.events", "bindings": ["#"], "job": "$.job"},
}
_WINDOW = {
    name: {"path": f"$.{name}", "type": "datetime", "format": "%Y-%m-%dT%H:%M:%S%z", "nulls": "absent"}
    for name in ("from", "to")
}


def merged(base: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Put a patch over data: mappings key by key, everything else as a whole; nothing takes a key away."""
    both = {key: merged(base[key], value) for key, value in patch.items() if _are_mappings(base.get(key), value)}
    return {key: value for key, value in {**base, **patch, **both}.items() if value is not None}


def _are_mappings(one: object, other: object) -> bool:
    return isinstance(one, dict) and isinstance(other, dict)


def pack_with(patch: str, base: dict[str, Any] = BASE) -> Pack:
    """The pack with the keys of a piece of YAML."""
    data = merged(base, parse_yaml(patch, "patch").data)
    data["fields"] = {**_WINDOW, **data["fields"]}
    return make_pack(source_of(data, "patched.yaml"))


def problems(patch: str) -> list[str]:
    """What is wrong with the pack with these keys, as `kind: message`."""
    try:
        pack_with(patch)
    except InvalidDocument as invalid:
        return [f"{finding.kind}: {finding.message}" for finding in invalid.findings]
    return []


def known_job(**record: object) -> Job:
    """A job that has come, with what is remembered of it."""
    return Job(ref=JobRef("toy", "J"), work_order=work_order(), record=record)


def outcome(pack: Pack, message: dict[str, Any], job: Job | None = None) -> str:
    """The rule that took the message, or why it is parked or waits."""
    result = translate(pack, {"job": "J", **message}, job)
    match result:
        case Translated():
            return result.update.rule
        case Ignored():
            return f"ignored by {result.rule}"
        case Awaits():
            return f"waits: {result.reason}"
        case Unmapped():
            return f"parked: {result.reason}"


def fields_of(pack: Pack, message: dict[str, Any], job: Job | None = None) -> dict[str, object]:
    """The typed values that the pack reads from a message, as explained."""
    result = translate(pack, {"job": "J", **message}, job)
    assert not isinstance(result, Awaits | Unmapped), result.reason
    told: Any = result.explanation["fields"]
    return {name: entry["value"] for name, entry in told.items() if name not in _WINDOW}


def history(pack: Pack, messages: list[dict[str, Any]], see: Callable[[Translated | Ignored], object]) -> list[object]:
    """Translate messages one after the other, each on the record that those before it left."""
    job, seen = Job(ref=JobRef("toy", "J")), []
    for message in messages:
        result = translate(pack, {"job": "J", **message}, job)
        assert not isinstance(result, Awaits | Unmapped), result.reason
        record = result.update.record if isinstance(result, Translated) else result.record
        job = Job(ref=job.ref, record=json.loads(json.dumps(record)))
        seen.append(see(result))
    return seen
