"""How the simulated WFM reads commands and answers them: as AMQP has it, or as older systems do, to a fixed queue."""

from dataclasses import dataclass
from typing import Any, Final
from xml.etree import ElementTree

import orjson

Body = dict[str, Any]

ANSWERED: Final = ("FINDSLOT", "BOOKVIS", "MOVEVIS", "CANVIS")
"""The commands that a WFM which knows no reply_to answers."""


@dataclass(frozen=True, slots=True)
class Answers:
    """`queue`: where all answers go, known by their REF only; None where commands say where to. `xml`: not JSON."""

    queue: str | None = None
    xml: bool = False

    def read(self, body: bytes) -> Body:
        """Read a command."""
        if not self.xml:
            parsed: Body = orjson.loads(body)
            return parsed
        root = ElementTree.fromstring(body)  # noqa: S314 - a toy, which only the bridge writes to
        return {element.tag: element.text or "" for element in root}

    def write(self, answer: Body) -> bytes:
        """Write an answer."""
        if not self.xml:
            return orjson.dumps(answer)
        root = ElementTree.Element("ANSWER")
        _fill(root, answer)
        return ElementTree.tostring(root)

    def is_wanted(self, command: Body, reply_to: str) -> bool:
        """Tell whether a command is to be answered."""
        return bool(reply_to) if self.queue is None else command.get("CMD") in ANSWERED


def _fill(element: ElementTree.Element, members: Body) -> None:
    for name, value in members.items():
        for one in value if isinstance(value, list) else [value]:
            child = ElementTree.SubElement(element, name)
            if isinstance(one, dict):
                _fill(child, one)
            else:
                child.text = str(one)
