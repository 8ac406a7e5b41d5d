"""A request with an `Idempotency-Key`, and what keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol


class RequestKey(NamedTuple):
    """An `Idempotency-Key`: it is the requester's own, and counts for one operation."""

    requester: str
    operation: str
    key: str


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An HTTP answer as it can be given again."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedRequest:
    """A request with an `Idempotency-Key`, and how far it is.

    `fingerprint` tells one request from another. `effect` is the id of what it does (a command, a listener). `claim` is
    the try that works on it now, in process `instance`; None when nobody does. `answer` is given once it is done.
    """

    key: RequestKey
    fingerprint: str
    effect: str
    instance: str
    claim: str | None
    claimed_until: datetime
    expires_at: datetime
    answer: StoredAnswer | None = None


class Requests(Protocol):
    """The requests with an Idempotency-Key, as they are kept for a time."""

    async def forget_until(self, until: datetime) -> int: ...
