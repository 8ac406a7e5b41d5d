"""A fixed reply queue belongs to one pack."""

import pytest

from bridge.app.packs import check_reply_queues
from bridge.errors import PermanentError
from bridge.mapping.loader import make_pack
from bridge.mapping.pack import Pack
from bridge.yaml_source import parse_yaml
from tests.unit.mapping.builders import TOY


def packs(**replies: str) -> dict[str, Pack]:
    """Packs by their names, each with what it says of replies."""
    texts = {name: TOY.replace("pack: toy", f"pack: {name}") + said for name, said in replies.items()}
    return {name: make_pack(parse_yaml(text, name)) for name, text in texts.items()}


def test_packs_with_queues_of_their_own_run_together() -> None:
    assert refusal_of(packs(a="", b="", c="replies: {queue: one}\n", d="replies: {queue: other}\n")) is None


def refusal_of(packs: dict[str, Pack]) -> PermanentError | None:
    try:
        check_reply_queues(packs)
    except PermanentError as refused:
        return refused
    return None


def test_two_packs_with_one_queue_do_not() -> None:
    with pytest.raises(PermanentError, match=r"packs b and c: replies\.queue is 'one' in both; give each its own"):
        check_reply_queues(packs(a="", b="replies: {queue: one}\n", c="replies: {queue: one}\n"))
