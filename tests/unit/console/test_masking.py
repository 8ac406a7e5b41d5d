"""What a viewer does not see: contact data, notes and credentials, whatever form they come in."""

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.console.masking import HIDDEN, Mask, Plain, private_names, safe_url
from bridge.mapping.document.layers import read_pack

ROOT = Path(__file__).parents[3]
ACME = private_names(read_pack(ROOT / "mappings" / "acme-wfm").data)


def test_a_pack_says_which_fields_are_private() -> None:
    assert {"remark", "technician", "tech", "customer", "cust_acc"} <= ACME
    assert not {"status", "stat", "ticket", "tt_no", "changed_at", "ts"} & ACME


@pytest.mark.parametrize("pack", sorted(path.name for path in (ROOT / "mappings").iterdir() if path.is_dir()))
def test_each_pack_in_the_box_has_private_fields(pack: str) -> None:
    assert private_names(read_pack(ROOT / "mappings" / pack).data)


@pytest.mark.parametrize("document", [{}, {"fields": [], "work_order": "x"}, {"appointment": {"note": None}}])
def test_a_pack_without_contacts_has_none(document: dict[str, Any]) -> None:
    assert private_names(document) == frozenset()


def test_members_are_hidden_by_the_names_of_the_pack() -> None:
    body = {"STAT": "LEFT", "REMARK": "Key with Mrs Nowak", "TECH": "T042", "EST_MIN": 60, "TT_NO": "TT-1"}
    shown = json.loads(Mask(ACME).body(json.dumps(body).encode()))
    assert shown == {"STAT": "LEFT", "REMARK": HIDDEN, "TECH": HIDDEN, "EST_MIN": 60, "TT_NO": "TT-1"}


@pytest.mark.parametrize(
    "name",
    ["emailAddress", "phoneNumber", "contactName", "name", "note", "comment", "apiKey", "password", "authorization"],
)
def test_members_are_hidden_by_what_they_are_mostly_called(name: str) -> None:
    assert Mask().json({"a": [{name: {"deep": ["x"]}}], "id": "1"}) == {"a": [{name: HIDDEN}], "id": "1"}


@pytest.mark.parametrize("empty", ["", None, [], {}])
def test_that_there_is_nothing_is_no_secret(empty: object) -> None:
    assert Mask().json({"note": empty}) == {"note": empty}


@pytest.mark.parametrize(
    "secret",
    ["jan.kowalski@acme-field.example", "+48 600 555 999", "Bearer abc.def", "eyJhbGciOi.eyJzdWIi.c2ln", "whsec_abc="],
)
def test_values_are_hidden_by_how_they_look(secret: str) -> None:
    assert Mask().json({"what": f"call {secret} now"}) == {"what": f"call {HIDDEN} now"}
    assert Mask().text(f"call {secret} now") == f"call {HIDDEN} now"


@pytest.mark.parametrize("plain", ["2026-03-05T12:00:00Z", "TT-4711", "+15 min", "1.0+53db8b1b", "J-0004"])
def test_what_an_operator_searches_by_is_shown(plain: str) -> None:
    assert Mask(ACME).text(plain) == plain


def test_a_field_in_an_explanation_shows_its_path_only() -> None:
    explanation = {"fields": {"remark": {"path": "$.REMARK", "raw": "x", "value": "x"}, "status": {"value": "NEW"}}}
    assert Mask(ACME).json(explanation) == {
        "fields": {"remark": {"path": "$.REMARK", "raw": HIDDEN, "value": HIDDEN}, "status": {"value": "NEW"}}
    }


def test_a_reason_does_not_repeat_what_came_in_a_private_field() -> None:
    reason = 'field technician ($.TECH): expected a code of table technicians; came "T099"'
    assert Mask(ACME).text(reason) == f"field technician ($.TECH): expected a code of table technicians; came {HIDDEN}"
    other = 'field status ($.STAT): expected one of NEW; came "LEFT"'
    assert Mask(ACME).text(other) == other


def test_elements_and_attributes_of_xml_are_hidden() -> None:
    body = b'<j:Job xmlns:j="urn:x" contactName="Jan" id="7"><j:Remark lang="en">Key</j:Remark><Stat>NEW</Stat></j:Job>'
    shown = Mask(frozenset({"remark"})).body(body)
    assert "Jan" not in shown
    assert "Key" not in shown
    assert 'id="7"' in shown
    assert "<Stat>NEW</Stat>" in shown


def test_what_is_neither_json_nor_xml_is_hidden_as_a_whole() -> None:
    assert Mask().body(b"Jan Kowalski, T042") == HIDDEN


@pytest.mark.parametrize("depth", [100, 100_000])
def test_what_is_nested_for_ever_is_no_way_around(depth: int) -> None:
    body = b"[" * depth + b'"jan@acme.example"' + b"]" * depth
    assert "jan@" not in Mask().body(body)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://buyer.example/hook", "https://buyer.example/hook"),
        ("https://user:pass@buyer.example/hook?token=abc#x", f"https://{HIDDEN}@buyer.example/hook?{HIDDEN}"),
        ("https://[buyer.example/", HIDDEN),
    ],
)
def test_a_callback_shows_no_credentials(url: str, shown: str) -> None:
    assert safe_url(url) == shown
    assert Mask().text(f"event to {url}: 204") == f"event to {shown}: 204"


def test_an_operator_sees_everything() -> None:
    body = {"REMARK": "Key", "to": "https://u:p@x.example/"}
    assert json.loads(Plain().body(json.dumps(body).encode())) == body
    assert Plain().text("call +48 600 555 999") == "call +48 600 555 999"
