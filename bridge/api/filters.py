"""The filters of the two lists (O3, O4) and their pages (7.1.2).

The guide and the OpenAPI files spell some filters differently; both spellings are taken, on both lists.
"""

from dataclasses import dataclass
from typing import Final

from bridge.api.config import ApiConfig
from bridge.api.failures import invalid_query
from bridge.api.query import MAX_LIMIT, MAX_OFFSET, Query
from bridge.domain.model import BuyerId, WorkOrderId
from bridge.flows.ports.buyer_views import AppointmentQuery, WorkOrderQuery
from bridge.mef.enums import AppointmentStatus, WorkOrderState

_SITE: Final = ("geographicSiteId", "geographicalSiteId")
_ADDRESS: Final = ("geographicAddressId", "geographicalAddressId")
_WORK_ORDER: Final = ("workOrder", "workOrderId")
_RELATED_ENTITY: Final = ("relatedEntity", "relatedEntityId")
_PAGE: Final = ("offset", "limit")

APPOINTMENT_FILTERS: Final = frozenset(
    {"status", "validFor.gt", "validFor.lt", *_WORK_ORDER, *_SITE, *_ADDRESS, *_PAGE}
)
WORK_ORDER_FILTERS: Final = frozenset(
    {"state", "appointmentRequired", "relatedEntityType", *_RELATED_ENTITY, *_SITE, *_ADDRESS, *_PAGE}
)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A page as it will be served: `capped` says that the Buyer asked for more than the server gives at once."""

    offset: int
    limit: int
    capped: bool


def page_request(query: Query, config: ApiConfig) -> PageRequest:
    """Read `offset` and `limit`. A limit above the maximum is not an error: less is returned (7.1.2)."""
    asked = query.integer("limit", MAX_LIMIT)
    limit = config.default_limit if asked is None else asked
    return PageRequest(query.integer("offset", MAX_OFFSET) or 0, min(limit, config.max_limit), limit > config.max_limit)


def appointment_query(query: Query, buyers: frozenset[BuyerId], page: PageRequest) -> AppointmentQuery:
    """Read the filters of O3; `validFor.gt` and `validFor.lt` bound an overlap (R31)."""
    ends_after, starts_before = query.moment("validFor.gt"), query.moment("validFor.lt")
    if ends_after and starts_before and ends_after > starts_before:
        raise invalid_query("validFor.gt must not be later than validFor.lt; nothing can lie between them.")
    work_order = query.text(*_WORK_ORDER)
    return AppointmentQuery(
        buyers=buyers,
        status=query.member("status", AppointmentStatus),
        work_order=None if work_order is None else WorkOrderId(work_order),
        site=query.text(*_SITE),
        address=query.text(*_ADDRESS),
        ends_after=ends_after,
        starts_before=starts_before,
        offset=page.offset,
        limit=page.limit,
    )


def work_order_query(query: Query, buyers: frozenset[BuyerId], page: PageRequest) -> WorkOrderQuery:
    """Read the filters of O4."""
    return WorkOrderQuery(
        buyers=buyers,
        state=query.member("state", WorkOrderState),
        appointment_required=query.boolean("appointmentRequired"),
        site=query.text(*_SITE),
        address=query.text(*_ADDRESS),
        related_entity=query.text(*_RELATED_ENTITY),
        related_entity_type=query.text("relatedEntityType"),
        offset=page.offset,
        limit=page.limit,
    )
