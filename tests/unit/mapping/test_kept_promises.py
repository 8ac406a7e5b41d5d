"""What `mapping check` lets pass can be done: a pack that would fail at its first message is told before it runs."""

import pytest

from tests.unit.mapping.patches import problems

UNREADABLE = {
    "inbound: {unpack: [{json: $}]}": "wrong-value: '$' must end in a name or an index",
    'inbound: {unpack: [{pairs: "$.udf[?@.k == \'x\']"}]}': "must end in a name or an index, such as $.payload",
}


@pytest.mark.parametrize("patch", UNREADABLE)
def test_what_could_never_be_read_is_told(patch: str) -> None:
    (problem,) = problems(patch)
    assert UNREADABLE[patch] in problem
