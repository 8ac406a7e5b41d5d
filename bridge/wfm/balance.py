"""Who takes which partition: an even share for each process that lives.

RabbitMQ alone decides who is given a partition's messages: each process consumes all of them, and a queue with a single
active consumer gives to the one that came first. So when a process dies another one goes on at once, and never do two
at a time. All that is decided here is who steps back: who is given messages of a partition that is another one's share
closes that consumer, and comes again behind all others. So it takes no agreement: two processes that see the others
differently for a while only pass a partition on once more than they had to.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final, Protocol

LOOK_EVERY_S: Final = 1.0
"""How often a process looks at what it is given."""


class Balanced(Protocol):
    """A partition that can be stepped back from. `name` is the same in all processes."""

    @property
    def name(self) -> str:
        """Its queue."""

    async def look(self, *, is_ours: bool) -> None:
        """Step back from it if it is not ours, and we are given its messages all the same."""


def shares(partitions: Iterable[str], members: Collection[str]) -> Mapping[str, str]:
    """Give each partition to a member, so that no two members differ by more than one partition.

    Each partition prefers the members in an order of its own (rendezvous hashing), so that most stay where they are
    when somebody comes or goes. The order in which both are given does not matter.
    """
    names = sorted(set(partitions))
    if not members:
        return {}
    least, more = divmod(len(names), len(set(members)))
    held = dict.fromkeys(members, 0)
    owners: dict[str, str] = {}
    for name in names:
        free = [member for member, has in held.items() if has < least or (has == least and more > 0)]
        owner = max(free, key=lambda member: (_weight(name, member), member))
        more -= held[owner] == least
        held[owner] += 1
        owners[name] = owner
    return owners


def _weight(partition: str, member: str) -> bytes:
    return blake2b(f"{partition}\0{member}".encode(errors="replace"), digest_size=8).digest()


class Balance:
    """Looks after the partitions of one process. `members` tells which instances live, by the database."""

    def __init__(self, instance: str, partitions: Sequence[Balanced], members: Callable[[], Collection[str]]) -> None:
        self._instance = instance
        self._partitions = partitions
        self._members = members

    async def look(self) -> None:
        """Step back from what is another one's share."""
        owners = shares((each.name for each in self._partitions), {self._instance, *self._members()})
        for each in self._partitions:
            await each.look(is_ours=owners[each.name] == self._instance)
