"""Checks of how messages come: names that AMQP can hold, a place for what is unpacked, and XML's lists and names.

In XML a single child is no list, unless the pack says so, and a prefix means something only where the pack gives it to
a namespace.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from bridge.mapping.checks.clocks import check_letters
from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.document import FieldSpec, Inbound, PackDocument, Slots
from bridge.mapping.formats.paths import Step, path_steps

_LONGEST: Final = 255  # bytes of a name in AMQP 0-9-1, a short string
_EXCHANGE: Final = re.compile(r"[A-Za-z0-9_.:@#,/+ -]*")  # what the client of RabbitMQ asks for; else it fails for ever


def check_inbound(document: PackDocument, report: Report) -> None:
    """Check how messages come and go, and that what is unpacked can stand where it was found."""
    for loc, name in _names(document):
        if (length := len(name.encode())) > _LONGEST:
            report.add(
                loc, "wrong-value", f"expected a name of at most {_LONGEST} bytes, as AMQP has it; came {length}"
            )
        if loc[-1] == "exchange" and not _EXCHANGE.fullmatch(name):
            report.add(loc, "wrong-value", "expected the name of an exchange: letters, digits, blanks and -_.:@#,/+")
    inbound = document.inbound
    _check_partition_by(document, report)
    own: Loc = ("inbound", "version")
    versions = [
        (own, inbound.version),
        *((("inbound", "versions", name), one) for name, one in inbound.versions.items()),
    ]
    for loc, version in versions:
        if version is not None and version.zone is None:
            check_letters((*loc, "format"), version.format, document.zone or "UTC", report)
    for index, unpack in enumerate(inbound.unpack):
        key, path = ("json", unpack.json_) if unpack.json_ is not None else ("pairs", unpack.pairs)
        steps = path_steps(path or "$")
        if not steps or not isinstance(steps[-1], str | int):
            message = f"'{path}' must end in a name or an index, such as $.payload: what is unpacked stands there then"
            report.add(("inbound", "unpack", index, key), "wrong-value", message)


def _check_partition_by(document: PackDocument, report: Report) -> None:
    """Check that what is to name the job can: RabbitMQ leads a whole message to one place, by that alone."""
    inbound, by = document.inbound, document.inbound.partition_by
    if by is None:
        return
    key = "header" if by.header is not None else "routing_key"
    loc: Loc = ("inbound", "partition_by", key)
    if inbound.each is not None:
        message = "a message of several parts (each) is about several jobs, and nothing beside its body names them all"
        report.add(loc, "wrong-value", f"{message}; leave partition_by out")
    for name, spec in document.fields.items():
        read = spec.header == by.header if by.header is not None else spec.routing_key is not None
        if read and spec.type == "code":
            message = f"the field '{name}' reads a code from it, which does not stay the same for all messages of a job"
            report.add(loc, "wrong-value", f"{message}; partition by what names the job, or leave partition_by out")
    whole = [key for key in inbound.bindings if not {"#", "*"} & set(key.split("."))]
    if by.routing_key is not None and whole:
        message = f"the binding '{whole[0]}' takes one routing key, which cannot name a job"
        report.add(loc, "wrong-value", f"{message}; bind with a wildcard (*), or leave partition_by out")


def _names(document: PackDocument) -> Iterator[tuple[Loc, str]]:
    yield ("inbound", "exchange"), document.inbound.exchange
    for index, binding in enumerate(document.inbound.bindings):
        yield ("inbound", "bindings", index), binding
    if document.inbound.partition_by is not None and document.inbound.partition_by.header is not None:
        yield ("inbound", "partition_by", "header"), document.inbound.partition_by.header
    for kind, command in document.commands.items():
        yield ("commands", kind, "exchange"), command.exchange
        yield ("commands", kind, "routing_key"), command.routing_key


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


def check_xml_names(document: PackDocument, report: Report) -> None:
    """Check that no path of messages has a prefix that their names never have."""
    inbound = document.inbound
    if inbound.format != "xml":
        return
    unpacked = [path_steps(path) for one in inbound.unpack if (path := one.json_ or one.pairs) is not None]
    for section in ("inbound", "fields"):
        for loc, path in _places_of_paths(
            (section,), document.model_dump(include={section}, exclude_unset=True)[section]
        ):
            steps = path_steps(path)
            if not any(len(steps) > len(one) and steps[: len(one)] == one for one in unpacked):
                _check_prefixes(loc, steps, tuple(inbound.xml.namespaces), report)


def _check_prefixes(loc: Loc, steps: Sequence[Step], prefixes: Sequence[str], report: Report) -> None:
    for step in steps:
        prefix, colon, name = step.removeprefix("@").partition(":") if isinstance(step, str) else ("", "", "")
        if colon and prefix not in prefixes:
            meant = f"leave it out ({name}), or write inbound: {{xml: {{namespaces: {{{prefix}: <its namespace>}}}}}}"
            report.add(loc, "unknown-prefix", f"no name has the prefix '{prefix}'; {meant}")


def _places_of_paths(loc: Loc, data: object) -> Iterator[tuple[Loc, str]]:
    """Give all paths, with their places; of a key that is a path the place of its value."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _places_of_paths((*loc, key), key) if isinstance(key, str) else ()
            yield from _places_of_paths((*loc, key), value)
    elif isinstance(data, list | tuple):
        for index, item in enumerate(data):
            yield from _places_of_paths((*loc, index), item)
    elif isinstance(data, str) and data.startswith(("$.", "$[")) and _is_path(data):
        yield loc, data


def _is_path(text: str) -> bool:
    try:
        path_steps(text)
    except ValueError:
        return False
    return True
