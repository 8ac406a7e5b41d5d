"""The requirements of MEF 137, R1 to R64 and O1 to O4: what each asks in our own words, and how the bridge meets it.

A requirement that binds the Buyer is held against the Seller: it must refuse what the Buyer must not do, and make
possible what the Buyer must do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

SELLER: Final = "Seller"
BUYER: Final = "Buyer"
BOTH: Final = "both"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement. `binds` is the side that must comply, `use_case` where it belongs in the guide."""

    id: str
    title: str
    binds: str
    use_case: str
    how: str


def _group(use_case: str, *rows: tuple[str, str, str, str]) -> tuple[Requirement, ...]:
    return tuple(Requirement(number, title, binds, use_case, how) for number, binds, title, how in rows)


REQUIREMENTS: Final[tuple[Requirement, ...]] = (
    *_group(
        "Endpoints",
        (
            "R1",
            SELLER,
            "All nine Appointment operations exist",
            "Table 4's operations are routes under both reference points.",
        ),
        (
            "R2",
            BUYER,
            "Appointment notifications go to the Buyer's two listener paths",
            "The listener's path is built from callback, reference point and event type.",
        ),
        (
            "R3",
            SELLER,
            "All five WorkOrder operations exist",
            "Table 6's operations are routes under both reference points, in both spellings of workOrder.",
        ),
        (
            "R4",
            BUYER,
            "WorkOrder notifications go to the Buyer's three listener paths",
            "The listener's path is built from callback, reference point and event type.",
        ),
    ),
    *_group(
        "Who asks whom",
        (
            "R5",
            BUYER,
            "Who stands for several Buyers says which one is meant",
            "A request without buyerId from such an entity gets 400 missingQueryParameter.",
        ),
        (
            "R6",
            BUYER,
            "Who stands for one Buyer leaves buyerId out",
            "A buyerId from an entity with one Buyer gets 400 invalidQuery.",
        ),
        (
            "R7",
            BUYER,
            "Where several Sellers answer, the request says which one is meant",
            "With several Sellers configured, a request without sellerId gets 400 missingQueryParameter.",
        ),
        (
            "R8",
            BUYER,
            "Where one Seller answers, sellerId is left out",
            "A sellerId gets 400 invalidQuery unless several Sellers are configured.",
        ),
        (
            "R9",
            SELLER,
            "Notifications repeat the buyerId and sellerId of the registration",
            "Both are kept with the registration and written into each of its events.",
        ),
        (
            "R10",
            BOTH,
            "Bodies have the shapes of the OpenAPI files",
            "Requests are read and answers are written through strict models of the standard's types.",
        ),
    ),
    *_group(
        "UC 7 Search time slots",
        (
            "R11",
            BUYER,
            "A search names a WorkOrder and at least one period",
            "A search without one of them is refused with a pointer to what is missing.",
        ),
        (
            "R12",
            SELLER,
            "A search with invalid attributes gets 422",
            "Unknown WorkOrders, ended ones and impossible periods are refused before the WFM is asked.",
        ),
        (
            "R13",
            SELLER,
            "Nobody available means an empty list, not an error",
            "What the WFM offers outside of the periods is dropped; nothing left is an empty list.",
        ),
        (
            "R14",
            SELLER,
            "Whoever is available is offered, within the requested periods",
            "The WFM is asked for every period at once, and what it offers within them is shown.",
        ),
    ),
    *_group(
        "UC 8 Create an Appointment",
        (
            "R15",
            BUYER,
            "A booking has two contacts, a WorkOrder and a window",
            "A booking that lacks one is refused with a pointer to what is missing.",
        ),
        (
            "O1",
            BUYER,
            "A booking may carry notes and attachments",
            "Both are kept with the Appointment; notes are handed to the WFM as well.",
        ),
        (
            "R16",
            SELLER,
            "A booking of an impossible window gets 422",
            "A window that ends before it starts, or that is over, is refused.",
        ),
        (
            "R17",
            SELLER,
            "A booking that no technician can take gets 422",
            "A window that was not offered is searched in the WFM first; what the WFM has not is refused.",
        ),
        (
            "R18",
            SELLER,
            "The booked Appointment is complete, with all three contacts",
            "The Seller's contact is the technician, or the dispatch desk; the pack says where all three come from.",
        ),
        (
            "O2",
            SELLER,
            "The answer may show the booking's notes and attachments",
            "They are shown as they were sent.",
        ),
        ("R19", SELLER, "A booked Appointment is confirmed", "It is confirmed once the WFM has agreed."),
        (
            "R20",
            SELLER,
            "A WorkOrder with a running Appointment takes no second one",
            "Checked under the job's lock, so two bookings at once cannot both win.",
        ),
        (
            "R21",
            SELLER,
            "Only an open WorkOrder can be booked",
            "The WorkOrder's state is checked under the job's lock.",
        ),
        (
            "R22",
            SELLER,
            "The WorkOrder refers to its new Appointment",
            "Both change in the same transaction.",
        ),
        (
            "R23",
            SELLER,
            "The booked WorkOrder no longer asks for an Appointment",
            "appointmentRequired is false as soon as a visit is agreed.",
        ),
        ("R24", SELLER, "The booked WorkOrder is planned", "Agreeing a visit plans an open WorkOrder."),
        (
            "R25",
            SELLER,
            "The trouble ticket goes on once the visit is booked",
            "A ticket command goes to the WFM with the booking; also pending and resolved, as in Figure 5.",
        ),
    ),
    *_group(
        "Life of an Appointment",
        (
            "R26",
            SELLER,
            "An Appointment goes through all statuses, by legal steps only",
            "One literal table of transitions; a WFM that skips steps is brought through the legal ones.",
        ),
        (
            "R27",
            SELLER,
            "A Seller who moves a visit cancels it and asks for a new booking",
            "A moved window cancels the Appointment and sets appointmentRequired (the guide's TRUE belongs there).",
        ),
        (
            "R28",
            SELLER,
            "Every change of status is notified",
            "Each transition writes its notification in the transaction that makes it.",
        ),
        (
            "R29",
            SELLER,
            "The Seller's own changes of contact, note or attachment are notified",
            "A changed technician gives an attribute event for the open Appointment.",
        ),
    ),
    *_group(
        "UC 9 List Appointments",
        (
            "O3",
            BUYER,
            "Appointments can be filtered by place, WorkOrder, status and time",
            "All filters, in the guide's and in the OpenAPI file's spelling.",
        ),
        (
            "R30",
            SELLER,
            "Each listed Appointment has its six attributes",
            "The list is written through the standard's Appointment_Find, href included.",
        ),
        (
            "R31",
            SELLER,
            "A time filter finds every Appointment that overlaps it",
            "An Appointment is found if it ends after validFor.gt and starts before validFor.lt.",
        ),
    ),
    *_group(
        "UC 10 Read an Appointment",
        (
            "R32",
            BUYER,
            "An Appointment is read by its id",
            "Without an id there is no such resource.",
        ),
        (
            "R33",
            SELLER,
            "An unknown Appointment is a 404",
            "So is one that belongs to another Buyer.",
        ),
        (
            "R34",
            SELLER,
            "An Appointment shows its attributes and all three contacts",
            "It is written through the standard's Appointment; a pack without a sure source of all three is refused.",
        ),
        (
            "R35",
            SELLER,
            "Notes and attachments that were set are shown",
            "They are kept as sent and returned in order.",
        ),
    ),
    *_group(
        "UC 11 Patch an Appointment",
        (
            "R36",
            BUYER,
            "A patch changes at least one of what a Buyer may change",
            "A patch with none of them is refused; each of them is taken.",
        ),
        (
            "R37",
            BUYER,
            "A patch changes nothing else",
            "Other attributes are refused as unexpected, and the place may not change.",
        ),
        (
            "R38",
            BUYER,
            "A patch leaves the Seller's contact alone",
            "Read so that R36 can hold as well: the Buyer's two roles may change, the Seller's may not.",
        ),
        ("R39", SELLER, "A patch of an unknown Appointment is a 404", "So is one of another Buyer's."),
        (
            "R40",
            SELLER,
            "Only a confirmed Appointment can be patched",
            "The status is checked under the job's lock.",
        ),
        (
            "R41",
            SELLER,
            "A patch to an impossible window gets 422",
            "The same rules as for a booking.",
        ),
        (
            "R42",
            SELLER,
            "A patch to a window that no technician can take gets 422",
            "A new window is a reschedule that the WFM must agree to.",
        ),
        (
            "R43",
            BUYER,
            "Notes are only ever added",
            "Existing notes must come back unchanged and first; anything else is refused.",
        ),
        (
            "R44",
            BUYER,
            "Attachments are only ever added",
            "Existing attachments must come back unchanged and first; anything else is refused.",
        ),
    ),
    *_group(
        "UC 12 Cancel an Appointment",
        ("R45", SELLER, "Cancelling an unknown Appointment is a 404", "So is one of another Buyer's."),
        (
            "R46",
            SELLER,
            "Only a confirmed Appointment can be cancelled",
            "The status is checked under the job's lock.",
        ),
        (
            "R47",
            SELLER,
            "Only while the WorkOrder is planned",
            "The WorkOrder's state is checked under the job's lock.",
        ),
        (
            "R48",
            SELLER,
            "After a cancellation the WorkOrder asks for an Appointment again",
            "appointmentRequired is set when the visit falls away.",
        ),
        (
            "R49",
            SELLER,
            "After a cancellation the WorkOrder is open again",
            "planned to open is a transition, though the figure leaves it out.",
        ),
        (
            "R50",
            SELLER,
            "The cancelled Appointment is cancelled",
            "204 is only answered once the WFM has agreed; there is no status in between.",
        ),
    ),
    *_group(
        "UC 13 List WorkOrders",
        (
            "O4",
            BUYER,
            "WorkOrders can be filtered by place, related entity, state and need",
            "All filters, in the guide's and in the OpenAPI file's spelling.",
        ),
        (
            "R51",
            SELLER,
            "Each listed WorkOrder matches, and has its five attributes",
            "A list, as the guide says, written through the standard's WorkOrder_Find.",
        ),
    ),
    *_group(
        "UC 14 Read a WorkOrder",
        ("R52", SELLER, "An unknown WorkOrder is a 404", "So is one that belongs to another Buyer."),
        (
            "R53",
            SELLER,
            "A WorkOrder shows its attributes, and the technician once there is one",
            "It is written through the standard's WorkOrder; the pack says who the technician is.",
        ),
        (
            "R54",
            SELLER,
            "What else was set of a WorkOrder is shown",
            "Appointments, notes, the planned date and the technical contact come from the job.",
        ),
    ),
    *_group(
        "Life of a WorkOrder",
        (
            "R55",
            SELLER,
            "A WorkOrder goes through all states, by legal steps only",
            "One literal table of transitions; a WFM that skips steps is brought through the legal ones.",
        ),
        (
            "R56",
            SELLER,
            "A new WorkOrder is notified",
            "The create event is written in the transaction that creates it.",
        ),
        (
            "R57",
            SELLER,
            "Every change of state is notified",
            "Each transition writes its notification in the transaction that makes it.",
        ),
        (
            "R58",
            SELLER,
            "A WorkOrder that begins to ask for an Appointment is notified",
            "Whenever appointmentRequired turns true, also for a WorkOrder that is born with it.",
        ),
        (
            "R59",
            BUYER,
            "A WorkOrder that asks for an Appointment waits for search and booking",
            "Such a WorkOrder can be searched and booked, and its ticket is pending until then.",
        ),
    ),
    *_group(
        "UC 19, 20 Appointment notifications",
        (
            "R60",
            SELLER,
            "Who has not registered for an Appointment event is not told",
            "Deliveries are made for the registrations of the object's own Buyer and event type only.",
        ),
        (
            "R61",
            SELLER,
            "Who has registered for an Appointment event is told",
            "Deliveries are rows, written with the change and repeated until the listener takes them.",
        ),
    ),
    *_group(
        "UC 21, 22 WorkOrder notifications",
        (
            "R62",
            SELLER,
            "Who has not registered for a WorkOrder event is not told",
            "Deliveries are made for the registrations of the object's own Buyer and event type only.",
        ),
        (
            "R63",
            SELLER,
            "Who has registered for a WorkOrder event is told",
            "Deliveries are rows, written with the change and repeated until the listener takes them.",
        ),
    ),
    *_group(
        "Pages",
        (
            "R64",
            SELLER,
            "A page that was cut says so",
            "X-Total-Count is always there, and X-Pagination-Throttled when the server's own limit cut the page.",
        ),
    ),
)

BY_ID: Final[Mapping[str, Requirement]] = MappingProxyType({each.id: each for each in REQUIREMENTS})


def order_of(requirement: str) -> tuple[str, int]:
    """Sort key of a requirement's id: R1, R2, ... R64, then O1 to O4."""
    return ("z" if requirement.startswith("O") else "a", int(requirement[1:]))
