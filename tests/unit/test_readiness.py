"""A bridge is ready if all that it needs is there: one queue that is not bound, or not consumed, and it is not."""

from types import SimpleNamespace
from typing import Any

import pytest

from bridge.app.buyer_side import readiness
from bridge.errors import StoreUnavailable


class Store:
    """A database that answers, or does not."""

    def __init__(self, answers: bool) -> None:
        self._answers = answers
        self.listeners = self

    async def ping(self) -> None:
        """Answer."""
        if not self._answers:
            raise StoreUnavailable

    async def count_disabled(self) -> int:
        """Count disabled listeners."""
        return 2


async def told(database: bool = True, broker: bool = True, inbound: bool = True, replies: bool = True) -> Any:
    """What is told where the second queue of a kind is as given; the first is as it should be."""
    parts: Any = SimpleNamespace(store=Store(database), link=SimpleNamespace(connected=broker))
    wfm_side: Any = SimpleNamespace(
        inbound=[SimpleNamespace(bound=True), SimpleNamespace(bound=inbound)],
        replies=[SimpleNamespace(consumed=True), SimpleNamespace(consumed=replies)],
        dead_letters=SimpleNamespace(depth=3),
    )
    return await readiness(parts, wfm_side)


@pytest.mark.parametrize("missing", ["database", "broker", "inbound", "replies"])
async def test_what_is_missing_is_named(missing: str) -> None:
    good = {"database": True, "broker": True, "inbound": True, "replies": True, "deadLetters": 3}
    assert await told() == good | {"disabledListeners": 2}
    known = 0 if missing == "database" else 2
    assert await told(**{missing: False}) == good | {missing: False, "disabledListeners": known}
