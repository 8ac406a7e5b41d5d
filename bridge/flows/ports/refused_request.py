"""A request of a Buyer that was answered with an error."""

from dataclasses import dataclass
from datetime import datetime

from bridge.domain.model import AppointmentId, BuyerId, WorkOrderId


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRequest:
    """A request of a Buyer that was answered with an error. `reason` is what he was told.

    What it was about is given as far as it could be told, and need not exist.
    """

    at: datetime
    requester: str
    buyer: BuyerId | None
    operation: str
    status: int
    reason: str
    work_order: WorkOrderId | None
    appointment: AppointmentId | None
    correlation_id: str
