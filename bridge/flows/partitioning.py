"""How a pack's messages are divided among partitions: into how many, and by what of them; and who keeps that.

It knows of packs for types only: the store keeps a partitioning, and commands that only read it load no mapping.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, Self

if TYPE_CHECKING:
    from bridge.mapping.pack import Inbound

JOB: Final = "job"
ROUTING_KEY: Final = "routing key"
HEADER: Final = "header "
"""By what messages are divided, in words: `HEADER` stands before the header's name."""


@dataclass(frozen=True, slots=True)
class Partitioning:
    """How the messages of a pack are divided: into `count` partitions (1: not at all), and by what of them.

    `by` is `JOB` where the partitioner reads that; else RabbitMQ's exchange hashes it.
    """

    count: int = 1
    by: str = JOB

    @classmethod
    def of(cls, inbound: "Inbound", count: int) -> Self:
        """Give that of a pack, where the settings want so many partitions."""
        if count == 1 or inbound.partition_by is None:
            return cls(count)
        header = inbound.partition_by.header
        return cls(count, ROUTING_KEY if header is None else f"{HEADER}{header}")

    @property
    def is_hashed(self) -> bool:
        """Does the exchange divide?"""
        return self.by != JOB

    @property
    def header(self) -> str | None:
        """The header that the exchange hashes, if it does."""
        return self.by.removeprefix(HEADER) if self.by.startswith(HEADER) else None

    def __str__(self) -> str:
        return f"{self.count} by {self.by}" if self.count > 1 else f"{self.count}"


UNDIVIDED: Final = Partitioning()


@dataclass(frozen=True, slots=True)
class InForce:
    """The partitioning that a pack's processes go by; and where a change is under way, the `next` one."""

    now: Partitioning = UNDIVIDED
    next: Partitioning | None = None


class Partitionings(Protocol):
    """How the messages of each pack are divided."""

    async def of(self, pack: str) -> InForce:
        """Tell what is in force; one partition where nobody ever said."""

    async def change(self, pack: str, was: InForce, will: InForce) -> None:
        """Put something else in force. Raises `ConflictError` where it is not any more as it was."""
