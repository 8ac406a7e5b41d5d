"""What a pack makes of the WFM's codes, as a Mermaid flowchart: codes on the left, what the Buyer sees on the right."""

from collections.abc import Iterable

from bridge.mapping.document import PackDocument, Rule, Then
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
        if getattr(then, name, None) is not None:
            yield name
    if then.work_order is not None:
        yield f"WorkOrder {then.work_order}"
    if then.appointment is not None:
        yield f"Appointment {then.appointment}"
    if then.appointment_if_any is not None:
        yield f"Appointment {then.appointment_if_any}, if there is one"


def _escaped(text: str) -> str:
    return text.replace('"', "#quot;")
