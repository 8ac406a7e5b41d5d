"""The audit log: what a person does is in it before it is done, and what came of it afterwards."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Final, Protocol

from bridge.errors import BridgeError
from bridge.flows.ports.audit_entry import AuditEntry

MOST_NAMED: Final = 20
"""So many things are named one by one."""


class AuditLog(Protocol):
    """Where acts are written down."""

    async def begin(self, entry: AuditEntry) -> int: ...
    async def end(self, number: int, outcome: str) -> None: ...


class Result:
    """What came of an act, in a line."""

    def __init__(self) -> None:
        self.text = "done"


@asynccontextmanager
async def writing(log: AuditLog, entry: AuditEntry) -> AsyncIterator[Result]:
    """Write down an act that is done in the block; `text` of what it gets says what came of it."""
    number = await log.begin(entry)
    result = Result()
    try:
        yield result
    except BridgeError as refused:
        await log.end(number, f"refused: {refused}")
        raise
    await log.end(number, result.text)


def named(what: str, numbers: Collection[int]) -> str:
    """Name things by their numbers; many by how many they are, the first and the last."""
    some = sorted(numbers)
    if not some:
        return f"no {what}"
    if len(some) > MOST_NAMED:
        return f"{len(some)} {what}, {some[0]} to {some[-1]}"
    return f"{what} {', '.join(map(str, some))}"
