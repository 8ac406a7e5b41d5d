"""What the console stands on; the use cases and the store fit these."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bridge.console.activations import Activations
from bridge.console.acts import Acts
from bridge.console.drafts import Drafts
from bridge.console.hands import Hands
from bridge.console.pulse import Pulse
from bridge.domain.model import JobRef
from bridge.flows.following import Following
from bridge.flows.job_updates import JobUpdates
from bridge.flows.ports.audit_entry import RecordedAct
from bridge.flows.ports.clock import Clock
from bridge.flows.ports.job_trace import JobTrace
from bridge.flows.ports.journal_entry import MessageFilter, MessageGroup, RecordedEntry
from bridge.flows.ports.work_order_search import WorkOrderHit, WorkOrderSearch
from bridge.mapping.pack import Pack


class AuditReader(Protocol):
    """The audit log, as it is read."""

    async def latest(self, limit: int = 100, before: int | None = None) -> Sequence[RecordedAct]: ...


class Found(Protocol):
    """The jobs that an id means."""

    @property
    def jobs(self) -> Sequence[JobRef]: ...


class Traces(Protocol):
    """Jobs with all that happened."""

    async def find(self, id_: str) -> Found: ...
    async def read(self, job: JobRef) -> JobTrace: ...


class Journal(Protocol):
    """The journal, as operators see it."""

    async def find(self, number: int) -> RecordedEntry | None: ...
    async def chosen(self, wanted: MessageFilter, limit: int) -> Sequence[RecordedEntry]: ...
    async def groups(self, wanted: MessageFilter) -> Sequence[MessageGroup]: ...
    async def discard(self, number: int, note: str) -> bool: ...


class Search(Protocol):
    """WorkOrders of all Buyers."""

    async def work_orders(self, wanted: WorkOrderSearch, limit: int) -> Sequence[WorkOrderHit]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """All of it.

    `closing` is set when the bridge ends. `login_hint` says on the login page how one gets in, if that is no secret.
    """

    acts: Acts
    audit: AuditReader
    checks: Callable[[], Mapping[str, bool | str]]
    warnings: Callable[[], Sequence[str]]
    clock: Clock
    pulse: Pulse
    traces: Traces
    following: Following
    journal: Journal
    search: Search
    job_updates: JobUpdates
    packs: Mapping[str, Pack]
    drafts: Drafts
    activations: Activations
    hands: Hands
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    login_hint: str = ""
