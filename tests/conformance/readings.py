"""Where the developer guide and the OpenAPI files disagree, or the guide with itself, and how the bridge reads them.

Written in our own words; `docs/conformance.md` shows this table, and each row has a test in test_readings.py.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """One point: what each source says, and what the bridge does."""

    key: str
    guide: str
    openapi: str
    ours: str


READINGS: tuple[Reading, ...] = (
    Reading("path of WorkOrders", "`/workOrder`", "`/workorder`", "Both are served."),
    Reading("list of WorkOrders", "a list", "one `WorkOrder_Find`", "An array."),
    Reading(
        "names of filters",
        "`workOrder`; `relatedEntity`",
        "`workOrderId`; `relatedEntityId` and `relatedEntityType`",
        "Both spellings are taken; giving both at once is a 400.",
    ),
    Reading(
        "site and address filters",
        "`geographicSiteId` on one list, `geographicalSiteId` on the other",
        "one spelling for each list",
        "Both spellings are taken on both lists.",
    ),
    Reading(
        "listener of a change of state",
        "Table 7 names `workOrderAttributeValueChangeEvent` in the path",
        "`workOrderStateChangeEvent`",
        "Events go to the listener of their own type, as in the OpenAPI file; Table 7's name for the Buyers in "
        "`delivery.guide_listener_buyers`.",
    ),
    Reading(
        "event names in a registration's query",
        "first letter in lower case",
        "one example has it in upper case, with spaces around `=`",
        "Case of the first letter and spaces do not matter; an unknown type is a 400.",
    ),
    Reading(
        "validFor of a booking",
        "the sample shows a list",
        "an object",
        "An object; a list is a 422 that points at `/validFor`.",
    ),
    Reading(
        "R27, a visit moved by the Seller",
        "says that `validFor` becomes true",
        "`validFor` is a period",
        "`appointmentRequired` becomes true.",
    ),
    Reading(
        "cancelling takes time",
        "6.6 names a status `assessingCancellation`",
        "no such status",
        "204 once the WFM has agreed; the Appointment is then `cancelled`.",
    ),
    Reading(
        "what a patch may change (R36-R38)",
        "R37 forbids what R36 asks for, and R38 forbids all contacts",
        "five attributes, the place among them",
        "Notes and attachments only grow; the Buyer's own two contacts and `validFor` may change; the Seller's contact "
        "and the place may not.",
    ),
    Reading("unit MBYTES", "missing in the table of units", "present", "Taken."),
    Reading(
        "errors of a body",
        "does not say which is 400 and which 422",
        "both exist; the hub has no 422",
        "What is no JSON object is 400 `invalidBody`; wrong attributes are a 422 list with pointers, on the hub a 400.",
    ),
    Reading(
        "R25, the trouble ticket",
        "the Seller sets its status",
        "belongs to another API",
        "A ticket command on the bus: pending, inProgress and resolved, as in Figure 5.",
    ),
)
