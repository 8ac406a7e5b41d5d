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


WRONG = "what is wrong, in a line"


def part(good: bool, **more: bool) -> Any:
    return SimpleNamespace(problem=None if good else WRONG, **more)


async def told(
    database: bool = True, broker: bool = True, publishing: bool = True, inbound: bool = True, replies: bool = True
) -> Any:
    """What is told where the second queue of a kind is as given; the first is as it should be."""
    parts: Any = SimpleNamespace(store=Store(database), link=part(broker))
    wfm_side: Any = SimpleNamespace(
        inbound=[part(good=True, stands_by=True), part(inbound, stands_by=False)],
        replies=[part(good=True), part(replies)],
        dead_letters=SimpleNamespace(depth=3),
        bus=part(publishing),
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
    assert await told(**{missing: False}) == good | {missing: False if missing == "database" else WRONG}
