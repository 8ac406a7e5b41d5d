"""Checks of lists that are read from XML: a single child is no list, unless the pack says so."""

from collections.abc import Iterator

from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.document import FieldSpec, Inbound, PackDocument, Slots
from bridge.mapping.formats.paths import path_steps


def check_xml_lists(document: PackDocument, report: Report) -> None:
    """Check that a list of one is one; else the first message that has a single item would be parked."""
    known = document.inbound.xml.lists
    for loc, path in _lists(document):
        *_, name = None, *path_steps(path)
        if isinstance(name, str) and name not in known:
            message = f"a single {name} would be no list; write inbound: {{xml: {{lists: [{name}]}}}}"
            report.add(loc, "missing-key", message)


def _lists(document: PackDocument) -> Iterator[tuple[Loc, str]]:
    """Give the place and the path of each list that is read from XML."""
    if document.inbound.format == "xml":
        yield from _of_messages(document.inbound)
        for name, spec in document.fields.items():
            yield from ((("fields", name, "path"), path) for path in _of_field(spec) if not _is_json(path, document))
    for kind, command in document.commands.items():
        if command.format == "xml" and command.reply is not None and command.reply.slots is not None:
            yield from _of_slots(("commands", kind, "reply", "slots"), command.reply.slots)


def _of_messages(inbound: Inbound) -> Iterator[tuple[Loc, str]]:
    for key, path in (("each", inbound.each), ("changed_names", inbound.changed_names)):
        if path is not None:
            yield ("inbound", key), path


def _of_field(spec: FieldSpec) -> tuple[str, ...]:
    is_list = spec.type == "items" or (spec.type == "list" and spec.split is None)
    return (spec.path or ()) if is_list else ()


def _is_json(path: str, document: PackDocument) -> bool:
    """Tell what stands in a text that holds JSON."""
    texts = [path_steps(unpack.json_) for unpack in document.inbound.unpack if unpack.json_ is not None]
    return any(path_steps(path)[: len(text)] == text for text in texts)


def _of_slots(loc: Loc, slots: Slots) -> Iterator[tuple[Loc, str]]:
    for index, around in enumerate(slots.within):
        yield (*loc, "within", index), around.list
    yield (*loc, "each"), slots.each
    if slots.dictionary is not None:
        yield (*loc, "dictionary", "list"), slots.dictionary.list
