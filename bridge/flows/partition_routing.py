"""Which partition a message of the WFM goes to: the one of its job, so that a job's messages stay in one queue.

Where a header, or the routing key, names the job, RabbitMQ's exchange finds the partition itself, by a hash of that
(`wfm/collectors.py`). Else the partitioner reads whom the message is about, and finds it here.

A message of several parts may speak of jobs of several partitions. Then each of these gets a copy, and the header
`PARTS` says which parts a copy is for. The first copy is for all that no other one has, whatever a later version of the
pack makes of the message: so each part is taken once, and none is forgotten.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Final

from bridge.mapping.pack import Read, Reading

PARTS: Final = "x-bridge-parts"
"""The header of a copy: `1,3` for these parts (the first one is 0), `not 1,3` for all others."""
FIXED: Final = 0
"""The partition of what is about no job, or does not say about which."""

_NOT: Final = "not "


def partition_of(job: str, count: int) -> int:
    """Give the partition, 0 to `count` - 1, of a job by its key; the same in every process and version."""
    return int.from_bytes(blake2b(job.encode(errors="replace"), digest_size=8).digest()) % count


def copies(parts: Sequence[Read], count: int) -> Mapping[int, str | None]:
    """Say which partitions get a copy of a message, and with which `PARTS`; None where there is but one copy."""
    places: dict[int, list[int]] = {}
    for number, part in enumerate(parts):
        partition = partition_of(part.job.key, count) if isinstance(part, Reading) else FIXED
        places.setdefault(partition, []).append(number)
    if len(places) < 2:
        return dict.fromkeys(places or [FIXED])
    first, *others = places
    elsewhere = sorted(number for partition in others for number in places[partition])
    return {first: _NOT + _written(elsewhere)} | {partition: _written(places[partition]) for partition in others}


def own_parts(parts: Sequence[Read], header: str | None) -> Sequence[Read]:
    """Give the parts that a copy with this header is for; all of them where there is none, or none that we wrote."""
    if header is None:
        return parts
    listed = header.removeprefix(_NOT)
    numbers = {int(number) for number in listed.split(",") if number.isdecimal() and number.isascii()}
    if not numbers or _written(sorted(numbers)) != listed:
        return parts
    wanted = header == listed
    return [part for number, part in enumerate(parts) if (number in numbers) is wanted]


def _written(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers))
