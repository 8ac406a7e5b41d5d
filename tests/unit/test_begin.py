"""What is begun on RabbitMQ is tried until it succeeds: a right may be given, a connection come back, meanwhile."""

import pytest
from aiormq.exceptions import AMQPConnectionError, ChannelInvalidStateError
from structlog.testing import capture_logs

from bridge.app import wfm_side
from bridge.backoff import Backoff
from bridge.errors import NotAllowed, PermanentError
from bridge.wfm.link import RabbitLink

TROUBLE = [
    NotAllowed("RabbitMQ does not allow it"),
    AMQPConnectionError("Server connection reset"),
    ChannelInvalidStateError("No active transport in channel"),
    ConnectionResetError(104, "Connection reset by peer"),
]


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch) -> RabbitLink:
    monkeypatch.setattr(wfm_side, "RETRIES", Backoff(first=0.001, longest=0.001))
    return RabbitLink("amqp://nobody@127.0.0.1:1/")


async def test_what_may_pass_is_waited_for_and_said_once(link: RabbitLink) -> None:
    left = [trouble for each in TROUBLE for trouble in (each, each)]

    async def step() -> None:
        if left:
            raise left.pop(0)

    with capture_logs() as logs:
        await wfm_side.until_begun(link, step)
    assert not left
    assert [line["problem"] for line in logs] == [str(each) for each in TROUBLE]
    assert link.hindrance is None


async def test_what_somebody_has_to_mend_is_raised(link: RabbitLink) -> None:
    async def step() -> None:
        raise PermanentError("another process runs as this instance")

    with pytest.raises(PermanentError, match="another process"):
        await wfm_side.until_begun(link, step)
