"""A check: one way to see whether a requirement is met. It passes by returning, and fails by raising."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bridge.conformance.scene import Scene
from bridge.mef.enums import Api

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


def of_api(run: Callable[[Scene, Api], Awaitable[None]], api: Api) -> Run:
    """Make of a check of either API that of one; its name says which."""

    async def of_one(scene: Scene) -> None:
        await run(scene, api)

    of_one.__name__ = f"{api.name.lower()}_{run.__name__.strip('_')}"
    return of_one
