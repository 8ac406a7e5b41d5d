"""What readiness says of a process that has not begun to take the WFM's messages."""

from types import SimpleNamespace
from typing import Any

from bridge.wfm.inbound import Inbound

NOTHING: Any = SimpleNamespace(problem=None)


def test_a_process_that_has_not_begun_says_so_in_a_sentence() -> None:
    assert Inbound(NOTHING, NOTHING).problem == "the WFM's messages are not taken yet"
