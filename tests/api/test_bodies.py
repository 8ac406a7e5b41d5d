"""What is wrong with a body is said in the standard's codes, with a pointer and a sentence; hub has no 422."""

from typing import Any

import pytest

from bridge.api.body import MAX_DEPTH, MAX_PROBLEMS, MAX_VALUES
from tests.api.bodies import WINDOW, booking_body, contact_body, note_body, search_body
from tests.api.conftest import BuyerClient, Serve
from tests.api.fakes import FakeBridge

APPOINTMENT = "/mefApi/sonata/appointment/v2/appointment"
HUB = "/mefApi/sonata/appointment/v2/hub"
ADDRESS = {"@type": "FieldedAddress", "role": "x", "city": "Warszawa", "country": "PL", "streetName": "Prosta"}


async def problems(buyer: BuyerClient, body: object, method: str = "POST", path: str = APPOINTMENT) -> list[Any]:
    answer = await buyer.send(method, path, body)
    assert answer.status == 422
    return [(item["code"], item.get("propertyPath"), item["reason"]) for item in answer.value]


async def patch_problems(buyer: BuyerClient, body: object) -> list[Any]:
    return await problems(buyer, body, "PATCH", f"{APPOINTMENT}/A-1")


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"[]", "must be a JSON object; got an empty list"),
        (b'[{"a":1}]', "got a list"),
        (b'"x"', 'got "x"'),
        (b"null", "got null"),
        (b'{"a":NaN}', "not valid JSON"),
        (b'{"a":Infinity}', "not valid JSON"),
        (b'{"a":1e999}', "not valid JSON"),
        (b'{"a":"\\ud800"}', "not valid JSON"),
        (b'{"a":"\xff"}', "not valid JSON"),
        (b'{"a":1,"b":{"c":1,"c":2}}', "'c' is given twice"),
        (b"[" * 100_000 + b"]" * 100_000, "not valid JSON"),
        (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), f"more than {MAX_DEPTH} levels"),
        (b'{"a":[' + b"0," * MAX_VALUES + b"0]}", f"more than {MAX_VALUES} values"),
    ],
)
async def test_what_is_not_a_proper_json_object_is_an_invalid_body(
    buyer: BuyerClient, bridge: FakeBridge, raw: bytes, says: str
) -> None:
    answer = await buyer.send("POST", APPOINTMENT, raw=raw)
    assert (answer.status, answer.value["code"]) == (400, "invalidBody")
    assert says in answer.value["reason"]
    assert bridge.appointments.calls == []


@pytest.mark.parametrize("method_path", [("POST", APPOINTMENT), ("PATCH", f"{APPOINTMENT}/A-1"), ("POST", HUB)])
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "application/json; charset=latin-1", "application/octet-stream"]
)
async def test_a_body_that_is_not_declared_as_json_is_415(
    buyer: BuyerClient, method_path: tuple[str, str], content_type: str
) -> None:
    method, path = method_path
    answer = await buyer.send(method, path, raw=b"{}", headers={"Content-Type": content_type})
    assert answer.status == 415
    assert content_type in answer.value["reason"]


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=UTF-8"])
async def test_json_is_json_with_or_without_a_charset(buyer: BuyerClient, content_type: str) -> None:
    answer = await buyer.send("POST", APPOINTMENT, booking_body(), headers={"Content-Type": content_type})
    assert answer.status == 201


async def test_a_body_over_the_limit_is_413(serve: Serve) -> None:
    buyer = await serve(max_body_bytes=1000)
    answer = await buyer.post(APPOINTMENT, booking_body() | {"note": [note_body("x" * 1000)]})
    assert answer.status == 413
    assert "1000" in answer.value["reason"]


async def test_a_body_whose_compression_is_broken_is_the_callers_fault(buyer: BuyerClient) -> None:
    answer = await buyer.send("POST", APPOINTMENT, raw=b"no gzip at all", headers={"Content-Encoding": "gzip"})
    assert answer.status == 400


async def test_all_problems_come_at_once(buyer: BuyerClient, bridge: FakeBridge) -> None:
    found = await problems(buyer, {"validFor": WINDOW, "priority": 1})
    assert [item[:2] for item in found] == [
        ("missingProperty", "/relatedContactInformation"),
        ("missingProperty", "/workOrder"),
        ("unexpectedProperty", "/priority"),
    ]
    assert found[0][2] == "The property 'relatedContactInformation' is required."
    assert "'priority'" in found[2][2]
    assert bridge.appointments.calls == []


@pytest.mark.parametrize(
    ("change", "code", "path", "says"),
    [
        ({"workOrder": "W-1"}, "invalidFormat", "/workOrder", 'Expected an object; got "W-1".'),
        ({"workOrder": {"id": 5}}, "invalidFormat", "/workOrder/id", "Expected a string; got 5."),
        ({"workOrder": {"id": ""}}, "invalidValue", "/workOrder/id", 'a text that is not empty; got ""'),
        ({"workOrder": {"id": "W\0"}}, "invalidValue", "/workOrder/id", "U+0000"),
        ({"workOrder": {}}, "missingProperty", "/workOrder/id", "'id' is required"),
        ({"workOrder": None}, "invalidValue", "/workOrder", "null is not allowed"),
        ({"note": None}, "invalidValue", "/note", "null is not allowed"),
        ({"note": {}}, "invalidFormat", "/note", "Expected a list; got an object."),
        ({"note": [note_body() | {"source": "nobody"}]}, "invalidValue", "/note/0/source", "'buyer' or 'seller'"),
        ({"note": [note_body() | {"date": "today"}]}, "invalidFormat", "/note/0/date", 'RFC 3339 date-time'),
        ({"relatedContactInformation": []}, "invalidValue", "/relatedContactInformation", "1 item; got an empty"),
        ({"validFor": [WINDOW]}, "invalidFormat", "/validFor", "Expected an object; got a list."),
        ({"a/b~c": 1}, "unexpectedProperty", "/a~1b~0c", "'a/b~c'"),
        ({"work_order": {"id": "W-1"}}, "unexpectedProperty", "/work_order", "did you mean 'workOrder'?"),
        (
            {"attachment": [{"author": "Jo", "name": "x", "source": "buyer", "size": {"amount": "1"}, "url": "u"}]},
            "invalidFormat",
            "/attachment/0/size/amount",
            'Expected a number; got "1".',
        ),
        (
            {"attachment": [{"author": "Jo", "name": "x", "source": "buyer"}]},
            "invalidValue",
            "/attachment/0",
            "Either url, or content together with mimeType, must be given.",
        ),
    ],
)  # fmt: skip
async def test_a_wrong_attribute_is_pointed_at(
    buyer: BuyerClient, change: dict[str, Any], code: str, path: str, says: str
) -> None:
    found = await problems(buyer, booking_body() | change)
    assert [item[:2] for item in found] == [(code, path)]
    assert says in found[0][2]


async def test_only_the_standards_names_are_taken(buyer: BuyerClient) -> None:
    """The models know their attributes by Python names too; a Buyer must not."""
    body = booking_body()
    body["work_order"] = body.pop("workOrder")
    found = await problems(buyer, body)
    assert [item[:2] for item in found] == [
        ("missingProperty", "/workOrder"),
        ("unexpectedProperty", "/work_order"),
    ]


async def test_what_came_is_quoted_as_it_was_written(buyer: BuyerClient) -> None:
    found = await problems(buyer, booking_body() | {"workOrder": "Überprüfung"})
    assert found[0][2] == 'Expected an object; got "Überprüfung".'


@pytest.mark.parametrize(
    "moment",
    [
        "2026-03-06",
        "2026-03-06T08:00:00",
        "2026-03-06T08:00Z",
        "2026-03-06 08:00:00Z",
        "1772784000",
        "2026-02-30T08:00:00Z",
        "2026-03-06T25:00:00Z",
        "2026-03-06T08:00:00+1",
        "9999-12-31T23:59:59-23:00",
        "0001-01-01T00:00:00+01:00",
        1772784000,
    ],
)
async def test_a_moment_must_be_an_rfc_3339_date_time(buyer: BuyerClient, moment: object) -> None:
    window = WINDOW | {"startDateTime": moment}
    found = await problems(buyer, booking_body() | {"validFor": window})
    assert [item[:2] for item in found] == [("invalidFormat", "/validFor/startDateTime")]
    assert "RFC 3339" in found[0][2]


@pytest.mark.parametrize("moment", ["2026-03-06t08:00:00z", "2026-03-06T08:00:00.1234567+01:00"])
async def test_every_way_to_write_rfc_3339_is_understood(buyer: BuyerClient, moment: str) -> None:
    body = booking_body() | {"validFor": WINDOW | {"startDateTime": moment}}
    assert (await buyer.post(APPOINTMENT, body)).status == 201


@pytest.mark.parametrize(
    ("place", "code", "path"),
    [
        ({"role": "x"}, "missingProperty", "/relatedPlace/@type"),
        ({"role": "x", "@type": "Castle"}, "invalidValue", "/relatedPlace/@type"),
        ({"role": "x", "@type": 5}, "invalidValue", "/relatedPlace/@type"),
        ("here", "invalidFormat", "/relatedPlace"),
        (ADDRESS | {"city": 1}, "invalidFormat", "/relatedPlace/city"),
        (ADDRESS | {"FieldedAddress": 1}, "unexpectedProperty", "/relatedPlace/FieldedAddress"),
        (
            ADDRESS | {"geographicSubAddress": {"subUnit": [{"subUnitType": "FLAT"}]}},
            "missingProperty",
            "/relatedPlace/geographicSubAddress/subUnit/0/subUnitNumber",
        ),
    ],
)
async def test_a_pointer_into_a_place_has_no_step_for_its_kind(
    buyer: BuyerClient, place: object, code: str, path: str
) -> None:
    found = await patch_problems(buyer, {"relatedPlace": place})
    assert [item[:2] for item in found] == [(code, path)]


async def test_a_value_is_quoted_briefly_and_a_reason_never_exceeds_255_characters(buyer: BuyerClient) -> None:
    found = await problems(buyer, booking_body() | {"validFor": "x" * 5000, "y" * 5000: 1})
    assert all(len(item[2]) <= 255 for item in found)
    assert found[0][2] == f'Expected an object; got "{"x" * 58}….'
    assert found[1][1] is None  # a pointer of 5,000 characters would help nobody


async def test_a_huge_integer_is_quoted_too(buyer: BuyerClient) -> None:
    raw = b'{"callback": ' + b"9" * 200 + b"}"
    answer = await buyer.send("POST", HUB, raw=raw)
    assert (answer.status, answer.value["code"]) == (400, "invalidBody")
    assert answer.value["reason"].startswith("/callback: Expected a string; got 999")


async def test_a_hostile_body_does_not_get_a_thousand_problems_back(buyer: BuyerClient) -> None:
    body = booking_body() | {"note": [None] * 5000} | {f"p{n}": 1 for n in range(5000)}
    assert len(await problems(buyer, body)) == MAX_PROBLEMS


async def test_a_search_needs_its_two_attributes(buyer: BuyerClient) -> None:
    """R11, R12."""
    path = "/mefApi/cantata/appointment/v2/searchTimeSlot"
    found = await problems(buyer, {}, path=path)
    assert [item[1] for item in found] == ["/requestedTimeSlot", "/workOrder"]
    found = await problems(buyer, search_body() | {"requestedTimeSlot": [{"validFor": {}}]}, path=path)
    assert [item[1] for item in found] == [
        "/requestedTimeSlot/0/validFor/startDateTime",
        "/requestedTimeSlot/0/validFor/endDateTime",
    ]


async def test_a_patch_of_a_contact_needs_a_whole_contact(buyer: BuyerClient) -> None:
    broken = contact_body("buyerAppointmentContact")
    del broken["number"]
    found = await patch_problems(buyer, {"relatedContactInformation": [broken]})
    assert [item[:2] for item in found] == [("missingProperty", "/relatedContactInformation/0/number")]


async def test_a_patch_of_the_status_points_to_the_operation_for_it(buyer: BuyerClient) -> None:
    answer = await buyer.send("PATCH", "/mefApi/sonata/appointment/v2/appointment/A-1", {"status": "cancelled"})
    (problem,) = answer.value
    assert (answer.status, problem["code"], problem["propertyPath"]) == (422, "unexpectedProperty", "/status")
    assert "POST …/appointment/{id}/cancel cancels it" in problem["reason"]


async def test_a_property_that_is_nearly_one_is_told_with_that_one(buyer: BuyerClient) -> None:
    answer = await buyer.send("PATCH", "/mefApi/sonata/appointment/v2/appointment/A-1", {"notes": []})
    assert answer.value[0]["reason"] == "The standard knows no property 'notes' here; did you mean 'note'?"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "/callback: The property 'callback' is required."),
        ({"callback": 1}, "/callback: Expected a string; got 1."),
        (
            {"callbackUrl": "https://b"},
            "/callbackUrl: The standard knows no property 'callbackUrl' here; did you mean ",
        ),
        ({"callback": "https://b", "foo": 1}, "/foo: The standard knows no property 'foo'"),
        ({"callback": "https://b", "query": None}, "/query: null is not allowed"),
    ],
)
@pytest.mark.parametrize("api", ["appointment/v2", "workOrderManagement/v2"])
async def test_a_wrong_attribute_of_a_hub_request_is_an_invalid_body(
    buyer: BuyerClient, api: str, body: object, says: str
) -> None:
    answer = await buyer.post(f"/mefApi/sonata/{api}/hub", body)
    assert (answer.status, answer.value["code"]) == (400, "invalidBody")
    assert answer.value["reason"].startswith(says)
