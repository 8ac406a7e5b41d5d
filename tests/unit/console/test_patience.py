"""A database that hangs holds up one question, which is not broken off; nothing else is asked until it is answered."""

import asyncio

import pytest

from bridge.console.patience import Patience
from bridge.errors import StoreUnavailable
from tests.support import eventually


async def test_what_hangs_goes_on_and_nothing_else_is_asked_until_it_is_answered() -> None:
    released, asked, patience = asyncio.Event(), [], Patience(0.01)

    async def ask() -> int:
        asked.append(len(asked))
        await released.wait()
        asked.append(-1)
        return 7

    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await patience.answer(ask)
    assert asked == [0]
    released.set()
    await eventually(lambda: asked == [0, -1])
    assert await patience.answer(ask) == 7


async def test_an_error_is_the_answer_and_one_that_comes_too_late_is_nobodys() -> None:
    released, patience = asyncio.Event(), Patience(0.01)

    async def fail() -> None:
        await released.wait()
        raise ValueError("no")

    with pytest.raises(StoreUnavailable):
        await patience.answer(fail)
    released.set()
    await eventually(lambda: patience._hanging is not None and patience._hanging.done())
    with pytest.raises(ValueError, match="no"):
        await patience.answer(fail)
