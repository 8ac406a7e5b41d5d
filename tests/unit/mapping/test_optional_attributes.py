"""What the standard does without is left out where the WFM says nothing; what it requires parks the message."""

from typing import Any

import pytest

from bridge.mapping.checks.checker import check
from bridge.mapping.pack import compile_pack
from bridge.mef.models import FieldedAddress, RelatedContactInformation
from tests.unit.mapping.builders import translated, unmapped
from tests.unit.packtools.packs import FRAME, document, small

FIELDS = {name: {"path": f"$.{name}"} for name in ("street", "nr", "post", "phone", "ext", "org", "who")}
RULES = [{"rule": "made", "then": {"work_order": "open", "creates": True}}]
PERSON = {"name": "A", "number": "1", "email_address": "a@a.example"}
ADDRESS = {"city": "Gdynia", "country": "Poland", "street_name": "Main"}


def work_order(**parts: Any) -> dict[str, Any]:
    return {**FRAME["work_order"], **parts}


def place(**attributes: Any) -> list[dict[str, Any]]:
    return [{"type": "FieldedAddress", "role": "SITE", "attributes": {**ADDRESS, **attributes}}]


def contact(**attributes: Any) -> list[dict[str, Any]]:
    return [{"role": "technicalContact", **PERSON, **attributes}]


def details(message: dict[str, Any], **parts: Any) -> Any:
    source = small(FIELDS, RULES, work_order=work_order(**parts))
    doc = document(source)
    assert check(doc, source) == ()
    return translated(compile_pack(doc, source.data), {"job": "J", **message}).update.details


def kinds(section: str, data: dict[str, Any]) -> list[str]:
    source = small(FIELDS, RULES, **{section: data})
    return [one.kind for one in check(document(source), source)]


PLACE = place(street_nr={"value": "nr"}, postcode={"value": ["post", "who"]})
CONTACT = contact(number_extension={"value": "ext"}, organization={"value": "org"})


def test_an_optional_attribute_of_a_place_is_left_out_where_it_is_absent() -> None:
    assert details({"nr": "7"}, place=PLACE).place == (FieldedAddress(role="SITE", **ADDRESS, street_nr="7"),)
    assert details({"who": "81"}, place=PLACE).place == (FieldedAddress(role="SITE", **ADDRESS, postcode="81"),)


def test_an_optional_attribute_of_a_contact_is_left_out_where_it_is_absent() -> None:
    expected = RelatedContactInformation(role="technicalContact", **PERSON)
    assert details({}, contacts=CONTACT).contacts == (expected,)
    told = expected.model_copy(update={"number_extension": "17"})
    assert details({"ext": 17}, contacts=CONTACT).contacts == (told,)


@pytest.mark.parametrize("rest", [{}, {"number_extension": {"value": "ext"}}])
def test_a_boolean_is_written_as_in_json_whatever_stands_beside_it(rest: dict[str, Any]) -> None:
    made = details({"ext": "17"}, contacts=contact(organization=True, name={"literal": False}, **rest))
    assert [(one.name, one.organization) for one in made.contacts] == [("false", "true")]
    assert [one.postcode for one in details({}, place=place(postcode=True)).place] == ["true"]


def test_an_optional_attribute_of_whoever_is_assigned_is_left_out_where_it_is_absent() -> None:
    assigned = {**PERSON, "name": {"value": "who"}, "if_present": "who", "organization": {"value": "org"}}
    seller = {"assigned": assigned, "default": PERSON}
    source = small(FIELDS, RULES, appointment={**FRAME["appointment"], "seller_contact": seller})
    doc = document(source)
    assert check(doc, source) == ()
    update = translated(compile_pack(doc, source.data), {"job": "J", "who": "Eva"}).update
    *_, contact = update.visit.contacts
    assert (contact.name, contact.organization) == ("Eva", None)


def test_an_optional_attribute_that_cannot_be_read_still_parks_the_message() -> None:
    source = small(FIELDS, RULES, work_order=work_order(place=PLACE))
    told = unmapped(compile_pack(document(source), source.data), {"job": "J", "nr": {"deep": 1}})
    assert told.reason == "field nr ($.nr): expected text without NUL characters; came an object of 1 members"


@pytest.mark.parametrize("attribute", ["name", "number", "email_address"])
def test_a_contact_needs_a_sure_name_number_and_address(attribute: str) -> None:
    assert kinds("work_order", work_order(contacts=contact(**{attribute: {"value": "who"}}))) == ["may-be-absent"]


@pytest.mark.parametrize("attribute", ["city", "country", "street_name"])
def test_a_place_needs_a_sure_source_of_what_the_standard_requires(attribute: str) -> None:
    assert kinds("work_order", work_order(place=place(**{attribute: {"value": "who"}}))) == ["may-be-absent"]
    role = [{**one, "role": {"value": "who"}} for one in place()]
    assert kinds("work_order", work_order(place=role)) == ["may-be-absent"]


def test_an_optional_attribute_must_still_be_text() -> None:
    wrong = place(street_nr={"value": "start"})
    assert kinds("work_order", work_order(place=wrong)) == ["wrong-type"]
