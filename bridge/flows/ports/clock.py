"""What gives the time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Gives the current moment, aware, in UTC."""

    def __call__(self) -> datetime: ...
