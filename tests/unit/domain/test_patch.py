"""A Buyer's patch: what may change, what may only be appended, what must stay (R36-R38, R43, R44)."""

import pytest

from bridge.domain.model import Problem
from bridge.domain.patch import apply_patch, check_patch, new_notes
from bridge.mef.enums import AppointmentStatus, ContactRole, Error422Code
from bridge.mef.models import AppointmentUpdate, GeographicSiteRef, RelatedContactInformation
from tests.unit.domain.builders import (
    AFTERNOON,
    BUYERS_CONTACTS,
    MORNING,
    SELLER,
    TECHNICIAN,
    a_contact,
    a_note,
    an_appointment,
    an_attachment,
)

OTHER, INVALID, MISSING = Error422Code.OTHER_ISSUE, Error422Code.INVALID_VALUE, Error422Code.MISSING_PROPERTY
FIRST, SECOND = a_note("n-1", "Ring twice"), a_note("n-2", "Beware of the dog")
PLAN, PHOTO = an_attachment("plan.pdf"), an_attachment("photo.jpg")
APPOINTMENT = an_appointment(note=(FIRST,), attachment=(PLAN,))
NEW_BUYER = a_contact(ContactRole.BUYER_APPOINTMENT, "Kim Roe")
PLACE = BUYERS_CONTACTS[1]


def found(problems: list[Problem]) -> list[tuple[Error422Code, str | None]]:
    return [(problem.code, problem.path) for problem in problems]


def check(**body: object) -> list[tuple[Error422Code, str | None]]:
    """Check a patch as the Buyer wrote it, wire names and all."""
    request = AppointmentUpdate.model_validate(body)
    return found(check_patch(APPOINTMENT, request, frozenset(body)))


@pytest.mark.parametrize("body", [{}, {"relatedPlace": APPOINTMENT.place}])
def test_a_patch_holds_something_that_can_be_patched(body: dict[str, object]) -> None:
    """R36; the pointer is the whole body."""
    assert check(**body) == [(MISSING, "")]


def test_only_a_confirmed_appointment_is_patched() -> None:
    """R40."""
    request = AppointmentUpdate(valid_for=AFTERNOON)
    ended = an_appointment(AppointmentStatus.COMPLETED)
    assert found(check_patch(ended, request, frozenset({"validFor"}))) == [(OTHER, None)]


# Notes and attachments, R43 and R44


@pytest.mark.parametrize(("name", "items"), [("note", (FIRST, SECOND)), ("attachment", (PLAN, PHOTO))])
def test_items_are_appended(name: str, items: tuple[object, ...]) -> None:
    assert check(**{name: items}) == []


@pytest.mark.parametrize(("name", "items"), [("note", (FIRST,)), ("attachment", (PLAN,))])
def test_existing_items_may_come_back_alone(name: str, items: tuple[object, ...]) -> None:
    assert check(**{name: items}) == []


@pytest.mark.parametrize(
    ("name", "items"),
    [
        ("note", ()),
        ("note", (SECOND,)),
        ("note", (SECOND, FIRST)),
        ("note", (a_note("n-1", "changed"), SECOND)),
        ("attachment", ()),
        ("attachment", (PHOTO, PLAN)),
    ],
)
def test_existing_items_come_back_unchanged_and_first(name: str, items: tuple[object, ...]) -> None:
    assert check(**{name: items}) == [(INVALID, f"/{name}/0")]


def test_new_notes_are_those_after_the_existing_ones() -> None:
    assert new_notes(APPOINTMENT, AppointmentUpdate(note=(FIRST, SECOND))) == (SECOND,)
    assert new_notes(APPOINTMENT, AppointmentUpdate(valid_for=AFTERNOON)) == ()


# Contacts, R36 to R38


def test_the_buyer_changes_his_own_contacts() -> None:
    assert check(relatedContactInformation=(NEW_BUYER, PLACE)) == []


def test_the_sellers_contact_may_come_back_unchanged() -> None:
    assert check(relatedContactInformation=(NEW_BUYER, PLACE, SELLER)) == []


@pytest.mark.parametrize("foreign", [TECHNICIAN, a_contact(ContactRole.TECHNICAL), a_contact("somebodyElse")])
def test_other_contacts_are_not_the_buyers_to_change(foreign: RelatedContactInformation) -> None:
    contacts = (*BUYERS_CONTACTS, foreign)
    assert check(relatedContactInformation=contacts) == [(INVALID, "/relatedContactInformation/2")]


@pytest.mark.parametrize("kept", BUYERS_CONTACTS)
def test_both_roles_of_the_buyer_remain_filled(kept: RelatedContactInformation) -> None:
    """A list in a merge patch replaces the list (RFC 7386); R34 wants both roles."""
    assert check(relatedContactInformation=(kept,)) == [(MISSING, "/relatedContactInformation")]


# The place, R37


def test_the_place_may_come_back_unchanged() -> None:
    assert check(validFor=AFTERNOON, relatedPlace=APPOINTMENT.place) == []


def test_the_place_cannot_be_changed() -> None:
    elsewhere = GeographicSiteRef(id="SITE-8", role="location")
    assert check(validFor=AFTERNOON, relatedPlace=elsewhere) == [(INVALID, "/relatedPlace")]


def test_all_problems_of_a_patch_are_reported_at_once() -> None:
    elsewhere = GeographicSiteRef(id="SITE-8", role="location")
    problems = check(note=(), attachment=(), relatedContactInformation=(SELLER,), relatedPlace=elsewhere)
    assert [path for _, path in problems] == [
        "/note/0",
        "/attachment/0",
        "/relatedContactInformation",
        "/relatedContactInformation",
        "/relatedPlace",
    ]


# Applying it


def test_a_patch_changes_only_what_it_names() -> None:
    patched = apply_patch(APPOINTMENT, AppointmentUpdate(note=(FIRST, SECOND)))
    assert patched.note == (FIRST, SECOND)
    assert (patched.attachment, patched.contacts) == (APPOINTMENT.attachment, APPOINTMENT.contacts)


def test_new_contacts_of_the_buyer_leave_the_sellers_in_place() -> None:
    patched = apply_patch(APPOINTMENT, AppointmentUpdate(related_contact_information=(NEW_BUYER, PLACE)))
    assert patched.contacts == (NEW_BUYER, PLACE, SELLER)


def test_the_window_is_the_wfms_to_agree() -> None:
    assert apply_patch(APPOINTMENT, AppointmentUpdate(valid_for=AFTERNOON)).valid_for == MORNING
