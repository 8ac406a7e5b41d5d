"""What broken servers do wrong, and which requirement each of them breaks."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import orjson

from bridge.conformance.scene import read_moment
from tests.conformance.proxy import Answer, Ask, BrokenServer, Fault, Note, changed

APPOINTMENT, WORK_ORDER = "appointment", "workOrderManagement"
ONE = "appointment/*"
Change = Callable[[BrokenServer, Ask, Answer], Awaitable[Answer]]


def on(method: str, api: str, tail: str, status: int, change: Callable[[Any], Any]) -> Change:
    """Change the body of one operation's answers of one status."""

    async def answer(_server: BrokenServer, ask: Ask, answer: Answer) -> Answer:
        if ask.is_(method, api, tail) and answer.status == status:
            return answer.with_json(change(answer.json))
        return answer

    return answer


def status_of(method: str, api: str, tail: str, status: int, wrong: int) -> Change:
    """Answer with another status."""

    async def answer(_server: BrokenServer, ask: Ask, answer: Answer) -> Answer:
        if ask.is_(method, api, tail) and answer.status == status:
            answer.status = wrong
        return answer

    return answer


def without(*names: str) -> Callable[[Any], Any]:
    return lambda body: {name: value for name, value in body.items() if name not in names}


def without_contact(role: str) -> Callable[[Any], Any]:
    """Give a contact another role; to leave it out could empty the list, which would be another fault."""

    def change(body: Any) -> Any:
        contacts = [
            {**each, "role": "somebody"} if each["role"] == role else each for each in body["relatedContactInformation"]
        ]
        return {**body, "relatedContactInformation": contacts}

    return change


async def forgets_who_is_at_the_place(server: BrokenServer, ask: Ask, answer: Answer) -> Answer:
    """Only what a Buyer has booked has all three contacts."""
    if ask.is_("POST", APPOINTMENT, "appointment") and answer.status == 201:
        server.memory[answer.json["id"]] = True
    if ask.is_("GET", APPOINTMENT, ONE) and answer.status == 200 and answer.json["id"] not in server.memory:
        return answer.with_json(without_contact("appointmentPlaceContact")(answer.json))
    return answer


def setting(**values: Any) -> Callable[[Any], Any]:
    return lambda body: {**body, **values}


def dropping(kind: str) -> Callable[[BrokenServer, Note], list[Note]]:
    """Lose the notifications of one type."""
    return lambda _server, note: [] if note.path.endswith(kind) else [note]


def query_without(*names: str) -> Callable[[BrokenServer, Ask], Awaitable[Answer | None]]:
    """Ignore query parameters."""

    async def ask(_server: BrokenServer, ask: Ask) -> None:
        ask.query = {name: value for name, value in ask.query.items() if name not in names}

    return ask


async def no_page_headers(_server: BrokenServer, _ask: Ask, answer: Answer) -> Answer:
    answer.headers = {name: value for name, value in answer.headers.items() if not name.startswith("X-")}
    return answer


async def past_last_read(server: BrokenServer, ask: Ask, answer: Answer) -> Answer:
    """A completed Appointment is in progress again when it is read once more."""
    if ask.is_("GET", APPOINTMENT, ONE) and answer.status == 200 and answer.json["status"] == "completed":
        reads = server.memory[ask.path] = server.memory.get(ask.path, 0) + 1
        return answer.with_json({**answer.json, "status": "completed" if reads == 1 else "inProgress"})
    return answer


async def steps_back(server: BrokenServer, ask: Ask, answer: Answer) -> Answer:
    """A WorkOrder in progress reads open for a moment."""
    if ask.is_("GET", WORK_ORDER, "workOrder/*") and answer.status == 200 and answer.json["state"] == "inProgress":
        reads = server.memory[ask.path] = server.memory.get(ask.path, 0) + 1
        return answer.with_json({**answer.json, "state": "open" if reads == 2 else "inProgress"})
    return answer


def _still_required(body: Any) -> Any:
    return {**body, "appointmentRequired": True} if body["state"] == "planned" else body


def _still_planned(body: Any) -> Any:
    return {**body, "state": "planned"} if body["state"] == "open" and body.get("appointment") else body


def _not_required_again(body: Any) -> Any:
    return {**body, "appointmentRequired": not body.get("appointment")}


async def window_ignored(server: BrokenServer, ask: Ask) -> Answer | None:
    """A patched window is forgotten, and the answer is a friendly 200."""
    if ask.is_("PATCH", APPOINTMENT, ONE) and "validFor" in ask.json:
        return await server.forward(Ask("GET", ask.path, {}, ask.headers, b""))
    return None


async def patch_always(server: BrokenServer, ask: Ask, answer: Answer) -> Answer:
    """A patch of an Appointment that is not confirmed any more is taken without a word."""
    if ask.is_("PATCH", APPOINTMENT, ONE) and answer.status == 422:
        seen = await server.forward(Ask("GET", ask.path, {}, ask.headers, b""))
        return answer if seen.json["status"] == "confirmed" else seen
    return answer


def _far_slot(body: Any) -> Any:
    far = {"startDateTime": "2199-01-01T08:00:00Z", "endDateTime": "2199-01-01T12:00:00Z"}
    return {**body, "availableTimeSlot": [*body["availableTimeSlot"], {"validFor": far}]}


async def notes_deleted(server: BrokenServer, ask: Ask, answer: Answer) -> Answer:
    """Only the newest note of a patch is kept."""
    if ask.is_("PATCH", APPOINTMENT, ONE) and answer.status == 200:
        server.memory[ask.path] = True
    if answer.status == 200 and server.memory.get(ask.path) and ask.method in ("GET", "PATCH"):
        return answer.with_json({**answer.json, "note": answer.json.get("note", [])[-1:]})
    return answer


def everybody_reads(api: str, tail: str) -> Callable[[BrokenServer, Ask], Awaitable[Answer | None]]:
    """Objects are shown to whoever asks."""

    async def ask(server: BrokenServer, ask: Ask) -> None:
        token = ask.headers.get("Authorization", "")
        if ask.method == "POST" and ask.path.endswith("/searchTimeSlot"):
            server.memory["token"] = token
        if ask.is_("GET", api, tail) and "token" in server.memory and token:
            ask.headers["Authorization"] = server.memory["token"]

    return ask


async def cancel_with_body(_server: BrokenServer, ask: Ask, answer: Answer) -> Answer:
    if ask.is_("POST", APPOINTMENT, "appointment/*/cancel") and answer.status == 204:
        return answer.with_json({"status": "cancelled"}, 200)
    return answer


async def books_twice(server: BrokenServer, ask: Ask, answer: Answer) -> Answer:
    """A WorkOrder that was booked once takes another booking."""
    if not ask.is_("POST", APPOINTMENT, "appointment"):
        return answer
    work_order = _work_order_of(ask)
    if answer.status == 201:
        server.memory[work_order] = answer.json
    elif answer.status == 422 and work_order in server.memory:
        return answer.with_json(server.memory[work_order], 201)
    return answer


def _work_order_of(ask: Ask) -> str:
    try:
        return str(ask.json["workOrder"]["id"])
    except (KeyError, TypeError, orjson.JSONDecodeError):
        return ""


async def whole_windows_only(_server: BrokenServer, ask: Ask, answer: Answer) -> Answer:
    """The time filter finds what lies inside it, and not what overlaps it."""
    after, before = ask.query.get("validFor.gt"), ask.query.get("validFor.lt")
    if not ask.is_("GET", APPOINTMENT, "appointment") or not (after and before) or answer.status != 200:
        return answer
    start, end = read_moment(after), read_moment(before)
    inside = [
        item
        for item in answer.json
        if start <= read_moment(item["validFor"]["startDateTime"])
        and read_moment(item["validFor"]["endDateTime"]) <= end
    ]
    return answer.with_json(inside)


async def empty_401(_server: BrokenServer, _ask: Ask, answer: Answer) -> Answer:
    return Answer(401, {}, b"") if answer.status == 401 else answer


def _without_zone(body: Any) -> Any:
    return {**body, "validFor": {name: value.removesuffix("Z") for name, value in body["validFor"].items()}}


def to_everybody(server: BrokenServer, note: Note) -> list[Note]:
    """Whoever has ever registered is told everything."""
    return [note, *(Note(each, note.path, note.body) for each in server.callbacks.values() if each != note.callback)]


def on_another_listener(_server: BrokenServer, note: Note) -> list[Note]:
    """The guide's Table 7 taken at its word."""
    path = note.path.replace("workOrderStateChangeEvent", "workOrderAttributeValueChangeEvent")
    return [Note(note.callback, path, note.body)]


def wrong_type_in_body(_server: BrokenServer, note: Note) -> list[Note]:
    if note.path.endswith("appointmentStatusChangeEvent"):
        return [changed(note, eventType="appointmentAttributeValueChangeEvent")]
    return [note]


def new_id_each_time(_server: BrokenServer, note: Note) -> list[Note]:
    return [changed(note, eventId=str(uuid4()))]


def without_buyer_id(_server: BrokenServer, note: Note) -> list[Note]:
    return [changed(note, event=without("buyerId")(note.body["event"]))]


async def query_of_registration_ignored(_server: BrokenServer, ask: Ask) -> None:
    if ask.method == "POST" and ask.path.endswith("/hub"):
        ask.body = orjson.dumps(without("query")(ask.json))


async def never_unregisters(_server: BrokenServer, ask: Ask) -> Answer | None:
    return Answer(204, {}, b"") if ask.method == "DELETE" else None


FAULTS: tuple[Fault, ...] = (
    Fault(
        "the list of WorkOrders is one object",
        ("R51",),
        ("R30", "R53"),
        answer=on("GET", WORK_ORDER, "workOrder", 200, lambda items: items[0] if items else {}),
    ),
    Fault("no page header", ("R64",), ("R30", "R51"), answer=no_page_headers),
    Fault(
        "a required attribute is missing",
        ("R34",),
        ("R18", "R33"),
        answer=on("GET", APPOINTMENT, ONE, 200, without("relatedPlace")),
    ),
    Fault(
        "an unknown Appointment is a 400",
        ("R33",),
        ("R39", "R45", "R52"),
        answer=status_of("GET", APPOINTMENT, ONE, 404, 400),
    ),
    Fault(
        "a 422 is an object",
        ("R12",),
        ("R14", "R16"),
        answer=on("POST", APPOINTMENT, "searchTimeSlot", 422, lambda errors: errors[0]),
    ),
    Fault(
        "an error code of its own",
        ("R52",),
        ("R33", "R53"),
        answer=on("GET", WORK_ORDER, "workOrder/*", 404, setting(code="noSuchThing")),
    ),
    Fault("whoever ever registered is told", ("R60", "R62"), ("R63",), notify=to_everybody),
    Fault(
        "no notification that a visit is needed",
        ("R58",),
        ("R56", "R57"),
        notify=dropping("workOrderAppointmentRequiredEvent"),
    ),
    Fault("no notification of a new WorkOrder", ("R56",), ("R57", "R58"), notify=dropping("workOrderCreateEvent")),
    Fault(
        "no notification of the Seller's change",
        ("R29",),
        ("R28",),
        notify=dropping("appointmentAttributeValueChangeEvent"),
    ),
    Fault("a notification on another listener", ("R4",), ("R2", "R57"), notify=on_another_listener),
    Fault("another eventType in the body", ("R2", "R28"), ("R4", "R57"), notify=wrong_type_in_body),
    Fault("another eventId each time", ("R61", "R63"), ("R28", "R57"), notify=new_id_each_time),
    Fault("a completed Appointment goes on", ("R26",), ("R55",), answer=past_last_read),
    Fault("a WorkOrder in progress is open for a moment", ("R55",), ("R28",), answer=steps_back),
    Fault(
        "appointmentRequired stays true",
        ("R23", "R59"),
        ("R22", "R24"),
        answer=on("GET", WORK_ORDER, "workOrder/*", 200, _still_required),
    ),
    Fault(
        "a cancelled visit leaves the WorkOrder planned",
        ("R49",),
        ("R48", "R50"),
        answer=on("GET", WORK_ORDER, "workOrder/*", 200, _still_planned),
    ),
    Fault(
        "a cancelled visit is not wanted again",
        ("R48",),
        ("R49", "R50"),
        answer=on("GET", WORK_ORDER, "workOrder/*", 200, _not_required_again),
    ),
    Fault("a patched window is ignored", ("R36", "R41", "R42"), ("R43", "R44"), ask=window_ignored),
    Fault("an ended Appointment can be patched", ("R40",), ("R36", "R43"), answer=patch_always),
    Fault("the status filter is ignored", ("O3",), ("O4", "R31"), ask=query_without("status")),
    Fault("offset and limit are ignored", ("R64",), ("R51",), ask=query_without("offset", "limit")),
    Fault("whole windows only", ("R31",), ("R30",), answer=whole_windows_only),
    Fault(
        "a slot outside of the request",
        ("R13", "R14"),
        ("R11", "R12"),
        answer=on("POST", APPOINTMENT, "searchTimeSlot", 201, _far_slot),
    ),
    Fault("a patch deletes notes", ("R43",), ("R35", "R44"), answer=notes_deleted),
    Fault(
        "another Buyer's Appointment is shown",
        ("R33",),
        ("R34", "R52"),
        ask=everybody_reads(APPOINTMENT, ONE),
    ),
    Fault("cancel is 200 with a body", ("R1",), ("R3", "R45"), answer=cancel_with_body),
    Fault("a WorkOrder can be booked twice", ("R20",), ("R19", "R21"), answer=books_twice),
    Fault(
        "the seller's contact is missing in the booking",
        ("R18",),
        ("R19", "R34"),
        answer=on("POST", APPOINTMENT, "appointment", 201, without_contact("sellerAppointmentContact")),
    ),
    Fault(
        "a visit that the Seller agreed has no contact at the place",
        ("R18", "R34"),
        ("R19", "R33"),
        answer=forgets_who_is_at_the_place,
    ),
    Fault(
        "no technicalContact",
        ("R54",),
        ("R53",),
        answer=on("GET", WORK_ORDER, "workOrder/*", 200, without_contact("technicalContact")),
    ),
    Fault("a 401 without a body", ("R10",), ("R33",), answer=empty_401),
    Fault(
        "date-times without a zone",
        ("R34", "R10"),
        ("R18",),
        answer=on("GET", APPOINTMENT, ONE, 200, _without_zone),
    ),
    Fault("buyerId is forgotten in events", ("R9",), ("R5",), notify=without_buyer_id),
    Fault("an unneeded buyerId is ignored", ("R6",), ("R8",), ask=query_without("buyerId")),
    Fault(
        "the query of a registration is ignored",
        ("R60", "R62"),
        ("R61", "R63"),
        ask=query_of_registration_ignored,
    ),
    Fault("nobody is ever unregistered", ("R1", "R3", "R60", "R62"), ("R61",), ask=never_unregisters),
)
