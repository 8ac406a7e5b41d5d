"""The Appointment API: use cases 7 to 12."""

from typing import Final

from aiohttp import web

from bridge.api import presenter, views
from bridge.api.body import read_model, read_object
from bridge.api.config import ApiConfig
from bridge.api.filters import APPOINTMENT_FILTERS, appointment_query, page_request
from bridge.api.operations import Call, Route
from bridge.api.responses import answer, created, no_content, page
from bridge.api.services import Appointments
from bridge.domain.model import AppointmentId, CommandId
from bridge.mef.enums import Api
from bridge.mef.models import AppointmentCreate, AppointmentUpdate, SearchTimeSlotCreate

_NOT_PATCHED: Final = {
    "status": "The status of an Appointment is not patched: POST …/appointment/{id}/cancel cancels it (R45), and the "
    "rest the Seller sets."
}


class AppointmentOperations:
    """The six operations on time slots and Appointments."""

    def __init__(self, appointments: Appointments, config: ApiConfig) -> None:
        self._appointments = appointments
        self._config = config

    def routes(self) -> tuple[Route, ...]:
        """Table 4, hub aside."""
        api = Api.APPOINTMENT
        return (
            Route(api, "POST", "/searchTimeSlot", self.search),
            Route(api, "POST", "/appointment", self.create, keyed=True),
            Route(api, "GET", "/appointment", self.find, APPOINTMENT_FILTERS),
            Route(api, "GET", "/appointment/{id}", self.retrieve),
            Route(api, "PATCH", "/appointment/{id}", self.patch),
            Route(api, "POST", "/appointment/{id}/cancel", self.cancel, keyed=True),
        )

    async def search(self, call: Call) -> web.Response:
        """R11 to R14. The OpenAPI file answers 201, though nothing is kept that could be fetched again."""
        request = read_model(await read_object(call.request), SearchTimeSlotCreate)
        slots = await self._appointments.search(call.represented.buyers, request, call.correlation_id)
        return answer(201, presenter.search_time_slot(request, slots, call.links))

    async def create(self, call: Call) -> web.Response:
        """R15 to R25."""
        request = read_model(await read_object(call.request), AppointmentCreate)
        booked = await self._appointments.book(call.represented.buyers, request, call.correlation_id, _command_id(call))
        return created(presenter.appointment(booked, call.links), call.links.appointment(booked.id))

    async def find(self, call: Call) -> web.Response:
        """R30, R31, O3."""
        wanted = page_request(call.query, self._config)
        found = await self._appointments.list(appointment_query(call.query, call.represented.buyers, wanted))
        return page([views.appointment_find(item, call.links) for item in found.items], found.total, wanted)

    async def retrieve(self, call: Call) -> web.Response:
        """R32 to R35."""
        found = await self._appointments.view(call.represented.buyers, AppointmentId(call.identifier))
        return answer(200, views.appointment(found, call.links))

    async def patch(self, call: Call) -> web.Response:
        """R36 to R44, as a JSON merge patch (RFC 7386)."""
        body = await read_object(call.request)
        request = read_model(body, AppointmentUpdate, _NOT_PATCHED)
        patched = await self._appointments.patch(
            call.represented.buyers,
            AppointmentId(call.identifier),
            request,
            frozenset(body.value),
            call.correlation_id,
        )
        return answer(200, presenter.appointment(patched, call.links))

    async def cancel(self, call: Call) -> web.Response:
        """R45 to R50. The request has no body; one that is sent is not read."""
        await self._appointments.cancel(
            call.represented.buyers, AppointmentId(call.identifier), call.correlation_id, _command_id(call)
        )
        return no_content()


def _command_id(call: Call) -> CommandId | None:
    return None if call.effect is None else CommandId(call.effect)
