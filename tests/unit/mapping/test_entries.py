"""Entries of what the Buyer sees: one for each item, left out where a condition fails, and merged by a key."""

from dataclasses import replace
from typing import Any

import pytest

from bridge.domain.model import Job, WorkOrderDetails
from bridge.mapping.checks.inspection import inspect
from bridge.mapping.pack import Pack
from bridge.mef.enums import AppointmentStatus, WorkOrderState
from bridge.mef.models import GeographicSiteRef, RelatedContactInformation, RelatedEntity
from bridge.yaml_source import parse_yaml
from tests.unit.mapping.builders import job, translated, unmapped, work_order
from tests.unit.mapping.patches import pack_with, problems
from tests.unit.mapping.test_docs_examples import EXAMPLES

DESK = {"role": "technicalContact", "name": "T", "number": "1", "email_address": "t@toy.example"}
CREW = """
zone: UTC
fields:
  site: {path: $.site, default: S}
  at: {path: $.at, type: datetime, format: iso, required: true}
  crew:
    path: $.crew
    type: items
    fields:
      tech: {path: $.id, type: code, table: people, required: true}
      phone: {path: $.phone}
      leads: {path: $.leads, type: boolean, default: false}
      said: {path: $.said}
      where_from: {path: $.from}
work_order:
  contacts:
    - {role: technicalContact, name: T, number: "1", email_address: t@toy.example}
    - role: technician
      each: crew
      if_present: phone
      name: {value: tech.name}
      number: {value: phone}
      email_address: {value: [tech.mail, site], default: -}
  place:
    - {type: GeographicSiteRef, role: SITE, attributes: {id: {value: site}}}
    - {type: GeographicSiteRef, role: DEPOT, each: crew, if_present: where_from, attributes: {id: {value: where_from}}}
  related_entity:
    - {id: TT, role: parent, referred_type: TroubleTicket}
    - {each: crew, id: {value: tech}, role: worker, referred_type: Person}
  note: [{each: crew, text: {value: said}, author: {value: tech.name}, date: {value: at}}]
appointment:
  note: [{each: crew, when: {leads: true}, text: {value: said}, author: {value: tech.name}, date: {value: at}}]
tables:
  people: {key: id, rows: [{id: EVA, name: Eva, mail: eva@toy.example}, {id: TOM, name: Tom}]}
"""
EVA = {"id": "EVA", "phone": "7", "leads": True, "said": "Ring twice", "from": "D1"}
TOM = {"id": "TOM", "said": "Bring a ladder"}


def told(pack: Pack, message: dict[str, Any], known: Job | None = None) -> WorkOrderDetails:
    """What the Buyer sees of the WorkOrder after a message."""
    return translated(pack, {"job": "J", "at": "2026-03-05T12:00:00Z", **message}, known).update.details


def knowing(**details: Any) -> Job:
    """A job of which the Buyer sees this already."""
    known = work_order()
    return Job(ref=known.job, work_order=replace(known, details=replace(known.details, **details)))


def contact(role: str, name: str) -> RelatedContactInformation:
    return RelatedContactInformation.model_validate({**DESK, "role": role, "name": name})


def test_there_is_one_entry_for_each_item_and_it_names_the_items_own_fields() -> None:
    details = told(pack_with(CREW), {"crew": [EVA, TOM | {"phone": "8"}]})
    assert [(one.role, one.name, one.number, one.email_address) for one in details.contacts] == [
        ("technicalContact", "T", "1", "t@toy.example"),
        ("technician", "Eva", "7", "eva@toy.example"),
        ("technician", "Tom", "8", "S"),
    ]
    assert [(place.role, getattr(place, "id", None)) for place in details.place] == [("SITE", "S"), ("DEPOT", "D1")]
    assert [entity.id for entity in details.related_entity] == ["TT", "EVA", "TOM"]
    assert [(note.author, note.text) for note in details.note] == [("Eva", "Ring twice"), ("Tom", "Bring a ladder")]


def test_an_item_of_which_the_field_is_absent_has_no_entry() -> None:
    assert len(told(pack_with(CREW), {"crew": [TOM]}).contacts) == 1


@pytest.mark.parametrize("message", [{}, {"crew": []}])
def test_there_is_no_entry_where_there_is_no_item(message: dict[str, Any]) -> None:
    assert [entity.id for entity in told(pack_with(CREW), message).related_entity] == ["TT"]


def test_notes_on_the_visit_are_written_for_each_item_that_fits() -> None:
    message = {"job": "J", "at": "2026-03-05T12:00:00Z", "crew": [EVA, TOM]}
    assert [note.text for note in translated(pack_with(CREW), message).update.visit.note] == ["Ring twice"]


def test_a_value_of_an_item_that_the_standard_refuses_parks_the_message() -> None:
    message = {"job": "J", "at": "2026-03-05T12:00:00Z", "crew": [EVA | {"phone": ""}]}
    assert (
        "RelatedContactInformation.number: String should have at least 1 character"
        in unmapped(pack_with(CREW), message).reason
    )


WHEN = """
fields:
  kind: {path: $.kind}
  level: {path: $.level, type: integer}
  crew: {path: $.crew, type: code, table: people}
tables: {people: {key: id, rows: [{id: A, side: north, name: Eva}, {id: B, side: south}]}}
work_order:
  related_entity:
    - {id: TT, role: parent, referred_type: TroubleTicket}
    - {id: high, role: x, referred_type: x, when: {level: {at_least: 5}, kind: {not: trial}}}
    - {id: north, role: x, referred_type: x, when: {crew.side: north}}
    - {id: open, role: x, referred_type: x, when: {work_order_state: open, appointment_status: {present: false}}}
    - {id: {value: kind}, role: {value: crew.name}, referred_type: x, when: {kind: text, crew.name: {present: true}}}
appointment:
  seller_contact:
    assigned: {when: {crew.side: north}, name: {value: crew.name, default: N}, number: "1", email_address: n@n.example}
"""


@pytest.mark.parametrize(
    ("message", "ids"),
    [
        ({"level": 5, "kind": "x"}, ["TT", "high"]),
        ({"level": 5}, ["TT", "high"]),
        ({"level": 5, "kind": "trial"}, ["TT"]),
        ({"level": 4, "crew": "A"}, ["TT", "north"]),
        ({"kind": "text", "crew": "A"}, ["TT", "north", "text"]),
        ({"kind": "text", "crew": "B"}, ["TT"]),
    ],
)
def test_an_entry_is_there_when_all_its_cells_fit(message: dict[str, Any], ids: list[str]) -> None:
    details = translated(pack_with(WHEN), {"job": "J", **message}).update.details
    assert [entity.id for entity in details.related_entity] == ids


def test_cells_of_entries_may_ask_what_the_buyer_sees() -> None:
    def ids(known: Job) -> list[str]:
        details = translated(pack_with(WHEN), {"job": "J"}, known).update.details
        return [entity.id for entity in details.related_entity]

    assert ids(job(WorkOrderState.OPEN)) == ["TT", "open"]
    assert ids(job(WorkOrderState.PLANNED, AppointmentStatus.CONFIRMED)) == ["TT"]


def test_nobody_is_assigned_where_the_cells_do_not_fit() -> None:
    def name(crew: str) -> str:
        *_, seller = translated(pack_with(WHEN), {"job": "J", "crew": crew}).update.visit.contacts
        return seller.name

    assert (name("A"), name("B")) == ("Eva", "T")


OLD_CONTACTS = (contact("technician", "Old"), contact("technicalContact", "Old desk"), contact("manager", "Boss"))


def test_what_a_message_does_not_speak_of_stays_and_all_of_one_role_is_replaced() -> None:
    pack = pack_with(CREW.replace("work_order:\n", "work_order:\n  merge: [contacts, place, related_entity]\n"))
    known = knowing(
        contacts=OLD_CONTACTS,
        place=(GeographicSiteRef(id="D9", role="DEPOT"), GeographicSiteRef(id="Z", role="SITE")),
        related_entity=(
            RelatedEntity(id="EVA", role="boss", referred_type="Person"),
            RelatedEntity(id="EVA", role="?", referred_type="Ship"),
        ),
    )
    silent = told(pack, {}, known)
    assert [one.name for one in silent.contacts] == ["Old", "T", "Boss"]
    assert [getattr(place, "id", None) for place in silent.place] == ["D9", "S"]
    assert [(one.id, one.role) for one in silent.related_entity] == [("EVA", "boss"), ("EVA", "?"), ("TT", "parent")]
    said = told(pack, {"crew": [EVA, TOM | {"phone": "8"}]}, known)
    assert [one.name for one in said.contacts] == ["Eva", "Tom", "T", "Boss"]
    assert [getattr(place, "id", None) for place in said.place] == ["D1", "S"]
    assert [(one.id, one.role) for one in said.related_entity] == [
        ("EVA", "worker"),
        ("EVA", "?"),
        ("TT", "parent"),
        ("TOM", "worker"),
    ]


def test_without_merge_the_last_message_says_it_all() -> None:
    assert [one.name for one in told(pack_with(CREW), {}, knowing(contacts=OLD_CONTACTS)).contacts] == ["T"]


def test_the_first_message_has_nothing_to_merge_with() -> None:
    pack = pack_with(CREW.replace("work_order:\n", "work_order:\n  merge: [contacts]\n"))
    assert [one.name for one in told(pack, {}).contacts] == ["T"]


def test_the_example_of_the_documentation_does_as_it_says() -> None:
    pack = pack_with(EXAMPLES["each"])

    def seen(message: dict[str, Any], known: Job | None = None) -> list[list[str]]:
        details = translated(pack, {"job": "J", **message}, known).update.details
        return [[one.name for one in details.contacts], [one.id for one in details.related_entity]]

    crew = [{"id": "EVA", "leads": True}, {"id": "TOM", "leads": True}]
    assert seen({"crew": crew, "tickets": ["T-1"]}) == [["Larch Dispatch", "Eva Fern"], ["L-1007", "T-1"]]
    known = knowing(
        contacts=(contact("technician", "Eva"),),
        related_entity=(RelatedEntity(id="T-1", role="x", referred_type="TroubleTicket"),),
    )
    assert seen({"tickets": ["T-2"]}, known) == [["Eva", "Larch Dispatch"], ["T-1", "L-1007", "T-2"]]


FIELDS = """fields:
    {kind: {path: $.kind}, c: {path: $.c, type: items, fields: {a: {path: $.a, required: true}, b: {path: $.b}}}}"""
WINDOW = "expected a date and time, got 1"
SITE = "type: GeographicSiteRef, role: r, attributes: {id: x}"
PERSON = "name: T, number: '1', email_address: t"
SURE = "{id: T, role: r, referred_type: t}"


def with_entity(entity: str) -> str:
    """The patch that adds a related entity."""
    return f"{{{FIELDS}, work_order: {{related_entity: [{SURE}, {entity}]}}}}"


@pytest.mark.parametrize(
    ("patch", "problem"),
    [
        (
            with_entity("{each: d, id: {value: a}, role: r, referred_type: t}"),
            "unknown-field: there is no field 'd'; there is from, to, kind, c",
        ),
        (
            with_entity("{each: kind, id: {value: a}, role: r, referred_type: t}"),
            "wrong-type: expected a field of type items; kind is text",
        ),
        (
            with_entity("{id: {value: a}, role: r, referred_type: t}"),
            "unknown-field: a is a field of each item of c; it is known only in an entry with `each: c`",
        ),
        (
            with_entity("{if_present: a, id: x, role: r, referred_type: t}"),
            "unknown-field: a is a field of each item of c; it is known only in an entry with `each: c`",
        ),
        (
            with_entity("{each: c, id: {value: b}, role: r, referred_type: t}"),
            "may-be-absent: b may be absent, and the standard requires a value; give a default, ",
        ),
        (
            with_entity("{each: c, when: {a.x: y}, id: {value: a}, role: r, referred_type: t}"),
            "unknown-column: field a has no table, so there is no a.x",
        ),
        (
            with_entity("{when: {from: x}, id: x, role: r, referred_type: t}"),
            "wrong-type: from is of type datetime; only {present: …} can be asked of it",
        ),
        (
            with_entity("{when: {knid: x}, id: x, role: r, referred_type: t}"),
            "unknown-field: there is no field 'knid'; did you mean 'kind'?",
        ),
        (
            with_entity("{when: {kind: {not: x}}, id: {value: kind}, role: r, referred_type: t}"),
            "may-be-absent: kind may be absent, and the standard requires a value; give a default, ",
        ),
        (
            f"{{{FIELDS}, work_order: {{related_entity: [{{each: c, id: {{value: a}}, role: r, referred_type: t}}]}}}}",
            "may-be-absent: the standard requires a related entity; at least one must have no if_present, when or each",
        ),
        (
            f"{{{FIELDS}, work_order: {{place: [{{when: {{kind: x}}, {SITE}}}]}}}}",
            "may-be-absent: the standard requires a place; at least one must have no if_present, when or each",
        ),
        (
            f"{{{FIELDS}, work_order: {{contacts: [{{when: {{kind: x}}, role: technicalContact, {PERSON}}}]}}}}",
            "missing-key: the standard requires a contact with role technicalContact in every WorkOrder (R54)",
        ),
        ("work_order: {merge: [note]}", "wrong-value: "),
        (
            f"{{appointment: {{seller_contact: {{assigned: {{each: c, {PERSON}}}}}}}}}",
            "unknown-key: unknown key 'each'",
        ),
    ],
)
def test_what_cannot_be_written_of_entries_is_told(patch: str, problem: str) -> None:
    assert any(one.startswith(problem) for one in problems(patch)), problems(patch)


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        (("path: $.a, required", "paht: $.a, required"), ["unknown-key"]),
        (("path: $.b, type", "path: b, type"), ["wrong-value"]),
        (("values: [x, y]", "table: none"), ["unknown-table"]),
        (("each: c", "each: 5"), ["wrong-type"]),
        (("each: c", "each: d"), ["wrong-type"]),
        (("each: c", "each: e"), ["unknown-field"]),
        (("when: {b: x}", "when: {b: {}}"), ["wrong-value"]),
        (("precedence: [x, y]", "precedence: []"), ["wrong-value"]),
        (("precedence: [x, y]", "precedence: x"), ["wrong-type"]),
        ((", precedence: [x, y]", ""), ["missing-key"]),
    ],
)
def test_one_mistake_in_a_list_of_objects_is_told_once(change: tuple[str, str], kinds: list[str]) -> None:
    inside = "{a: {path: $.a, required: true}, b: {path: $.b, type: code, values: [x, y]}}"
    entity = "{each: c, when: {b: x}, id: {value: a}, role: r, referred_type: t}"
    text = f"""
pack: small
version: "1"
inbound: {{exchange: e, bindings: ["#"], job: $.job}}
fields: {{c: {{path: $.c, type: items, fields: {inside}}}, d: {{of: c.b, precedence: [x, y]}}}}
rules: [{{rule: any, when: {{d: [x, y]}}, then: {{park: Why}}}}, {{rule: none, then: {{park: Why}}}}]
work_order:
  buyer: b
  place: [{{type: GeographicSiteRef, role: r, attributes: {{id: s}}}}]
  duration: {{amount: 1, unit: HOUR}}
  contacts: [{{role: technicalContact, {PERSON}}}]
  related_entity: [{SURE}, {entity}]
  task: Look
appointment: {{window: {{start: 1, end: 1}}, seller_contact: {{default: {{{PERSON}}}}}}}
"""
    assert text.count(change[0]) == 1
    found = inspect(parse_yaml(text.replace(*change), "small.yaml")).findings
    assert [one.kind for one in found if one.message != WINDOW] == kinds


@pytest.mark.parametrize(
    "entity",
    [
        "{each: c, id: {value: a}, role: r, referred_type: t}",
        "{each: c, if_present: b, id: {value: b}, role: {value: kind, default: r}, referred_type: t}",
        "{each: c, when: {b: x}, id: {value: b}, role: r, referred_type: t}",
        "{when: {kind: {present: true}}, id: {value: kind}, role: r, referred_type: t}",
    ],
)
def test_what_is_sure_wherever_an_entry_is_built_needs_no_default(entity: str) -> None:
    assert problems(with_entity(entity)) == []


TABLE = """tables: {t: {key: k, rows: [{k: a, name: Eva}, {k: b}]}}
fields:
  kind: {path: $.kind}
  sure: {path: $.sure, type: code, table: t, required: true}
  who: {path: $.who, type: code, table: t}
  free: {path: $.free}
work_order:
"""


@pytest.mark.parametrize(
    ("value", "more", "remedies"),
    [
        ("free", "", ["give a default", "make the field required", "add `if_present: free`"]),
        (
            "who.name",
            "",
            [
                "give a default",
                "make who required",
                "give each row of table t a name (row b has none)",
                "add `when: {who.name: {present: true}}`",
            ],
        ),
        (
            "sure.name",
            "",
            [
                "give a default",
                "give each row of table t a name (row b has none)",
                "add `when: {sure.name: {present: true}}`",
            ],
        ),
        ("who.name", "if_present: who, ", None),  # that there is a row says nothing of its columns
        ("who.name", "when: {who.name: {present: true}}, ", []),
        ("sure.name", "when: {sure.name: {present: true}}, ", []),
        ("free", "if_present: free, ", []),
    ],
)
def test_what_may_be_absent_is_told_with_what_would_help(value: str, more: str, remedies: list[str] | None) -> None:
    entity = f"{{{more}id: {{value: {value}}}, role: r, referred_type: t}}"
    told = problems(f"{TABLE}  related_entity: [{SURE}, {entity}]")
    if remedies == []:
        assert told == []
        return
    (only,) = told
    if remedies is not None:
        assert only.endswith(f"; {', '.join(remedies[:-1])}, or {remedies[-1]}")


def test_a_value_that_is_no_entrys_cannot_be_left_out() -> None:
    (told,) = problems(f"{TABLE}  task: {{value: free}}")
    assert told.endswith("; give a default, or make the field required")
