"""A starter pack from sample messages: guesses the paths, codes and dates, and marks what only a person can know.

A guess stands in the file with a comment; what cannot be guessed is a TODO in a comment beside a value that makes the
pack load, so that the operator can go from one to the next with the checker at hand.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%dT%H:%M:%S.%f%z",
    "%Y-%m-%dT%H:%M%z",
    "%Y-%m-%dT%H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%Y%m%d%H%M%S",
)
_CODE = re.compile(r"[A-Z][A-Z0-9_-]{0,15}|[a-z][a-z0-9_]{0,15}")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_CODES = 30


@dataclass(slots=True)
class Input:
    """A path of the samples with the values that came there, and in how many samples."""

    path: str
    name: str
    values: list[object] = field(default_factory=list)
    seen: int = 0


def starter(name: str, samples: Sequence[object]) -> str:
    """Write `pack.yaml`. `samples` are decoded messages, each an object."""
    inputs = _inputs(samples)
    roles = _roles(inputs, len(samples))
    return "".join(_sections(name, inputs, roles, len(samples)))


def _inputs(samples: Sequence[object]) -> list[Input]:
    found: dict[str, Input] = {}
    for sample in samples:
        for path, value in _leaves("$", sample):
            known = found.setdefault(path, Input(path, _name(path, {one.name for one in found.values()})))
            known.seen += 1
            known.values.append(value)
    return list(found.values())


def _leaves(path: str, data: object) -> Iterable[tuple[str, object]]:
    """Give what is no object, and no list of objects, with its path."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _leaves(f"{path}.{key}" if _PLAIN.fullmatch(key) else f"{path}['{key}']", value)
    elif isinstance(data, list) and data and isinstance(data[0], dict):
        yield from _leaves(f"{path}[0]", data[0])
    else:
        yield path, data


def _name(path: str, taken: set[str]) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", path.removeprefix("$"))
    name = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_") or "value"
    name = name if name[0].isalpha() else f"f_{name}"
    return next(one for one in (name, *(f"{name}_{n}" for n in range(2, 1000))) if one not in taken)


Roles = Mapping[str, Input | None]

_WORDS: Mapping[str, tuple[str, ...]] = {
    "message_id": ("msg_id", "message_id", "event_id", "msgid", "eventid", "uuid"),
    "job": ("job_no", "job_id", "job", "work_order", "workorder", "order_no", "order_id", "wo_no", "activity_id"),
    "version": ("version", "job_ver", "ver", "sequence", "seq", "revision"),
    "occurred_at": ("ts", "timestamp", "changed_at", "updated_at", "time", "modified"),
    "status": ("stat", "status", "state"),
    "visit": ("visit_no", "visit_id", "visit", "appointment_id", "appointment"),
    "start": ("win_from", "window_start", "start", "from", "begin"),
    "end": ("win_to", "window_end", "end", "to", "finish"),
    "site": ("site_id", "site", "location_id", "location"),
    "ticket": ("tt_no", "ticket", "ticket_id", "case_id", "incident"),
    "minutes": ("est_min", "minutes", "duration"),
    "task": ("tasks", "task", "activity", "description", "title"),
}
_MOMENTS = ("occurred_at", "start", "end")


def _roles(inputs: Sequence[Input], samples: int) -> dict[str, Input | None]:
    """Guess which input is what; nothing is two things."""
    roles: dict[str, Input | None] = {}
    taken: set[str] = set()
    for role, words in _WORDS.items():
        free = [one for one in inputs if one.path not in taken and _fits(role, one, samples)]
        found = min(free, key=lambda one: _distance(one.name, words), default=None)
        roles[role] = found if found is not None and _distance(found.name, words) < _FAR else None
        if roles[role] is not None and found is not None:
            taken.add(found.path)
    return roles


_FAR = 1000


def _distance(name: str, words: Sequence[str]) -> int:
    parts = name.split("_")
    for rank, word in enumerate(words):
        if name == word or name.endswith(f"_{word}"):
            return rank
    for rank, word in enumerate(words):
        if word in parts:
            return len(words) + rank
    return _FAR


def _fits(role: str, one: Input, samples: int) -> bool:
    kind = _type(one)[0]
    if role in _MOMENTS:
        return kind == "datetime"
    if role in ("version", "minutes"):
        return kind == "integer" and (role != "version" or one.seen == samples)
    return kind in ("text", "code", "integer", "list") and (role not in ("job", "status") or one.seen == samples)


def _present(one: Input) -> list[object]:
    return [value for value in one.values if value not in (None, "")]


def _type(one: Input) -> tuple[str, str | None]:
    """Guess the type of an input, and the format of a date."""
    values = _present(one)
    if values and all(isinstance(value, bool) for value in values):
        return "boolean", None
    if values and all(isinstance(value, list) for value in values):
        return "list", None
    texts = [value for value in values if isinstance(value, str)]
    if values and len(texts) == len(values):
        pattern = next((each for each in _FORMATS if all(_reads(text, each) for text in texts)), None)
        if pattern is not None:
            return "datetime", pattern
        if all(text.isascii() and text.isdigit() and str(int(text)) == text for text in texts):
            return "integer", None
        return ("code", None) if _are_codes(texts) else ("text", None)
    return ("integer", None) if values and all(isinstance(value, int) for value in values) else ("text", None)


def _reads(text: str, pattern: str) -> bool:
    try:
        datetime.strptime(text, pattern)  # noqa: DTZ007 - only asks whether it fits
    except ValueError:
        return False
    return True


def _are_codes(texts: Sequence[str]) -> bool:
    different = set(texts)
    return len(different) <= _MOST_CODES and all(_CODE.fullmatch(text) for text in texts) and not _digits(different)


def _digits(texts: Iterable[str]) -> bool:
    """Keys look like codes, but hold running numbers."""
    return any(sum(character.isdigit() for character in text) > 2 for text in texts)


def _sections(name: str, inputs: Sequence[Input], roles: Roles, samples: int) -> Iterable[str]:
    yield _HEAD.format(name=name, samples=samples)
    yield from _inbound(roles)
    yield "\n# What is read of a message. A code that is not listed parks its message: are these all?\nfields:\n"
    yield from (_field(one, samples) for one in inputs if one not in (roles["message_id"], roles["version"]))
    if not any(roles[role] for role in _MOMENTS):
        yield from _UNKNOWN_WINDOW
    yield from _rules(roles)
    yield from _outputs(roles, samples)


_UNKNOWN_WINDOW = (
    "  # TODO: no dates were found in the samples; where does the WFM say when somebody comes?\n",
    '  window_start: {path: $.start, type: datetime, format: "%Y-%m-%d %H:%M", empty: absent, nulls: absent}\n',
    '  window_end: {path: $.end, type: datetime, format: "%Y-%m-%d %H:%M", empty: absent, nulls: absent}\n',
)

_HEAD = """\
# A starter pack, guessed from {samples} sample message(s). Go through the TODOs; `mef-bridge mapping check` and
# `mef-bridge mapping explain` tell you how far you are. docs/packs.md explains every key.

pack: {name}
version: "0.1"
zone: UTC                          # TODO: the zone of times that have none of their own, such as Europe/Warsaw

"""


def _inbound(roles: Roles) -> Iterable[str]:
    yield "inbound:\n"
    yield "  exchange: wfm.events             # TODO: the exchange that the WFM publishes to\n"
    yield '  bindings: ["#"]                  # TODO: the routing keys that are wanted\n'
    yield "  format: json\n"
    yield from _path_line("message_id", roles["message_id"])
    job = roles["job"]
    yield f"  job: {json.dumps(job.path if job else '$.job')}" + (
        "\n" if job else "   # TODO: where the job's key stands\n"
    )
    yield from _path_line("version", roles["version"])
    if roles["occurred_at"] is not None:
        yield f"  occurred_at: {roles['occurred_at'].name}\n"


def _path_line(key: str, one: Input | None) -> Iterable[str]:
    if one is not None:
        yield f"  {key}: {json.dumps(one.path)}\n"


def _field(one: Input, samples: int) -> str:
    kind, pattern = _type(one)
    parts = [f"path: {json.dumps(one.path)}", *([f"type: {kind}"] if kind != "text" else [])]
    if kind == "code":
        codes = dict.fromkeys(value for value in _present(one) if isinstance(value, str))
        parts.append(f"values: {json.dumps(list(codes), ensure_ascii=False)}")
    if pattern is not None:
        parts.append(f"format: {json.dumps(pattern)}")
    if _is_sure(one, samples):
        parts.append("required: true")
    parts += ["empty: absent"] if "" in one.values else []
    parts += ["nulls: absent"] if None in one.values else []
    return f"  {one.name}: {{{', '.join(parts)}}}\n"


def _is_sure(one: Input, samples: int) -> bool:
    return one.seen == samples and len(_present(one)) == samples


def _rules(roles: Roles) -> Iterable[str]:
    yield "\n# What a message means; the first rule whose conditions hold decides. A goal looks like\n"
    yield "#   then: {work_order: open, appointment_required: true, creates: true}\nrules:\n"
    status = roles["status"]
    if status is not None and _type(status)[0] == "code":
        for number, code in enumerate(dict.fromkeys(map(str, _present(status))), 1):
            yield f"  - rule: status-{number}\n    when: {{{status.name}: {json.dumps(code, ensure_ascii=False)}}}\n"
            why = json.dumps(f"TODO: what does {code} mean to the Buyer?", ensure_ascii=False)
            yield f"    then: {{park: {why}}}\n"
    if status is None or _type(status)[0] != "code" or not _is_sure(status, status.seen):
        yield "  - rule: anything-else\n    then: {park: Nobody has said what this means}\n"


def _outputs(roles: Roles, samples: int) -> Iterable[str]:
    def value(role: str, default: object) -> str:
        one = roles[role]
        literal = json.dumps(default)
        if one is None:
            return f"{literal}   # TODO"
        if _is_sure(one, samples):
            return f"{{value: {one.name}}}"
        return f"{{value: {one.name}, default: {literal}}}"

    yield "\n# What the Buyer sees of a job.\nwork_order:\n"
    yield "  buyer: a-buyer                   # TODO: who may see the job; a field with a table of customers, say\n"
    yield "  place:\n    - type: GeographicSiteRef\n      role: WORK_LOCATION\n      attributes:\n"
    yield f"        id: {value('site', 'a-site')}\n"
    yield f"  duration:\n    unit: MIN\n    amount: {value('minutes', 60)}\n"
    yield "  contacts:                        # TODO: how to reach the dispatch desk\n"
    yield f"    - role: technicalContact\n{_DESK}"
    yield "  related_entity:\n    - role: parentTroubleTicket\n      referred_type: TroubleTicket\n"
    yield f"      id: {value('ticket', 'unknown')}\n"
    yield f"  task: {value('task', 'Visit')}\n"
    yield from _visit(roles)


_DESK = """\
      name: Dispatch
      number: "+00 000 000"
      email_address: dispatch@wfm.example
"""


def _visit(roles: Roles) -> Iterable[str]:
    yield "\n# What the Buyer sees of a visit.\nappointment:\n"
    if roles["visit"] is not None:
        yield f"  visit: {{value: {roles['visit'].name}}}\n"
    start = roles["start"] or roles["end"] or roles["occurred_at"]
    end = roles["end"] or start
    yield "  # TODO: which fields say when somebody comes?\n" if roles["start"] is None else ""
    yield "  window:\n"
    yield f"    start: {{value: {start.name if start is not None else 'window_start'}}}\n"
    yield f"    end: {{value: {end.name if end is not None else 'window_end'}}}\n"
    yield "  seller_contact:\n    default:                       # TODO: who stands in while nobody is assigned\n"
    yield _DESK
    yield "\n# TODO: commands (search, book, reschedule, cancel, note, ticket): docs/packs.md shows them.\n"
