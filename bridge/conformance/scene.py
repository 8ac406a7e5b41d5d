"""What one check works with: jobs, searches and bookings of its own, and eyes for what follows from them.

A scene ends its jobs when the check is over, so that technicians are free again.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import shuffle
from typing import Any, Final, TypeVar
from urllib.parse import quote

from bridge.conformance import expect
from bridge.conformance.exchange import Exchange, Notice
from bridge.conformance.findings import Failed, NotExercised
from bridge.conformance.hooks import Hook, HookFailed
from bridge.conformance.listener import Mailbox
from bridge.conformance.target import Account, Target
from bridge.mef.enums import Api

T = TypeVar("T")
Json = dict[str, Any]

ATTEMPTS: Final = 4
"""How often something is tried that others may come before."""
ENDED: Final = frozenset({"completed", "cancelled", "unableToComplete"})
ROLES: Final = ("buyerAppointmentContact", "appointmentPlaceContact")
ALL_ROLES: Final = (*ROLES, "sellerAppointmentContact")
UNKNOWN_ID: Final = "no-such-id-00000000-0000-4000-8000-000000000137"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A job of the WFM and its WorkOrder."""

    job: str
    id: str
    mark: int
    """How many notifications had come before the job was created."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """An Appointment that was booked for a job, or agreed by the Seller; `exchange` is what first showed it."""

    work: Work
    id: str
    exchange: Exchange
    body: Json

    @property
    def window(self) -> Json:
        """Its validFor."""
        window: Json = self.body["validFor"]
        return window


class Stage:
    """What the scenes of one run share: the target, the main mailbox, which WorkOrders are known, windows in use."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.mailbox: Mailbox = target.listener.open()
        self.registration: list[Exchange] = []
        self.known: set[str] = set()
        self.used: Counter[str] = Counter()
        self.creating = asyncio.Lock()

    async def set_up(self) -> None:
        """Find the spelling of the paths, register for everything, and note the WorkOrders that are there."""
        await self.target.find_spelling()
        for api in Api:
            body = {"callback": self.mailbox.callback}
            self.registration.append(await self.target.send("POST", api, "/hub", body=body))
        self.known.update(await self.listed())

    async def tear_down(self) -> None:
        """Take the registrations back."""
        for api, exchange in zip(Api, self.registration, strict=False):
            await forget(self.target, api, exchange)

    async def listed(self) -> set[str]:
        """The ids of open WorkOrders, as far as the list can be read; checks of the list are elsewhere."""
        try:
            answer = await self.target.send(
                "GET", Api.WORK_ORDER, self.target.work_orders,
                parameters={"state": "open", "limit": "1000"},
            )  # fmt: skip
            items = answer.json if answer.status == 200 else []
        except Failed:
            return set()
        found = items if isinstance(items, list) else [items]
        return {item["id"] for item in found if isinstance(item, dict) and isinstance(item.get("id"), str)}


async def forget(target: Target, api: Api, exchange: Exchange, account: Account | None = None) -> None:
    """Unregister what an exchange has registered; whether that works is checked elsewhere."""
    with suppress(Failed):
        identifier = exchange.object.get("id")
        if exchange.status == 201 and isinstance(identifier, str):
            await target.send("DELETE", api, f"/hub/{_quoted(identifier)}", account=account)


class Scene:
    """One check's view of the target. `seller_agrees`: the first visit of a job is agreed by the Seller, not booked."""

    seller_agrees = False

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.target = stage.target
        self.knobs = stage.target.knobs
        self._works: list[Work] = []
        self._agreed: set[str] = set()
        self._registered: list[tuple[Api, Exchange, Account | None]] = []

    # requests

    async def appointments(self, method: str, path: str, **options: Any) -> Exchange:
        """Call the Appointment API; `path` is below its base."""
        return await self.target.send(method, Api.APPOINTMENT, path, **options)

    async def work_orders(self, method: str = "GET", path: str = "", **options: Any) -> Exchange:
        """Call the WorkOrder API; `path` is below /workOrder."""
        return await self.target.send(method, Api.WORK_ORDER, self.target.work_orders + path, **options)

    async def get_appointment(self, identifier: str, **options: Any) -> Exchange:
        """GET /appointment/{id}."""
        return await self.appointments("GET", f"/appointment/{_quoted(identifier)}", **options)

    async def get_work_order(self, identifier: str, **options: Any) -> Exchange:
        """GET /workOrder/{id}."""
        return await self.work_orders("GET", f"/{_quoted(identifier)}", **options)

    async def patch_once(self, identifier: str, body: object) -> Exchange:
        """PATCH /appointment/{id}."""
        return await self.appointments("PATCH", f"/appointment/{_quoted(identifier)}", body=body)

    async def patch(self, identifier: str, body: object) -> Exchange:
        """Patch, and again where the Seller was changing the Appointment in that moment (409)."""
        answer = await self.patch_once(identifier, body)
        for _ in range(ATTEMPTS - 1):
            if answer.status != 409:
                break
            answer = await self.patch_once(identifier, body)
        return answer

    async def cancel(self, identifier: str) -> Exchange:
        """POST /appointment/{id}/cancel."""
        return await self.appointments("POST", f"/appointment/{_quoted(identifier)}/cancel")

    async def search(self, work_order: str, *windows: Json) -> Exchange:
        """POST /searchTimeSlot."""
        slots = [{"validFor": window} for window in windows]
        body = {"workOrder": {"id": work_order}, "requestedTimeSlot": slots}
        return await self.appointments("POST", "/searchTimeSlot", body=body)

    async def read(self, booking: Booking) -> Json:
        """The Appointment as it is now."""
        return expect.status(await self.get_appointment(booking.id), 200).object

    async def read_work_order(self, work: Work) -> Json:
        """The WorkOrder as it is now."""
        return expect.status(await self.get_work_order(work.id), 200).object

    # jobs

    async def new_work(self, hook: Hook = Hook.CREATE_JOB) -> Work:
        """Let the WFM create a job, and find its WorkOrder."""
        async with self.stage.creating:
            mark = self.mark()
            reference = await self.hook(hook)
            job, _, given = reference.partition(" ")
            identifier = given.strip() or await self._find_new(mark)
            self.stage.known.add(identifier)
        work = Work(job=job, id=identifier, mark=mark)
        self._works.append(work)
        return work

    async def _find_new(self, mark: int) -> str:
        async def look() -> str | None:
            fresh = await self.stage.listed() - self.stage.known
            for notice in self.stage.mailbox.notices[mark:]:
                if notice.event_type == "workOrderCreateEvent" and isinstance(notice.resource, str):
                    fresh |= {notice.resource} - self.stage.known
            return min(fresh, default=None)

        found = await self.until(look)
        if found is None:
            raise Failed(f"the job was created, but no new WorkOrder was seen within {self.knobs.patience:g} s")
        return found

    async def hook(self, hook: Hook, job: str = "") -> str:
        """Let the WFM do something."""
        return await self.target.hooks.run(hook, job)

    # windows and bookings

    def ahead(self) -> Json:
        """The period in which slots are searched."""
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
        return window(start, start + timedelta(days=self.knobs.search_days))

    def impossible(self) -> Json:
        """A minute in the night to Sunday, in which no technician comes."""
        today = datetime.now(UTC).replace(hour=1, minute=0, second=0, microsecond=0)
        sunday = today + timedelta(days=7 + (6 - today.weekday()))
        return window(sunday, sunday + timedelta(minutes=1))

    async def offered(self, work: Work, at_least: int = 1) -> list[Json]:
        """Windows that are offered now, those first that nobody in this run uses."""
        answer = expect.status(await self.search(work.id, self.ahead()), 201)
        expect.shape(answer, "SearchTimeSlot")
        windows = [slot["validFor"] for slot in answer.object["availableTimeSlot"]]
        if len(windows) < at_least:
            raise NotExercised(
                f"needs {at_least} free time slots within {self.knobs.search_days} days; got {len(windows)}"
            )
        shuffle(windows)  # others book as well
        return sorted(windows, key=lambda each: self.stage.used[each["startDateTime"]])

    async def free_window(self, work: Work) -> Json:
        """A window that is offered, and marked as used."""
        chosen = (await self.offered(work))[0]
        self.stage.used[chosen["startDateTime"]] += 1
        return chosen

    async def post_booking(self, work: Work, **changes: Any) -> Exchange:
        """Book; a change to None takes the attribute out."""
        body = {"workOrder": {"id": work.id}, "relatedContactInformation": contacts(), **changes}
        if "validFor" not in body:
            body["validFor"] = await self.free_window(work)
        kept = {name: value for name, value in body.items() if value is not None}
        return await self.appointments("POST", "/appointment", body=kept)

    async def booking(self, work: Work | None = None, **changes: Any) -> Booking:
        """A booked Appointment. A window that was taken since it was offered is let go for another."""
        work = work or await self.new_work()
        if self.seller_agrees and work.id not in self._agreed:
            return await self._agree(work, {key: changes[key] for key in ("note", "attachment") if key in changes})
        answer = await self.post_booking(work, **changes)
        for _ in range(ATTEMPTS - 1):
            if answer.status != 422 or "validFor" in changes or b"/validFor" not in answer.received:
                break
            answer = await self.post_booking(work, **changes)
        expect.status(answer, 201)
        expect.shape(answer, "Appointment")
        return Booking(work=work, id=answer.object["id"], exchange=answer, body=answer.object)

    async def _agree(self, work: Work, added: Json) -> Booking:
        """An Appointment that the Seller has agreed without the Buyer, who adds what a booking would have brought."""
        self._agreed.add(work.id)
        await self.hook(Hook.AGREE_VISIT, work.job)

        async def look() -> str | None:
            seen = expect.status(await self.get_work_order(work.id), 200).object
            return next((each.get("id") for each in seen.get("appointment") or ()), None)

        identifier = await self.until(look)
        if identifier is None:
            raise Failed(f"the WorkOrder lists no Appointment within {self.knobs.patience:g} s after one was agreed")
        if added:
            expect.status(await self.patch(identifier, added), 200)
        answer = expect.status(await self.get_appointment(identifier), 200)
        expect.shape(answer, "Appointment")
        return Booking(work=work, id=identifier, exchange=answer, body=answer.object)

    async def started(self) -> Booking:
        """A booked Appointment whose work has begun."""
        booking = await self.booking()
        await self.hook(Hook.START, booking.work.job)
        await self.appointment_reaches(booking, "inProgress")
        return booking

    # what follows

    def mark(self) -> int:
        """How many notifications have come so far."""
        return len(self.stage.mailbox.notices)

    async def notified(self, event_type: str, resource: str, after: int = 0, mailbox: Mailbox | None = None) -> Notice:
        """Wait for a notification."""
        box = mailbox or self.stage.mailbox

        def wanted(notice: Notice) -> bool:
            return notice.event_type == event_type and notice.resource == resource and notice.answered == 204

        found = await box.wait(wanted, after, self.knobs.patience)
        if found is None:
            came = [notice for notice in box.notices[after:] if notice.resource == resource]
            sentence = f"no {event_type} for {resource} came within {self.knobs.patience:g} s"
            raise Failed(sentence, *self._registrations(mailbox), *came)
        return found

    def _registrations(self, mailbox: Mailbox | None) -> list[Exchange]:
        return self.stage.registration if mailbox is None else [exchange for _, exchange, _ in self._registered]

    async def quiet(self) -> None:
        """Listen for what must not come."""
        await asyncio.sleep(self.knobs.quiet)

    async def appointment_reaches(self, booking: Booking, status: str) -> Json:
        """Wait until the Appointment has a status."""
        return await self._reaches(lambda: self.get_appointment(booking.id), "status", status)

    async def work_order_reaches(self, work: Work, state: str) -> Json:
        """Wait until the WorkOrder has a state."""
        return await self._reaches(lambda: self.get_work_order(work.id), "state", state)

    async def _reaches(self, read: Callable[[], Awaitable[Exchange]], name: str, wanted: str) -> Json:
        last: list[Exchange] = []

        async def look() -> Json | None:
            last[:] = [await read()]
            seen = expect.status(last[0], 200).object
            return seen if seen.get(name) == wanted else None

        found = await self.until(look)
        if found is None:
            raise Failed(f"{name} did not become {wanted} within {self.knobs.patience:g} s", *last)
        return found

    async def until(self, look: Callable[[], Awaitable[T | None]]) -> T | None:
        """Look again and again until there is something, or patience ends."""
        deadline = asyncio.get_running_loop().time() + self.knobs.patience
        while True:
            found = await look()
            if found is not None or asyncio.get_running_loop().time() >= deadline:
                return found
            await asyncio.sleep(self.knobs.poll)

    # registrations

    async def register(self, api: Api, query: str | None = None, account: Account | None = None) -> Mailbox:
        """Register a mailbox of this check's own."""
        mailbox = self.target.listener.open()
        body = {"callback": mailbox.callback, **({} if query is None else {"query": query})}
        answer = await self.target.send("POST", api, "/hub", body=body, account=account)
        self._registered.append((api, answer, account))
        expect.status(answer, 201)
        return mailbox

    async def unregister(self) -> None:
        """Take back all registrations of this check."""
        while self._registered:
            await forget(self.target, *self._registered.pop())

    async def end(self) -> None:
        """Take registrations back and end the jobs that have not ended, as well as can be."""
        with suppress(Failed, HookFailed):
            await self.unregister()
        if self.target.hooks.has(Hook.CANCEL_JOB):
            for work in self._works:
                with suppress(Failed, HookFailed):
                    await self._end(work)

    async def _end(self, work: Work) -> None:
        answer = await self.get_work_order(work.id)
        if answer.status == 200 and answer.object.get("state") not in ENDED:
            await self.hook(Hook.CANCEL_JOB, work.job)


def window(start: datetime, end: datetime) -> Json:
    """A TimePeriod."""
    return {"startDateTime": written(start), "endDateTime": written(end)}


def written(moment: datetime) -> str:
    """A date-time in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_moment(text: str) -> datetime:
    """A date-time of an answer that has the right shape."""
    return datetime.fromisoformat(text.upper())


def same_window(one: Json, other: Json) -> bool:
    """Tell whether two TimePeriods are the same, however they are written."""
    return all(read_moment(one[name]) == read_moment(other[name]) for name in ("startDateTime", "endDateTime"))


def contacts(name: str = "Jo Doe") -> list[Json]:
    """The two contacts that a booking must have (R15)."""
    return [
        {"role": role, "name": name, "number": "+48 22 555 01 00", "emailAddress": "jo.doe@example.com"}
        for role in ROLES
    ]


def note(identifier: str, text: str = "Please ring twice.") -> Json:
    """A Buyer's note."""
    return {"id": identifier, "author": "Jo Doe", "date": "2026-03-05T12:00:00Z", "source": "buyer", "text": text}


def attachment(identifier: str) -> Json:
    """A Buyer's attachment."""
    return {
        "attachmentId": identifier,
        "author": "Jo Doe",
        "name": f"plan-{identifier}.pdf",
        "source": "buyer",
        "url": f"https://documents.example.com/{identifier}",
        "mimeType": "application/pdf",
    }


def other_account(scene: Scene) -> Account:
    """The other Buyer."""
    if scene.target.accounts.other is None:
        raise NotExercised("needs --other-token")
    return scene.target.accounts.other


def _quoted(identifier: str) -> str:
    return quote(identifier, safe="")
