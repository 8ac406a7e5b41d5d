"""How a check ends when it does not pass: it failed, or it could not be exercised."""

from typing import Protocol


class Evidence(Protocol):
    """What was seen on the wire: an exchange or a notification."""

    def text(self) -> str: ...


class Failed(Exception):
    """The tested system breaks the requirement. `evidence` shows how."""

    def __init__(self, sentence: str, *evidence: Evidence) -> None:
        super().__init__(sentence)
        self.evidence = evidence


class NotExercised(Exception):
    """The check needs something that was not given; says what."""
