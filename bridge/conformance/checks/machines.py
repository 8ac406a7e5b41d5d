"""The two state machines of the standard (Figures 11 and 17), and whether what was read of a resource agrees with them.

Reading takes samples, so a step counts as legal when the later state can be reached from the earlier one at all.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from bridge.conformance.exchange import Exchange


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a resource is read, the attribute that holds its state, and the states that follow each state."""

    path: re.Pattern[str]
    attribute: str
    steps: Mapping[str, frozenset[str]]

    def reachable(self, source: str) -> frozenset[str]:
        """All states that can come after `source`, itself included."""
        seen: set[str] = set()
        todo = [source]
        while todo:
            state = todo.pop()
            if state not in seen:
                seen.add(state)
                todo.extend(self.steps.get(state, frozenset()))
        return frozenset(seen)


APPOINTMENT: Final = Machine(
    re.compile(r".*/appointment/v2/appointment/([^/?]+)"),
    "status",
    {
        "confirmed": frozenset({"inProgress", "cancelled"}),
        "inProgress": frozenset({"completed", "missed", "failed"}),
    },
)
WORK_ORDER: Final = Machine(
    re.compile(r".*/workOrderManagement/v2/work[oO]rder/([^/?]+)"),
    "state",
    {
        "open": frozenset({"planned", "inProgress", "cancelled"}),
        "planned": frozenset({"open", "inProgress", "cancelled"}),  # back to open: R49
        "inProgress": frozenset({"completed", "unableToComplete"}),
    },
)


def illegal_steps(log: Sequence[Exchange], machine: Machine) -> Iterator[tuple[str, tuple[Exchange, Exchange]]]:
    """Give each illegal step between two reads of the same resource."""
    last: dict[str, tuple[str, Exchange]] = {}
    for exchange in log:
        resource, state = _read(exchange, machine)
        if resource is None or state is None:
            continue
        if resource in last and state not in machine.reachable(last[resource][0]):
            sentence = f"{machine.attribute} went from {last[resource][0]} to {state}"
            yield sentence, (last[resource][1], exchange)
        last[resource] = state, exchange


def _read(exchange: Exchange, machine: Machine) -> tuple[str | None, str | None]:
    match = machine.path.fullmatch(exchange.url.partition("?")[0])
    if exchange.method != "GET" or exchange.status != 200 or match is None:
        return None, None
    try:
        body = orjson.loads(exchange.received)
    except orjson.JSONDecodeError:
        return None, None
    state = body.get(machine.attribute) if isinstance(body, dict) else None
    return match[1], state if isinstance(state, str) else None
