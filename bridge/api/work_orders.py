"""The WorkOrder API: use cases 13 and 14. The guide writes `/workOrder`, the OpenAPI file `/workorder`: both work."""

from typing import Final

from aiohttp import web

from bridge.api import views
from bridge.api.config import ApiConfig
from bridge.api.filters import WORK_ORDER_FILTERS, page_request, work_order_query
from bridge.api.operations import Call, Route
from bridge.api.responses import answer, page
from bridge.api.services import WorkOrders
from bridge.domain.model import WorkOrderId
from bridge.mef.enums import Api

_SPELLINGS: Final = ("/workOrder", "/workorder")


class WorkOrderOperations:
    """The two operations on WorkOrders."""

    def __init__(self, work_orders: WorkOrders, config: ApiConfig) -> None:
        self._work_orders = work_orders
        self._config = config

    def routes(self) -> tuple[Route, ...]:
        """Table 6, hub aside."""
        lists = (Route(Api.WORK_ORDER, "GET", path, self.find, WORK_ORDER_FILTERS) for path in _SPELLINGS)
        singles = (Route(Api.WORK_ORDER, "GET", path + "/{id}", self.retrieve) for path in _SPELLINGS)
        return (*lists, *singles)

    async def find(self, call: Call) -> web.Response:
        """R51, O4. A list, as the guide says; the OpenAPI file has one object."""
        wanted = page_request(call.query, self._config)
        found = await self._work_orders.list(work_order_query(call.query, call.represented.buyers, wanted))
        return page([views.work_order_find(item) for item in found.items], found.total, wanted)

    async def retrieve(self, call: Call) -> web.Response:
        """R52 to R54."""
        found = await self._work_orders.get(call.represented.buyers, WorkOrderId(call.identifier))
        return answer(200, views.work_order(found, call.links))
