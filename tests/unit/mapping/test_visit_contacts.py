"""The contacts of an Appointment: all three, whoever made the visit, and each from the place that the pack declares."""

from typing import Any

import pytest

from bridge.domain.model import Job
from bridge.mapping.pack import Pack
from bridge.mef.enums import WorkOrderState
from tests.unit.mapping.builders import acme, job, toy, translated
from tests.unit.mapping.patches import known_job, pack_with, problems

PERSON = 'name: P, number: "1", email_address: p@p.example'
BOTH = "[buyerAppointmentContact, appointmentPlaceContact]"
MAKES = "rules: [{rule: any, then: {work_order: planned, appointment: confirmed, creates: true}}]"
PEOPLE = """
fields:
  kind: {path: $.kind}
  site: {path: $.site}
  people: {path: $.people, type: items, fields: {role: {path: $.role}, person: {path: $.name, required: true}}}
appointment:
  contacts:
    - role: appointmentPlaceContact
      each: people
      when: {role: site}
      name: {value: person}
      number: "1"
      email_address: p
    - {role: appointmentPlaceContact, if_present: site, name: {value: site}, number: "1", email_address: p}
    - {role: [buyerAppointmentContact, appointmentPlaceContact], name: Desk, number: "1", email_address: p}
"""


def contacts(pack: Pack, message: dict[str, Any]) -> list[tuple[str, str]]:
    made = translated(pack, {"job": "J", **message}).update.visit.contacts
    return [(one.role.removesuffix("AppointmentContact").removesuffix("Contact"), one.name) for one in made]


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ({}, ["Desk"]),
        ({"people": [{"role": "billing", "name": "Bea"}]}, ["Desk"]),
        ({"people": [{"role": "site", "name": "Ann"}, {"role": "site", "name": "Bob"}]}, ["Ann", "Bob"]),
        ({"people": [{"role": "site", "name": "Ann"}], "site": "Gate"}, ["Ann", "Gate"]),
        ({"site": "Gate"}, ["Gate"]),
    ],
)
def test_who_is_sure_stands_in_where_no_other_of_the_role_is_built(message: dict[str, Any], place: list[str]) -> None:
    wanted = [("buyer", "Desk"), *(("appointmentPlace", name) for name in place), ("seller", "T")]
    assert contacts(pack_with(PEOPLE), message) == wanted


WRONG = {
    f"work_order: {{contacts: [{{role: technican, {PERSON}}}]}}": (
        "there is no role 'technican' of a WorkOrder; did you mean 'technician'?"
    ),
    f"work_order: {{contacts: [{{role: boss, {PERSON}}}]}}": (
        "there is no role 'boss' of a WorkOrder; there is technicalContact and technician"
    ),
    f"work_order: {{contacts: [{{role: buyerAppointmentContact, {PERSON}}}]}}": (
        "buyerAppointmentContact is no role of a WorkOrder, which has technicalContact and technician; "
        "write it under appointment: contacts"
    ),
    f"work_order: {{contacts: [{{role: sellerAppointmentContact, {PERSON}}}]}}": (
        "write it under appointment: seller_contact"
    ),
    f"appointment: {{contacts: [{{role: [technician], {PERSON}}}]}}": (
        "technician is no role of an Appointment's contacts, which has buyerAppointmentContact and "
        "appointmentPlaceContact; write it under work_order: contacts"
    ),
    f"appointment: {{contacts: [{{role: sellerAppointmentContact, {PERSON}}}]}}": "write it under seller_contact",
    f"appointment: {{contacts: [{{role: {BOTH}, phone: '1', {PERSON}}}]}}": (
        "unknown key 'phone'; known here: if_present, when, each, name, number, email_address, number_extension, "
        "organization"
    ),
    f"{MAKES}\nappointment: {{contacts: []}}": (
        "a visit that the WFM makes (rule any) has no buyerAppointmentContact and no appointmentPlaceContact; "
        "the standard requires both in every Appointment (R18, R34)"
    ),
    f"{MAKES}\nappointment: {{contacts: [{{role: buyerAppointmentContact, {PERSON}}}]}}": (
        "appointmentPlaceContact may be absent; the standard requires both"
    ),
    f"{MAKES}\nappointment: {{contacts: [{{role: {BOTH}, if_present: kind, {PERSON}}}]}}": (
        "buyerAppointmentContact and appointmentPlaceContact may be absent; the standard requires both"
    ),
    "appointment: {seller_contact: {default: {name: {value: kind}}}}": "may-be-absent: kind may be absent",
    (
        "fields: {kind: {path: $.kind, remember: false, required: true}}\n"
        "appointment: {seller_contact: {default: {name: {value: kind}}}}"
    ): "not-remembered: kind is known only while its message is read, not when a Buyer books",
    "commands: {cancel: {body: {a: {value: contact.buyerAppointmentContact.phone, omit: true}}}}": (
        "there is no attribute 'phone'; there is name, number, email_address, number_extension, organization"
    ),
    "commands: {cancel: {body: {a: {value: contact.technicalContact.name, omit: true}}}}": (
        "there is no role 'technicalContact'; there is buyerAppointmentContact, appointmentPlaceContact, "
        "sellerAppointmentContact"
    ),
}


@pytest.mark.parametrize("patch", WRONG)
def test_a_contact_that_the_standard_does_not_have_is_told(patch: str) -> None:
    (problem,) = problems(patch)
    assert WRONG[patch] in problem


def test_a_pack_that_makes_no_visit_needs_no_contacts_of_the_buyer() -> None:
    assert problems("appointment: {contacts: []}") == []


BOOKED = """
fields:
  tech: {path: $.tech, type: code, table: techs}
  desk: {path: $.desk, required: true}
  label: {join: [desk, desk], joined_by: " / ", required: true}
tables: {techs: {key: id, rows: [{id: "1", name: Eva}, {id: "2", name: Tom}]}}
appointment:
  seller_contact:
    assigned:
      when: {tech: {present: true}, work_order_state: {not: planned}}
      name: {value: tech.name}
      number: "1"
      email_address: t
    default: {name: {value: label}, number: "1", email_address: d}
"""


@pytest.mark.parametrize("deltas", ["false", "true"])
@pytest.mark.parametrize(
    ("record", "seller"),
    [
        ({"desk": "North", "tech": "1"}, "Eva"),
        ({"desk": "North", "tech": 2}, "Tom"),
        ({"desk": "North"}, "North / North"),
        ({"desk": "North", "tech": "gone from the table"}, "North / North"),
        ({"desk": ["odd"], "tech": []}, "A"),  # the technical contact
        ({}, "A"),
    ],
)
def test_the_sellers_contact_of_a_booking_is_made_of_what_the_job_told_before(
    deltas: str, record: dict[str, object], seller: str
) -> None:
    made = pack_with(f"inbound: {{deltas: {deltas}}}\n{BOOKED}").seller_contact(known_job(**record))
    assert (made.role, made.name) == ("sellerAppointmentContact", seller)


@pytest.mark.parametrize("deltas", ["false", "true"])
def test_what_the_sellers_contact_needs_is_remembered(deltas: str) -> None:
    update = translated(
        pack_with(f"inbound: {{deltas: {deltas}}}\n{BOOKED}"), {"job": "J", "desk": "N", "tech": "1"}
    ).update
    assert {"desk": "N", "tech": "1"}.items() <= dict(update.record).items()


def test_a_booking_knows_the_technician_of_the_job() -> None:
    jan = acme().seller_contact(
        Job(ref=job().ref, work_order=job(WorkOrderState.OPEN).work_order, record={"technician": "T042"})
    )
    assert jan.name == "Jan Kowalski"
    assert toy().seller_contact(job(WorkOrderState.OPEN)).name == "Toy"


CREW = """
fields:
  crew:
    path: $.crew
    type: items
    fields: {person: {path: $.id, required: true}, state: {path: $.state, type: code, values: ["on", "off"]}}
  anybody: {of: crew.state, precedence: ["on", "off"]}
appointment:
  seller_contact:
    assigned: {when: {crew: {empty: false}, anybody: "on"}, name: Crew, number: "1", email_address: t}
    default: {name: Desk, number: "1", email_address: d}
"""


@pytest.mark.parametrize(
    ("crew", "seller"),
    [
        ([{"id": "EVA", "state": "off"}, {"id": "TOM", "state": "on"}], "Crew"),
        ([{"id": "EVA", "state": "off"}], "Desk"),
        ([{"id": "EVA", "state": "gone"}], "Desk"),  # it does not fit any more, for the pack was changed since
        ("none", "Desk"),
    ],
)
def test_a_list_of_items_that_the_job_told_before_may_be_asked_for_at_a_booking(crew: object, seller: str) -> None:
    assert pack_with(CREW).seller_contact(known_job(crew=crew)).name == seller
