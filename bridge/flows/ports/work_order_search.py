"""Which WorkOrders an operator looks for, and what he finds."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from bridge.domain.model import BuyerId, JobRef, WorkOrderId
from bridge.mef.enums import WorkOrderState


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOrderSearch:
    """Which WorkOrders an operator looks for; None means any.

    `before` is the one to go on behind, where they are not looked for by jobs.
    """

    jobs: Collection[JobRef] | None = None
    buyer: BuyerId | None = None
    state: WorkOrderState | None = None
    before: WorkOrderId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOrderHit:
    """A WorkOrder that was found. `parked` counts the messages of its job that are parked."""

    id: WorkOrderId
    job: JobRef
    buyer: BuyerId
    state: WorkOrderState
    tickets: tuple[str, ...]
    changed_at: datetime
    parked: int
