"""What a message says about the visit: the WFM's reference, the window, and the Seller's contact for it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bridge.domain.model import Job, Visit
from bridge.mapping import document
from bridge.mapping.formats.values import Get, Misread, Values, absent, as_text
from bridge.mapping.outputs.contacts import Contacts, contacts_getter, fixed_contact
from bridge.mapping.outputs.notes import Notes, notes_teller
from bridge.mapping.outputs.sources import moment_getter, value_getter
from bridge.mapping.reading.columns import field_lookups
from bridge.mef.enums import ContactRole
from bridge.mef.models import RelatedContactInformation, TimePeriod
from bridge.mef.moments import rfc3339

_GetMoment = Callable[[Values], datetime | None]


@dataclass(frozen=True, slots=True)
class VisitBuilder:
    """The compiled `appointment` section."""

    ref: Get
    start: _GetMoment
    end: _GetMoment
    assigned: Contacts
    seller_contact: RelatedContactInformation
    note: Notes

    def visit(self, values: Values, job: Job, *, window_told: bool) -> Visit:
        """Build the visit. Raises `Misread`."""
        ref = self.ref(values)
        return Visit(
            ref=(as_text(ref) or None) if ref is not None else None,
            window=period(self.start(values), self.end(values)),
            window_told=window_told,
            contacts=self.assigned(values, job) or (self.seller_contact,),
            note=self.note(values, job),
        )


def period(start: datetime | None, end: datetime | None) -> TimePeriod | None:
    """Make a window of its two ends, None of none. Raises `Misread` when there is half a window, or an empty one."""
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise Misread(f"window: the {'start' if start is None else 'end'} is absent while the other end is there")
    if end <= start:
        raise Misread(f"window: the end {rfc3339(end)} is not after the start {rfc3339(start)}")
    return TimePeriod(start_date_time=start, end_date_time=end)


def compile_visit(pack: document.PackDocument) -> VisitBuilder:
    """Compile the `appointment` section of a checked pack."""
    section, lookups = pack.appointment, field_lookups(pack)
    seller, role = section.seller_contact, ContactRole.SELLER_APPOINTMENT
    return VisitBuilder(
        ref=absent if section.visit is None else value_getter(section.visit, lookups),
        start=moment_getter("appointment.window.start", section.window.start, lookups),
        end=moment_getter("appointment.window.end", section.window.end, lookups),
        assigned=(
            _nobody
            if seller.assigned is None
            else contacts_getter("appointment.seller_contact.assigned", seller.assigned, role, pack)
        ),
        seller_contact=fixed_contact(seller.default, role),
        note=notes_teller("appointment.note", section.note, pack),
    )


def _nobody(_: Values, __: Job) -> tuple[RelatedContactInformation, ...]:
    return ()
