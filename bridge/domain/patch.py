"""A Buyer's patch of an Appointment: RFC 7386 merge under R36-R44.

The guide's R36-R38 contradict each other; we read them as: notes and attachments are append-only (what exists comes
back unchanged), the Buyer may change his own two contact roles and `validFor`; the seller's contact and the place may
not change.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from bridge.domain.model import AddNote, Appointment, Problem
from bridge.mef.enums import AppointmentStatus, ContactRole, Error422Code
from bridge.mef.models import AppointmentUpdate, MefModel, Note, RelatedContactInformation

PATCHABLE = ("attachment", "note", "relatedContactInformation", "validFor")
BUYER_ROLES = (ContactRole.BUYER_APPOINTMENT, ContactRole.APPOINTMENT_PLACE)

Item = TypeVar("Item", bound=MefModel)


def check_patch(appointment: Appointment, request: AppointmentUpdate, provided: frozenset[str]) -> list[Problem]:
    """Return what forbids the patch, apart from the window. `provided` holds the top-level names of the body."""
    if appointment.status is not AppointmentStatus.CONFIRMED:  # R40
        reason = f"Only a confirmed Appointment can be patched; this one is {appointment.status}."
        return [Problem(Error422Code.OTHER_ISSUE, reason)]
    if not provided & frozenset(PATCHABLE):  # R36
        reason = f"At least one of {', '.join(PATCHABLE)} must be given."
        return [Problem(Error422Code.MISSING_PROPERTY, reason, "")]
    return [
        *_check_appended(appointment.note, request.note, "/note"),
        *_check_appended(appointment.attachment, request.attachment, "/attachment"),
        *_check_contacts(appointment, request),
        *_check_place(appointment, request),
    ]


def apply_patch(appointment: Appointment, request: AppointmentUpdate) -> Appointment:
    """Return the Appointment with notes, attachments and contacts of the patch; the window is the WFM's to agree."""
    return replace(
        appointment,
        note=appointment.note if request.note is None else request.note,
        attachment=appointment.attachment if request.attachment is None else request.attachment,
        contacts=_merged_contacts(appointment, request),
    )


def buyers_part(appointment: Appointment) -> tuple[object, ...]:
    """Return what a patch can change; the rest may change under it, as when the WFM assigns a technician."""
    contacts = tuple(contact for contact in appointment.contacts if contact.role in BUYER_ROLES)
    return (appointment.valid_for, appointment.note, appointment.attachment, contacts)


def new_notes(appointment: Appointment, request: AppointmentUpdate) -> tuple[Note, ...]:
    """Return the notes the patch adds."""
    return (request.note or ())[len(appointment.note) :]


def news_for_wfm(appointment: Appointment, request: AppointmentUpdate) -> tuple[AddNote, ...]:
    """Return what the WFM must be told of a patch besides the window: new notes, and a line for each changed contact.

    A WFM has no command for contacts of a visit that is booked; the technician reads them in the notes.
    """
    texts = [note.text for note in new_notes(appointment, request)]
    texts += [_line(contact) for contact in _changed_contacts(appointment, request)]
    return tuple(AddNote(text, appointment.id, appointment.work_order) for text in texts)


def _changed_contacts(appointment: Appointment, request: AppointmentUpdate) -> tuple[RelatedContactInformation, ...]:
    merged = _merged_contacts(appointment, request)
    return tuple(contact for contact in merged if contact not in appointment.contacts)


def _line(contact: RelatedContactInformation) -> str:
    number = f"{contact.number} ext. {contact.number_extension}" if contact.number_extension else contact.number
    said = (contact.name, contact.organization, number, contact.email_address)
    return " ".join(f"{contact.role}: {', '.join(part for part in said if part)}".split())


def _check_appended(existing: Sequence[Item], given: Sequence[Item] | None, path: str) -> list[Problem]:
    """R43, R44: new items are appended to the existing list."""
    if given is None:
        return []
    for index, item in enumerate(existing):
        if index >= len(given) or given[index] != item:
            reason = f"Existing items must come back unchanged and first; item {index} differs or is missing."
            return [Problem(Error422Code.INVALID_VALUE, reason, f"{path}/{index}")]
    return []


def _check_contacts(appointment: Appointment, request: AppointmentUpdate) -> list[Problem]:
    given = request.related_contact_information
    if given is None:
        return []
    path = "/relatedContactInformation"
    sellers = [c for c in appointment.contacts if c.role not in BUYER_ROLES]
    problems = [
        Problem(
            Error422Code.INVALID_VALUE, f"The contact with role {c.role} is not the Buyer's to change.", f"{path}/{i}"
        )
        for i, c in enumerate(given)
        if c.role not in BUYER_ROLES and c not in sellers
    ]
    merged = {contact.role for contact in _merged_contacts(appointment, request)}
    problems += [
        Problem(Error422Code.MISSING_PROPERTY, f"A contact with role {role} must remain.", path)
        for role in BUYER_ROLES
        if role not in merged and any(c.role == role for c in appointment.contacts)
    ]
    return problems


def _merged_contacts(appointment: Appointment, request: AppointmentUpdate) -> tuple[RelatedContactInformation, ...]:
    given = request.related_contact_information
    if given is None:
        return appointment.contacts
    kept = tuple(c for c in appointment.contacts if c.role not in BUYER_ROLES)
    return (*(c for c in given if c.role in BUYER_ROLES), *kept)


def _check_place(appointment: Appointment, request: AppointmentUpdate) -> list[Problem]:
    if request.related_place is None or request.related_place == appointment.place:
        return []
    return [Problem(Error422Code.INVALID_VALUE, "The place of an Appointment cannot be changed.", "/relatedPlace")]
