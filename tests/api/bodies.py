"""Bodies as a Buyer sends them; each call gives a fresh one."""

from typing import Any

WINDOW = {"startDateTime": "2026-03-06T08:00:00.000Z", "endDateTime": "2026-03-06T12:00:00.000Z"}


def contact_body(role: str) -> dict[str, Any]:
    return {"role": role, "name": "Jo Doe", "number": "+48 123", "emailAddress": "jo@example.com"}


def search_body() -> dict[str, Any]:
    return {"requestedTimeSlot": [{"validFor": dict(WINDOW)}], "workOrder": {"id": "W-1"}}


def booking_body() -> dict[str, Any]:
    return {
        "relatedContactInformation": [
            contact_body("buyerAppointmentContact"),
            contact_body("appointmentPlaceContact"),
        ],
        "validFor": dict(WINDOW),
        "workOrder": {"id": "W-1"},
    }


def note_body(text: str = "Ring twice.") -> dict[str, Any]:
    return {"id": "note-1", "author": "Jo", "date": "2026-03-05T12:00:00Z", "source": "buyer", "text": text}
