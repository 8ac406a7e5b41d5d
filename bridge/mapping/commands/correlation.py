"""How the WFM's answers find the commands they answer: by AMQP's own properties, or as the pack says instead."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bridge.mapping import document
from bridge.mapping.formats.paths import compile_path
from bridge.mapping.formats.values import Misread, came, readable_text
from bridge.mapping.reading.messages import decoder, first_of

_LONGEST: Final = 255  # as of the AMQP property; no command writes a longer one

ReadCorrelation = Callable[[bytes], str]
"""Reads a correlation id of a reply's body. Raises `Misread`."""


@dataclass(frozen=True, slots=True)
class Replies:
    """Where answers come to, and what names their command.

    `queue` is the WFM's own, None where each command says where to answer. `in_body` is whether they bear their
    correlation id in the body, not in the AMQP property.
    """

    queue: str | None
    in_body: bool


def compile_replies(replies: document.Replies) -> Replies:
    """Compile the section `replies`."""
    return Replies(replies.queue, replies.correlation is not None)


def compile_correlation(pack: document.PackDocument) -> ReadCorrelation | None:
    """Compile where answers bear their correlation id; None where that is the AMQP property."""
    paths = pack.replies.correlation if pack.replies is not None else None
    if paths is None:
        return None
    format_ = next((command.format for command in pack.commands.values() if command.reply is not None), "json")
    decode, find = decoder(format_, pack.inbound.xml), first_of([compile_path(path) for path in paths])
    where = " or ".join(paths)

    def read(body: bytes) -> str:
        raw = find(decode(body))
        text = (readable_text(raw) or "").strip()
        if not text or len(text) > _LONGEST:
            most = f", at most {_LONGEST} characters" if text else ""
            raise Misread(f"replies.correlation ({where}): expected what the command wrote{most}; {came(raw)}")
        return text

    return read
