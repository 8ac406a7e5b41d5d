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

    async def ping(self) -> None:
        """Answer."""
        if not self._answers:
            raise StoreUnavailable


ALARM = "RabbitMQ takes no messages: it is low on memory"


async def told(
    database: bool = True, broker: bool = True, publishing: bool = True, inbound: bool = True, replies: bool = True
) -> Any:
    """What is told where the second queue of a kind is as given; the first is as it should be."""
    parts: Any = SimpleNamespace(store=Store(database), link=SimpleNamespace(connected=broker))
    wfm_side: Any = SimpleNamespace(
        inbound=[SimpleNamespace(bound=True, stands_by=True), SimpleNamespace(bound=inbound, stands_by=False)],
        replies=[SimpleNamespace(consumed=True), SimpleNamespace(consumed=replies)],
        dead_letters=SimpleNamespace(depth=3),
        bus=SimpleNamespace(problem=None if publishing else ALARM),
    )
    return await readiness(parts, wfm_side)


@pytest.mark.parametrize("missing", ["database", "broker", "publishing", "inbound", "replies"])
async def test_what_is_missing_is_named(missing: str) -> None:
    good = {
        "database": True,
        "broker": True,
        "publishing": True,
        "inbound": True,
        "replies": True,
        "deadLetters": 3,
        "standingBy": 1,
    }
    assert await told() == good
    assert await told(**{missing: False}) == good | {missing: ALARM if missing == "publishing" else False}
