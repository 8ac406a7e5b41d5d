"""Where our documents differ from the standard's files, on purpose. Whatever is not here must be the same.

docs/api.md shows this list to Buyers. `row` names the contradiction between the guide and the files that a difference
comes from; where there is none, the standard leaves it open, and we decided.
"""

import re
from dataclasses import dataclass
from typing import Any

APIS = ("appointment/v2", "workOrderManagement/v2")
LISTENERS = ("appointmentNotification/v2", "workOrderNotification/v2")
EVERYWHERE = (*APIS, *LISTENERS)


@dataclass(frozen=True)
class Difference:
    """`where` is a pattern of whole locations; `theirs` and `ours` are patterns of what stands there."""

    where: str
    theirs: str
    ours: str
    why: str
    documents: tuple[str, ...] = APIS
    row: str = "left open"

    def covers(self, document: str, where: str, pair: tuple[Any, Any]) -> bool:
        theirs, ours = (_written(value) for value in pair)
        return document in self.documents and all(
            re.fullmatch(pattern, text)
            for pattern, text in ((self.where, where), (self.theirs, theirs), (self.ours, ours))
        )


def _written(value: Any) -> str:
    return "nothing" if value is None else str(value)


APPOINTMENTS, WORK_ORDERS = APIS[:1], APIS[1:]
JSON = "application/json;charset=utf-8 "

ALLOWED = (
    # what the guide and the files say differently
    Difference(
        r"GET /workOrder(/\{id\})?",
        "nothing",
        r"(list|retrieve)WorkOrderAsInGuide",
        "The guide spells the path /workOrder, the file /workorder; both are served.",
        WORK_ORDERS,
        row="work order path",
    ),
    Difference(
        r"GET /workorder 200",
        f"{JSON}WorkOrder_Find",
        rf"{JSON}\[WorkOrder_Find\]",
        "A list of WorkOrders is a list, as the guide says.",
        WORK_ORDERS,
        row="list of work orders",
    ),
    Difference(
        r"GET /workorder 200 header X-(Total-Count|Result-Count|Pagination-Throttled)",
        "nothing",
        "integer|boolean",
        "A list has pages, as the guide says of both (7.1.2, R64).",
        WORK_ORDERS,
        row="list of work orders",
    ),
    Difference(
        r"GET /workorder 404",
        f"{JSON}Error404",
        "nothing",
        "A list that nothing satisfies is empty.",
        WORK_ORDERS,
        row="list of work orders",
    ),
    Difference(
        r"GET /appointment \?workOrder",
        "nothing",
        "optional",
        "The guide's spelling of workOrderId; both are taken.",
        APPOINTMENTS,
        row="filters",
    ),
    Difference(
        r"GET /workorder \?relatedEntity",
        "nothing",
        "optional",
        "The guide's spelling of relatedEntityId; both are taken.",
        WORK_ORDERS,
        row="filters",
    ),
    Difference(
        r"GET /appointment \?geographical(Site|Address)Id",
        "nothing",
        "optional",
        "The other list's spelling; both lists take both.",
        APPOINTMENTS,
        row="site/address filters",
    ),
    Difference(
        r"GET /workorder \?geographic(Site|Address)Id",
        "nothing",
        "optional",
        "The other list's spelling; both lists take both.",
        WORK_ORDERS,
        row="site/address filters",
    ),
    # what the files leave open, and we say
    Difference(
        "security",
        "False",
        "True",
        "The files name no security scheme; ours are bearer tokens and API keys (R5 to R8, MEF's security profile).",
    ),
    Difference(
        r"[A-Za-z_0-9]+ additionalProperties",
        "nothing",
        "False",
        "A property that the standard does not know is refused (unexpectedProperty), never lost in silence.",
        EVERYWHERE,
    ),
    Difference(
        r"[A-Za-z_]+\.[@A-Za-z0-9]+( item)? minLength",
        "nothing",
        "1",
        "A text that must be there must say something.",
        EVERYWHERE,
    ),
    Difference(
        r"SearchTimeSlot_Create\.requestedTimeSlot minItems",
        "nothing",
        "1",
        "R11: a search names at least one period.",
        APPOINTMENTS,
    ),
    Difference(
        r"[A-Z]+ \S+ \?\w+ minLength|[A-Z]+ \S+ path id minLength",
        "nothing",
        "1",
        "An empty value is a 400 missingQueryValue, an empty identifier is no path of ours.",
    ),
    Difference(
        r"GET /(appointment|workorder) \?(offset|limit) (minimum|default)",
        "nothing",
        "0",
        "Nothing lies before the beginning of a list.",
    ),
    Difference(
        r"RelatedEntity\.@referredType default",
        "Product",
        "nothing",
        "RelatedEntity.@referredType is required, so its default can never apply.",
        WORK_ORDERS,
    ),
    # what the files leave out of HTTP
    Difference(
        r"(POST|PATCH) \S+ (413|415)",
        "nothing",
        f"{JSON}Error",
        "A body that is too large or no JSON has a status of its own in HTTP (RFC 9110); 7.1.1 allows it.",
    ),
    Difference(
        r"[A-Z]+ \S+ 429",
        "nothing",
        f"{JSON}Error",
        "Who asks too often is told when to ask again (RFC 6585): 429 and Retry-After.",
    ),
    Difference(
        r"[A-Z]+ \S+ (503|504)",
        "nothing",
        f"{JSON}Error500",
        "A database, a broker or a WFM that is away is not a defect of the server: 503 and 504, shaped like a 500.",
    ),
    Difference(
        r"[A-Z]+ \S+ 401 header WWW-Authenticate",
        "nothing",
        "string",
        "A 401 must have a challenge (RFC 9110).",
    ),
    Difference(
        r"POST (/appointment|/hub) 201 header Location",
        "nothing",
        "string",
        "A 201 tells where the new object lives (RFC 9110).",
    ),
    Difference(
        r"[A-Z]+ \S+ ([0-9]{3} )?header X-Correlation-ID",
        "nothing",
        "optional|string",
        "X-Correlation-ID: one id leads through answer and log, and to the WFM as the AMQP header x-correlation-id.",
    ),
    Difference(
        r"POST \S+ header Idempotency-Key",
        "nothing",
        "optional",
        "Idempotency-Key: a POST that is sent again does no harm if it says that it is the same one.",
    ),
    Difference(
        r"POST \S+ 409",
        "nothing",
        f"{JSON}Error",
        "A POST with an Idempotency-Key may meet itself, still under way; 409 as the draft of that header says.",
    ),
    Difference(
        r"POST \S+ 20[14] header Idempotency-Replayed",
        "nothing",
        "boolean",
        "Idempotency-Replayed tells that this is the answer to an earlier request with the same key.",
    ),
    Difference(
        "Error|Event",
        "type",
        "nothing",
        "Error and Event are base types that nothing is sent as; the types made of them have all their properties.",
        LISTENERS,
    ),
)
