"""Checks of what passes through RabbitMQ: names that AMQP can hold, and a place for what is unpacked."""

from collections.abc import Iterator
from typing import Final

from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.document import PackDocument
from bridge.mapping.formats.paths import path_steps

_LONGEST: Final = 255  # bytes of a name in AMQP 0-9-1, a short string


def check_inbound(document: PackDocument, report: Report) -> None:
    """Check how messages come and go, and that what is unpacked can stand where it was found."""
    for loc, name in _names(document):
        if (length := len(name.encode())) > _LONGEST:
            report.add(
                loc, "wrong-value", f"expected a name of at most {_LONGEST} bytes, as AMQP has it; came {length}"
            )
    for index, unpack in enumerate(document.inbound.unpack):
        key, path = ("json", unpack.json_) if unpack.json_ is not None else ("pairs", unpack.pairs)
        steps = path_steps(path or "$")
        if not steps or not isinstance(steps[-1], str | int):
            message = f"'{path}' must end in a name or an index, such as $.payload: what is unpacked stands there then"
            report.add(("inbound", "unpack", index, key), "wrong-value", message)


def _names(document: PackDocument) -> Iterator[tuple[Loc, str]]:
    yield ("inbound", "exchange"), document.inbound.exchange
    for index, binding in enumerate(document.inbound.bindings):
        yield ("inbound", "bindings", index), binding
    for kind, command in document.commands.items():
        yield ("commands", kind, "exchange"), command.exchange
        yield ("commands", kind, "routing_key"), command.routing_key
