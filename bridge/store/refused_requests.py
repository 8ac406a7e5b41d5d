"""Requests of Buyers that were refused: they changed nothing, and are kept for a time."""

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import ColumnElement, select

from bridge.domain.model import AppointmentId, BuyerId, WorkOrderId
from bridge.flows.operator import RequestFilter
from bridge.flows.ports.refused_request import RefusedRequest
from bridge.store.columns import Row
from bridge.store.session import Bulk, Database
from bridge.store.tables import refused_requests

ANY: Final = RequestFilter()
_COLUMN = refused_requests.c
_ADD = Bulk(refused_requests, without=("number",))
_NEWEST = select(refused_requests).order_by(_COLUMN.number.desc())


class RefusedRequests:
    """The requests that were refused."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, requests: Sequence[RefusedRequest]) -> None:
        """Keep some, in their order."""
        async with self._database.write() as session:
            await _ADD.run(session, [_row(each) for each in requests])

    async def reports(self, wanted: RequestFilter = ANY, limit: int = 100) -> Sequence[RefusedRequest]:
        """Read the newest, newest first."""
        async with self._database.read() as session:
            rows = await session.rows(_NEWEST.where(*_conditions(wanted)).limit(limit))
        return [refused_request(row) for row in rows]


def _conditions(wanted: RequestFilter) -> Iterator[ColumnElement[bool]]:
    equal = {_COLUMN.buyer: wanted.buyer, _COLUMN.status: wanted.status, _COLUMN.work_order_id: wanted.work_order}
    yield from (column == value for column, value in equal.items() if value is not None)


def _row(request: RefusedRequest) -> dict[str, object]:
    return {
        "at": request.at,
        "requester": request.requester,
        "buyer": request.buyer,
        "operation": request.operation,
        "status": request.status,
        "reason": request.reason,
        "work_order_id": request.work_order,
        "appointment_id": request.appointment,
        "correlation_id": request.correlation_id,
    }


def refused_request(row: Row) -> RefusedRequest:
    """Read a row of `refused_requests`."""
    return RefusedRequest(
        at=row["at"],
        requester=row["requester"],
        buyer=row["buyer"] and BuyerId(row["buyer"]),
        operation=row["operation"],
        status=row["status"],
        reason=row["reason"],
        work_order=row["work_order_id"] and WorkOrderId(row["work_order_id"]),
        appointment=row["appointment_id"] and AppointmentId(row["appointment_id"]),
        correlation_id=row["correlation_id"],
    )
