"""The text of a pack to begin with: guesses as they stand, and a TODO wherever a person must decide."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from bridge.mapping.formats.paths import MISSING
from bridge.packtools.starter.fields import Input, rule_names
from bridge.packtools.starter.kinds import deltas_of
from bridge.packtools.starter.roles import MOMENTS, Roles
from bridge.packtools.starter.samples import Samples

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN_PATH = re.compile(r"\$(\.[A-Za-z_][A-Za-z0-9_]*)+")

HEAD = """\
# A starter pack, guessed from {samples} sample message(s). Go through the TODOs; `mef-bridge mapping check`,
# `mapping test` and `mapping explain` tell you how far you are. docs/packs.md shows the way,
# docs/pack-reference.md has every key.

pack: {name}
version: "0.1"
zone: UTC                          # TODO: the zone of times that have none of their own, such as Europe/Warsaw

"""

_UNKNOWN_WINDOW = (
    "  # TODO: no dates were found in the samples; where does the WFM say when somebody comes?\n",
    '  window_start: {path: $.start, type: datetime, format: "%Y-%m-%d %H:%M", empty: absent, nulls: absent}\n',
    '  window_end: {path: $.end, type: datetime, format: "%Y-%m-%d %H:%M", empty: absent, nulls: absent}\n',
)

_DESK = """\
      name: Dispatch
      number: "+00 000 000"
      email_address: dispatch@wfm.example
"""


def text_of(value: object) -> str:
    """Write a value in one line, as JSON, which is YAML too once the characters that YAML forbids are escaped.

    A path of names needs no quotes, and people write none.
    """
    if isinstance(value, str) and _PLAIN_PATH.fullmatch(value):
        return value
    return "".join(map(_escaped, json.dumps(value, ensure_ascii=False)))


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    return f"\\u{ord(character):04x}" if character <= "\uffff" else f"\\U{ord(character):08x}"


def flow(value: object) -> str:
    """Write a value in one line, with keys as people write them."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name_of(key)}: {flow(item)}' for key, item in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow, value))}]"
    return text_of(value)


def name_of(key: str) -> str:
    """Write a key, in quotes where it needs them."""
    return key if _PLAIN.fullmatch(key) else text_of(key)


def sections(name: str, samples: Samples, inputs: Sequence[Input], roles: Roles) -> Iterator[str]:
    """Write all sections that a pack must have."""
    yield HEAD.format(name=name, samples=len(samples.messages))
    yield from _inbound(samples, inputs, roles)
    yield from _fields(inputs, roles)
    yield from _rules(roles)
    yield from _work_order(roles)
    yield from _appointment(roles)


def _inbound(samples: Samples, inputs: Sequence[Input], roles: Roles) -> Iterable[str]:
    yield "inbound:\n"
    yield "  exchange: wfm.events             # TODO: the exchange that the WFM publishes to\n"
    yield '  bindings: ["#"]                  # TODO: the routing keys that are wanted\n'
    yield f"  format: {samples.format}\n"
    xml = samples.xml.model_dump(exclude_defaults=True)
    if xml:
        yield f"  xml: {flow(xml)}\n"
    if samples.unpack:
        yield "  unpack:\n"
        unpacks = (one.model_dump(by_alias=True, exclude_none=True, exclude_unset=True) for one in samples.unpack)
        yield from (f"    - {flow(unpack)}\n" for unpack in unpacks)
    yield from _path_line("message_id", roles["message_id"])
    job = roles["job"]
    yield f"  job: {flow(job.paths if job else '$.job')}"
    yield "\n" if job else "   # TODO: where the job's key stands\n"
    yield from _version(roles["version"], roles["version_moment"])
    if roles["occurred_at"] is not None:
        yield f"  occurred_at: {roles['occurred_at'].name}\n"
    deltas = deltas_of(samples.messages, inputs, roles)
    if deltas is not None:
        yield "  # TODO: some samples do not say again what others said of their job before. Do those always say all?\n"
        yield f"  deltas: {flow(deltas)}\n"


def _version(one: Input | None, moment: Input | None) -> Iterable[str]:
    if moment is not None:
        yield "  # TODO: no counter was found, but this moment grows with each message of a job. Always?\n"
        yield f"  version: {{path: {flow(moment.paths)}, format: {text_of(moment.format)}}}\n"
    elif one is not None and not one.is_sure:
        yield f"  version: {{path: {flow(one.paths)}, optional: true}}   # some samples have none\n"
    else:
        yield from _path_line("version", one)


def _path_line(key: str, one: Input | None) -> Iterable[str]:
    if one is not None:
        yield f"  {key}: {flow(one.paths)}\n"


def _fields(inputs: Sequence[Input], roles: Roles) -> Iterable[str]:
    yield "\n# What is read of a message. A code that is not listed parks its message: are these all?\nfields:\n"
    identity = (roles["message_id"], roles["version"])
    yield from (_field(one) for one in inputs if one not in identity)
    if not any(roles[role] for role in MOMENTS):
        yield from _UNKNOWN_WINDOW


def _field(one: Input) -> str:
    if one.guess is None:
        return f"  # {text_of(one.path)}: no type of field reads what came there\n"
    source: dict[str, object] = {"path": one.paths}
    if one.joined is not None:
        source = {"join": [half.name for half in one.joined]}
    options: dict[str, object] = {**source, "type": one.type, **one.guess.options}
    if one.type == "text":
        options = source
    options |= {"required": True} if one.is_sure else {}
    options |= {"not_before": one.not_before} if one.not_before is not None else {}
    options |= dict.fromkeys(one.absent, "absent")
    note = f"   # {one.guess.hint}" if one.guess.hint else ""
    note = "   # of the first of a list; all of it: type: items" if "[0]" in one.path else note
    written = ", ".join(f"{key}: {_option(key, value)}" for key, value in options.items())
    return f"  {one.name}: {{{written}}}{note}\n"


def _option(key: str, value: object) -> str:
    return text_of(value) if key in ("path", "values", "format", "join", "required") else str(value)


def _rules(roles: Roles) -> Iterable[str]:
    yield "\n# What a message means; the first rule whose conditions hold decides. A goal looks like\n"
    yield "#   then: {work_order: open, appointment_required: true, creates: true}\nrules:\n"
    status = roles["status"]
    codes = _codes(status)
    if status is not None:
        for name, code in zip(rule_names(codes), codes, strict=True):
            yield f"  - rule: {name}\n    when: {{{status.name}: {text_of(code)}}}\n"
            yield f"    then: {{park: {text_of(f'TODO: what does {code} mean to the Buyer?')}}}\n"
    if status is None or status.type != "code" or not status.is_sure:
        yield "  - rule: anything-else\n    then: {park: Nobody has said what this means}\n"


def _codes(status: Input | None) -> list[str]:
    """List what the samples say of the status: its codes, or what may be one."""
    if status is None or status.guess is None:
        return []
    values = status.guess.options.get("values")
    if isinstance(values, list):
        return values
    return list(dict.fromkeys(str(one) for one in status.told if one not in (None, "", MISSING) and status.guess.hint))


def _value(one: Input | None, default: object) -> str:
    if one is None:
        return f"{text_of(default)}   # TODO"
    return f"{{value: {one.name}}}" if one.is_sure else f"{{value: {one.name}, default: {text_of(default)}}}"


def _work_order(roles: Roles) -> Iterable[str]:
    yield "\n# What the Buyer sees of a job.\nwork_order:\n"
    yield "  buyer: a-buyer                   # TODO: who may see the job; a field with a table of customers, say\n"
    yield "  place:\n    - type: GeographicSiteRef\n      role: WORK_LOCATION\n      attributes:\n"
    yield f"        id: {_value(_text(roles['site']), 'a-site')}\n"
    yield f"  duration:\n    unit: MIN\n    amount: {_value(roles['duration'], 60)}\n"
    yield "  contacts:                        # TODO: how to reach the dispatch desk\n"
    yield f"    - role: technicalContact\n{_DESK}"
    yield "  related_entity:\n    - role: parentTroubleTicket\n      referred_type: TroubleTicket\n"
    yield f"      id: {_value(_text(roles['ticket']), 'unknown')}\n"
    yield f"  task: {_value(roles['task'], 'Visit')}\n"


def _text(one: Input | None) -> Input | None:
    """A list is no text."""
    return one if one is not None and one.type != "list" else None


def _appointment(roles: Roles) -> Iterable[str]:
    yield "\n# What the Buyer sees of a visit.\nappointment:\n"
    visit = _text(roles["visit"])
    if visit is not None:
        yield f"  visit: {{value: {visit.name}}}\n"
    start = roles["start"] or roles["end"] or roles["occurred_at"]
    end = roles["end"] or start
    yield "  # TODO: which fields say when somebody comes?\n" if roles["start"] is None else ""
    yield "  window:\n"
    yield f"    start: {{value: {start.name if start is not None else 'window_start'}}}\n"
    yield f"    end: {{value: {end.name if end is not None else 'window_end'}}}\n"
    yield "  seller_contact:\n    default:                       # TODO: who stands in while nobody is assigned\n"
    yield _DESK
    yield "  contacts:                        # TODO: whom the Seller reaches about a visit that no Buyer has booked\n"
    yield "    - role: [buyerAppointmentContact, appointmentPlaceContact]\n"
    yield _DESK
