"""Acks go on whatever becomes of a channel: one that nobody can be told of must not keep those behind it."""

import asyncio
from typing import Any

import pytest
from aiormq.exceptions import ChannelInvalidStateError
from structlog.testing import capture_logs

from bridge.wfm.intake import Acks
from tests.support import eventually


class Channel:
    """Which messages it was told to be done, with how many in one frame."""

    def __init__(self) -> None:
        self.is_lost = False
        self.failure: BaseException | None = None
        self.acked: list[tuple[int, bool]] = []


class Message:
    """As aio-pika has it: who asks for the channel of one that is lost gets an error."""

    consumer_tag = message_id = correlation_id = routing_key = None

    def __init__(self, tag: int, channel: Channel) -> None:
        self.tag = tag
        self._channel = channel

    @property
    def channel(self) -> Channel:
        if self._channel.is_lost:
            raise ChannelInvalidStateError
        return self._channel

    async def ack(self, multiple: bool = False) -> None:
        if self._channel.failure is not None:
            raise self._channel.failure
        self.channel.acked.append((self.tag, multiple))


def add(acks: Acks, number: int, channel: Channel) -> "asyncio.Future[None]":
    taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    message: Any = Message(number, channel)
    acks.add(message, taken)
    return taken


@pytest.mark.parametrize("failure", [None, ChannelInvalidStateError(), asyncio.CancelledError(), RuntimeError("odd")])
async def test_when_a_channel_is_lost_what_comes_by_the_next_one_is_acked(failure: BaseException | None) -> None:
    """RabbitMQ would give nothing more once as many are open as it may give at once, and nobody would notice."""
    acks = Acks(0, None)
    lost, there = Channel(), Channel()
    before = [add(acks, number, lost) for number in range(3)]
    lost.is_lost, lost.failure = True, failure
    after = [add(acks, number, there) for number in range(3)]
    with capture_logs() as logs:
        for taken in [*before, *after]:
            taken.set_result(None)
        await eventually(acks.idle.is_set)
    assert there.acked == [(2, True)]
    assert lost.acked == []
    assert len(logs) == 1


async def test_one_that_came_when_its_channel_was_lost_already_is_settled_by_itself() -> None:
    acks = Acks(0, None)
    lost, there = Channel(), Channel()
    lost.is_lost = True
    with capture_logs() as logs:
        for number in range(2):
            add(acks, number, lost).set_result(None)
        add(acks, 2, there).set_result(None)
        await eventually(acks.idle.is_set)
    assert there.acked == [(2, False)]
    assert [log["log_level"] for log in logs] == ["info", "info"]
