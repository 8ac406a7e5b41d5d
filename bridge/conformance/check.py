"""A check: one way to see whether a requirement is met. It passes by returning, and fails by raising."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bridge.conformance.scene import Scene

Run = Callable[[Scene], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Check:
    """`title` says what is seen when it passes. Raises `Failed` or `NotExercised`."""

    requirement: str
    title: str
    run: Run

    @property
    def id(self) -> str:
        """Unique: the requirement and the function's name."""
        return f"{self.requirement}-{getattr(self.run, '__name__', 'check').strip('_')}"
