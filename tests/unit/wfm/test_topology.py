"""Names in RabbitMQ: all of them fit, or the bridge says which one does not."""

import pytest

from bridge.errors import PermanentError
from bridge.wfm.topology import OwnReplies, Topology


def test_a_name_that_is_too_long_for_amqp_is_told() -> None:
    topology = Topology(namespace="n" * 200 + ".")
    assert len(topology.reply_queue_of(OwnReplies("acme", "q" * 54)).name) == 255
    with pytest.raises(
        PermanentError, match=r"the queue name 'nnn.*' is longer than the 255 bytes that RabbitMQ takes"
    ):
        topology.reply_queue_of(OwnReplies("acme", "é" * 28))
