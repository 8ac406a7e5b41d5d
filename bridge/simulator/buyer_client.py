"""What a Buyer sends: every operation of MEF 137, through the public REST API only.

Answers are read strictly as the standard's types, so a bridge that answers otherwise is found out here.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote

import orjson
from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar
from pydantic import ValidationError

from bridge.errors import BridgeError
from bridge.mef.enums import Api, ContactRole, Irp
from bridge.mef.models import (
    Appointment,
    AppointmentCreate,
    AppointmentFind,
    AppointmentUpdate,
    EventSubscription,
    EventSubscriptionInput,
    MefModel,
    Note,
    RelatedContactInformation,
    SearchTimeSlot,
    SearchTimeSlotCreate,
    TimePeriod,
    TimeSlot,
    WorkOrder,
    WorkOrderFind,
    WorkOrderRef,
)

Model = TypeVar("Model", bound=MefModel)

CONTENT_TYPE: Final = "application/json;charset=utf-8"
PATIENCE: Final = 60.0  # seconds; longer than any bridge waits for its WFM
_BASES: Final = {Api.APPOINTMENT: "appointment/v2", Api.WORK_ORDER: "workOrderManagement/v2"}
_NOTHING: Final[Mapping[str, str]] = {}


class BuyerError(BridgeError):
    """The bridge did not do what the Buyer asked.

    `status` is the HTTP status, None where nothing came back; `body` is the answer's JSON, or its text.
    """

    def __init__(self, what: str, status: int | None = None, body: object = None) -> None:
        super().__init__(f"{what}: {status or 'no answer'} {body!r}")
        self.status = status
        self.body = body


def contacts(name: str = "Jo Doe") -> tuple[RelatedContactInformation, ...]:
    """The two contacts that a booking must have (R15)."""
    return tuple(
        RelatedContactInformation(role=role, name=name, number="+48 22 555 01 00", email_address="jo.doe@example.com")
        for role in (ContactRole.BUYER_APPOINTMENT, ContactRole.APPOINTMENT_PLACE)
    )


class BuyerClient:
    """A Buyer's side of the REST API. Use it as a context manager; `bridge_url` ends before `/mefApi`."""

    def __init__(self, bridge_url: str, api_key: str, irp: Irp) -> None:
        self.bridge_url = bridge_url.rstrip("/")
        self.irp = irp
        self._headers = {"Authorization": f"Bearer {api_key}", "Accept": "application/json"}
        self._session: ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = ClientSession(
            headers=self._headers, timeout=ClientTimeout(total=PATIENCE), cookie_jar=DummyCookieJar()
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    # time slots and Appointments

    async def search(self, work_order: str, *windows: TimePeriod) -> SearchTimeSlot:
        """Use case 7: ask which slots there are in these windows."""
        request = SearchTimeSlotCreate(
            requested_time_slot=tuple(TimeSlot(valid_for=window) for window in windows),
            work_order=WorkOrderRef(id=work_order),
        )
        return await self._one(SearchTimeSlot, "POST", Api.APPOINTMENT, "/searchTimeSlot", request)

    async def book(self, work_order: str, window: TimePeriod, note: Sequence[Note] = ()) -> Appointment:
        """Use case 8: book a visit."""
        request = AppointmentCreate(
            related_contact_information=contacts(),
            valid_for=window,
            work_order=WorkOrderRef(id=work_order),
            note=tuple(note) or None,
        )
        return await self._one(Appointment, "POST", Api.APPOINTMENT, "/appointment", request)

    async def appointments(self, filters: Mapping[str, str] = _NOTHING) -> tuple[AppointmentFind, ...]:
        """Use case 9: list Appointments; `filters` are query parameters."""
        return await self._many(AppointmentFind, Api.APPOINTMENT, "/appointment", filters)

    async def appointment(self, identifier: str) -> Appointment:
        """Use case 10: read one Appointment."""
        return await self._one(Appointment, "GET", Api.APPOINTMENT, f"/appointment/{_quoted(identifier)}")

    async def patch(self, identifier: str, change: AppointmentUpdate) -> Appointment:
        """Use case 11: change an Appointment; a new window is a reschedule."""
        return await self._one(Appointment, "PATCH", Api.APPOINTMENT, f"/appointment/{_quoted(identifier)}", change)

    async def cancel(self, identifier: str) -> None:
        """Use case 12: cancel an Appointment."""
        await self.send("POST", Api.APPOINTMENT, f"/appointment/{_quoted(identifier)}/cancel")

    # WorkOrders

    async def work_orders(self, filters: Mapping[str, str] = _NOTHING) -> tuple[WorkOrderFind, ...]:
        """Use case 13: list WorkOrders; `filters` are query parameters."""
        return await self._many(WorkOrderFind, Api.WORK_ORDER, "/workOrder", filters)

    async def work_order(self, identifier: str) -> WorkOrder:
        """Use case 14: read one WorkOrder."""
        return await self._one(WorkOrder, "GET", Api.WORK_ORDER, f"/workOrder/{_quoted(identifier)}")

    # listeners

    async def subscribe(self, api: Api, callback: str, query: str | None = None) -> EventSubscription:
        """Use cases 19 and 21: register a listener with one API."""
        request = EventSubscriptionInput(callback=callback, query=query)
        return await self._one(EventSubscription, "POST", api, "/hub", request)

    async def subscription(self, api: Api, identifier: str) -> EventSubscription:
        """Read a registered listener."""
        return await self._one(EventSubscription, "GET", api, f"/hub/{_quoted(identifier)}")

    async def unsubscribe(self, api: Api, identifier: str) -> None:
        """Remove a listener."""
        await self.send("DELETE", api, f"/hub/{_quoted(identifier)}")

    # HTTP

    async def _one(self, model: type[Model], method: str, api: Api, path: str, body: MefModel | None = None) -> Model:
        return _strictly(model, await self.send(method, api, path, body), f"{method} {path}")

    async def _many(self, model: type[Model], api: Api, path: str, filters: Mapping[str, str]) -> tuple[Model, ...]:
        raw = await self.send("GET", api, path, filters=filters)
        items = _json(raw)
        if not isinstance(items, list):
            raise BuyerError(f"GET {path} gave no list", 200, items)
        return tuple(_strictly(model, orjson.dumps(item), f"GET {path}") for item in items)

    async def send(
        self,
        method: str,
        api: Api,
        path: str,
        body: MefModel | None = None,
        filters: Mapping[str, str] = _NOTHING,
    ) -> bytes:
        """Send a request to one API and return the answer's bytes; raise `BuyerError` for all but success."""
        if self._session is None:
            raise BuyerError(f"{method} {path} was sent by a Buyer that is not started")
        url = f"{self.bridge_url}/mefApi/{self.irp.value}/{_BASES[api]}{path}"
        data = None if body is None else body.model_dump_json(by_alias=True, exclude_none=True).encode()
        headers = {} if data is None else {"Content-Type": CONTENT_TYPE}
        try:
            async with self._session.request(
                method, url, data=data, params=filters, headers=headers, allow_redirects=False
            ) as response:
                return await _successful(response, f"{method} {path}")
        except (ClientError, TimeoutError) as error:
            raise BuyerError(f"{method} {path}", None, str(error) or type(error).__name__) from error


async def _successful(response: ClientResponse, what: str) -> bytes:
    raw = await response.read()
    if response.status not in (200, 201, 204):
        raise BuyerError(what, response.status, _json(raw))
    return raw


def _json(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode("utf-8", "replace")


def _strictly(model: type[Model], raw: bytes, what: str) -> Model:
    try:
        return model.model_validate_json(raw, strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        raise BuyerError(
            f"{what} gave no {model.__name__} ({error.error_count()} problems)", 200, _json(raw)
        ) from error


def _quoted(identifier: str) -> str:
    return quote(identifier, safe="")
