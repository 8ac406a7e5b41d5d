"""What a pack makes of the WFM's codes, as a Mermaid flowchart: codes on the left, what the Buyer sees on the right."""

from collections.abc import Iterable

from bridge.mapping.document import PackDocument, Rule, Then, Value
from bridge.mapping.reading.cells import cell_text
from bridge.mapping.reading.references import STATE_COLUMNS


def diagram(document: PackDocument) -> str:
    """Draw the rules: each combination of codes leads over the rule's name to its goal or reason."""
    sources: dict[str, str] = {}
    targets: dict[str, str] = {}
    edges: list[str] = []
    for rule in document.rules:
        source = sources.setdefault(_conditions(rule), f"c{len(sources)}")
        target = targets.setdefault(_outcome(rule.then), f"o{len(targets)}")
        edges.append(f"    {source} -- {rule.rule} --> {target}")
    return "\n".join(
        [
            "flowchart LR",
            *(f'    {name}["{_escaped(text)}"]' for text, name in sources.items()),
            *(f'    {name}(["{_escaped(text)}"])' for text, name in targets.items()),
            *edges,
            "",
        ]
    )


def _conditions(rule: Rule) -> str:
    columns = sorted(rule.when, key=lambda name: name in STATE_COLUMNS)
    return "<br/>".join(f"{name}: {cell_text(rule.when[name])}" for name in columns) or "anything else"


def _outcome(then: Then) -> str:
    return "<br/>".join(_outcome_parts(then)) or "what is known stays"


def _outcome_parts(then: Then) -> Iterable[str]:
    for name in ("hold", "ignore", "park"):
        if (why := getattr(then, name)) is not None:
            yield f"{name}: {why}"
    if then.work_order is not None:
        yield f"WorkOrder {then.work_order}"
    if then.creates:
        yield "a WorkOrder is created, if there is none"
    if then.appointment is not None:
        yield f"Appointment {then.appointment}"
    if then.appointment_if_any is not None:
        yield f"Appointment {then.appointment_if_any}, if there is one"
    if then.moved_by is not None:
        yield f"moved by {then.moved_by}"
    if then.appointment_required is not None:
        yield f"appointmentRequired {_value(then.appointment_required)}"


def _value(value: Value) -> str:
    parts = [*value.value, *([] if value.default is None else [_literal(value.default)])]
    return " or ".join(parts) or _literal(value.literal)


def _literal(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _escaped(text: str) -> str:
    """Write what Mermaid would take for something else; the line breaks that are meant stay."""
    parts = (part.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;") for part in text.split("<br/>"))
    return "<br/>".join(parts)
