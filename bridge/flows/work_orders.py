"""What a Buyer does with WorkOrders: read them (UC 13, 14)."""

from bridge.domain.model import BuyerId, WorkOrderId
from bridge.flows.ports.buyer_views import Page, Reader, WorkOrderQuery, WorkOrderView
from bridge.flows.refusals import NotFound


class WorkOrders:
    """The use cases."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def get(self, buyers: frozenset[BuyerId], work_order_id: WorkOrderId) -> WorkOrderView:
        """Return a WorkOrder of one of the Buyers; raises `NotFound` (R52)."""
        work_order = await self._reader.work_order_view(work_order_id, buyers)
        if work_order is None:
            raise NotFound
        return work_order

    async def list(self, query: WorkOrderQuery) -> Page[WorkOrderView]:
        """Return a page of WorkOrders (R51)."""
        return await self._reader.work_orders(query)
