"""What a pack says of the messages on the bus, as JSON Schema: for AsyncAPI, not for validation. Pure.

A pack reads what it needs and lets the rest be, so every object is open. Paths that are no plain chain of names
(filters, positions) can't be drawn as properties; they are named in the description.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from bridge.domain.model import CommandKind
from bridge.mapping import document
from bridge.mapping.document.commands import Repeated, Template, TemplateValue
from bridge.mapping.formats.values import as_text

Json = dict[str, Any]

_PLAIN: Final = re.compile(r"\$(?:\.[A-Za-z_][A-Za-z0-9_]*)+")
_TYPES: Final[Mapping[document.FieldType, Json]] = {
    "text": {"type": "string"},
    "code": {"type": "string"},
    "integer": {"type": ["integer", "string"]},
    "boolean": {"type": ["boolean", "string"]},
    "datetime": {"type": ["string", "integer"]},
    "duration": {"type": ["string", "number"]},
    "list": {"type": ["array", "string"]},
    "items": {"type": "array"},
}


class _Drawing:
    """An object that grows by paths."""

    def __init__(self) -> None:
        self.schema: Json = {"type": "object", "properties": {}}
        self._beside: list[str] = []

    def add(self, path: str, schema: Json, *, required: bool = False) -> None:
        if not _PLAIN.fullmatch(path):
            self._beside.append(path)
            return
        *parents, last = path.split(".")[1:]
        node = self.schema
        for name in parents:
            _require(node, name, required=required)
            node = node["properties"].setdefault(name, {"type": "object", "properties": {}})
            node.setdefault("properties", {})
        _require(node, last, required=required)
        node["properties"][last] = {**node["properties"].get(last, {}), **schema}

    def done(self, description: str) -> Json:
        beside = f" Also read: {', '.join(self._beside)}." if self._beside else ""
        return {**self.schema, "description": description + beside}


def _require(node: Json, name: str, *, required: bool) -> None:
    if required and name not in node.setdefault("required", []):
        node["required"].append(name)


def inbound_schema(pack: document.PackDocument) -> Json:
    """The WFM's messages, as far as the pack reads them."""
    drawing, inbound = _Drawing(), pack.inbound
    for path in inbound.job.paths:
        sure = len(inbound.job.path or ()) < 2
        drawing.add(path, {"description": "Which job it is about."}, required=sure)
    for path in inbound.message_id.paths if inbound.message_id is not None else ():
        drawing.add(path, {"type": "string", "description": "Known again by this."})
    if inbound.version is not None:
        for path in inbound.version.path:
            drawing.add(path, {"description": "Grows with each change of the job."})
    _add_fields(drawing, pack.fields, may_lack=bool(inbound.deltas))
    return drawing.done(f"A message of the WFM, as far as the pack {pack.pack} reads it.")


def _add_fields(drawing: _Drawing, fields: Mapping[str, document.FieldSpec], *, may_lack: bool) -> None:
    for name, spec in fields.items():
        sure = spec.required and not may_lack and len(spec.path or ()) == 1
        for path in spec.path or ():
            drawing.add(path, _field(name, spec, may_lack=may_lack), required=sure)


def _field(name: str, spec: document.FieldSpec, *, may_lack: bool) -> Json:
    said = f"Read as {name}."
    if spec.format is not None:
        said += f" Written as {spec.format}."
    if spec.fields:
        return {**_TYPES[spec.type], "items": _item(name, spec, may_lack=may_lack), "description": said}
    if spec.values is None:
        return {**_TYPES[spec.type], "description": said}
    blank = [""] if spec.empty == "absent" else []
    return {"type": "string", "enum": [*spec.values, *blank], "description": said}


def _item(name: str, spec: document.FieldSpec, *, may_lack: bool) -> Json:
    if any("$" in (inner.path or ()) for inner in spec.fields.values()):
        return {"description": f"One of {name}, read as it is."}
    drawing = _Drawing()
    _add_fields(drawing, spec.fields, may_lack=may_lack)
    return drawing.done(f"One of {name}.")


def command_schema(spec: document.CommandSpec, kind: CommandKind) -> Json:
    """A command to the WFM, as its template writes it."""
    return {**_template(spec.body), "description": f"The command {kind.value}."}


def _template(template: Template) -> Json:
    if isinstance(template, TemplateValue):
        return _value(template)
    if isinstance(template, Repeated):
        return {
            "type": "array",
            "items": _template(template.item),
            "description": f"One for each of the {template.each}.",
        }
    if isinstance(template, dict):
        properties = {name: _template(value) for name, value in template.items()}
        return {
            "type": "object",
            "properties": properties,
            "required": [name for name, value in template.items() if not _may_lack(value)],
        }
    if isinstance(template, tuple):
        return {"type": "array", "items": [_template(value) for value in template]}
    return {"const": template}


def _may_lack(template: Template) -> bool:
    return isinstance(template, TemplateValue | Repeated) and template.omit


def _value(value: TemplateValue) -> Json:
    said = f"From {' or '.join(value.value)}."
    if value.format is not None:
        said += f" Written as {value.format}."
    written = {"type": "string"} if value.format is not None or value.table is not None else {}
    return {**written, "description": said}


def reply_schema(pack: document.PackDocument, reply: document.Reply, kind: CommandKind) -> Json:
    """The WFM's reply to a command, as far as the pack reads it."""
    drawing = _Drawing()
    _add_verdict(drawing, pack, reply)
    known_by = (pack.replies.correlation or ()) if pack.replies is not None else ()
    for path in known_by:
        said = "What the command wrote as correlation, by which its reply is known."
        drawing.add(path, {"type": ["string", "integer"], "description": said}, required=len(known_by) == 1)
    for path in reply.visit or ():
        drawing.add(path, {"type": "string", "description": "The WFM's key of the visit."})
    if reply.window is not None:
        _add_window(drawing, reply.window)
    if reply.version is not None:
        for path in reply.version.path:
            drawing.add(path, {"description": "The version that the job has now."})
    if reply.slots is not None:
        _add_slots(drawing, reply.slots)
    return drawing.done(f"The reply to the command {kind.value}.")


def _add_verdict(drawing: "_Drawing", pack: document.PackDocument, reply: document.Reply) -> None:
    """Draw what says yes or no, and what a refusal says of itself."""
    yes, no, rows = reply.accepted, reply.refused, list(_codes(pack.tables[reply.refused.table]))
    for path in (*yes.when, *no.when):
        drawing.add(path, {"description": "Decides whether the reply is a yes or a no."})
    done = [as_text(code) for code in yes.codes or ()]
    refusals = [*map(as_text, no.codes or ()), *(rows if no.code is None else ())]
    status: Json = {"description": _said(done, is_rest=no.codes is None and not no.when and no.code is None)}
    if refusals and not {"true", "false"} & {*done, *refusals}:  # else JSON's own true and false may come
        status = {"type": "string", "enum": [*done, *refusals], **status}
    for path in reply.status or ():
        drawing.add(path, status, required=len(reply.status or ()) == 1 and yes.codes is not None)
    for path in no.code or ():
        drawing.add(path, {"type": ["string", "integer"], "description": f"Of a refusal, why: {', '.join(rows)} …"})
    for path in no.reason.path if no.reason is not None else ():
        drawing.add(path, {"type": "string", "description": "Of a refusal, what the Buyer is told."})


def _said(done: Sequence[str], *, is_rest: bool) -> str:
    return f"Done: {', '.join(done)}." + (" Any other code is a refusal." if is_rest else "")


def _codes(table: document.Table) -> Iterable[str]:
    return (row[table.key] for row in table.rows)


def _add_window(drawing: "_Drawing | _SlotDrawing", window: document.ReplyWindow) -> None:
    moments = [("start", one) for one in window.start] + [("end", one) for one in window.end]
    for name, moment in moments:
        said = f"The {name} of the window, written as {moment.format}."
        for path in moment.path:
            drawing.add(path, {**_TYPES["datetime"], "description": said})
        if moment.zone is not None and moment.zone.path is not None:
            drawing.add(moment.zone.path, {"type": "string", "description": "The zone of the window."})
        if moment.zone is not None and moment.zone.minutes is not None:
            east = "The zone of the window, in minutes east of Greenwich."
            drawing.add(moment.zone.minutes, {**_TYPES["integer"], "description": east})


class _SlotDrawing:
    """A slot, with what it lies in (`$.parent`, outermost first) and its entry in a dictionary (`$.entry`)."""

    def __init__(self, reply: _Drawing, around: int) -> None:
        self.reply = reply
        self.around = [_Drawing() for _ in range(around)]
        self.slot = _Drawing()
        self.entry = _Drawing()

    def add(self, path: str, schema: Json) -> None:
        if path.startswith("$.entry."):
            self.entry.add(f"$.{path.removeprefix('$.entry.')}", schema)
            return
        drawing = self.slot
        for parent in (*reversed(self.around), self.reply):
            if not path.startswith("$.parent."):
                break
            drawing, path = parent, f"$.{path.removeprefix('$.parent.')}"
        drawing.add(path, schema)


def _add_slots(drawing: _Drawing, slots: document.Slots) -> None:
    """Draw the slots in the lists that they lie in, and the dictionary beside them."""
    drawn = _SlotDrawing(drawing, len(slots.within))
    _add_slot(drawn, slots)
    items, path = drawn.slot.done("A slot that is offered."), slots.each
    for around, parent in zip(reversed(slots.within), reversed(drawn.around), strict=True):
        parent.add(path, _list(items))
        for tested in around.where:
            parent.add(tested, {"description": "Decides whether there are slots in it."})
        items, path = parent.done("What slots lie in."), around.list
    drawing.add(path, _list(items))
    if slots.dictionary is not None:
        drawn.entry.add(slots.dictionary.key, {"description": "What it is found by."})
        drawing.add(slots.dictionary.list, _list(drawn.entry.done("What is said of slots.")))


def _add_slot(drawn: _SlotDrawing, slots: document.Slots) -> None:
    _add_window(drawn, slots)
    for path in slots.where:
        drawn.add(path, {"description": "Decides whether the slot is offered."})
    if slots.dictionary is not None:
        drawn.add(slots.dictionary.by, {"description": f"Found in {slots.dictionary.list}."})
    if slots.prefer is not None:
        drawn.add(slots.prefer.path, {"description": f"Of equal slots that of the {slots.prefer.order} is taken."})
    for name, path in slots.token.items():
        drawn.add(path, {"description": f"Sent back as slot.{name} when the slot is booked."})


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}
