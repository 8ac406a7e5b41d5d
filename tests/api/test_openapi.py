"""Our own documents: true to what is served, true to the models, and readable by anybody."""

import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from jsonschema import Draft4Validator

from bridge.api import app
from bridge.api.documents import documents
from bridge.mef import models
from bridge.mef.enums import Api
from bridge.mef.openapi import operations, words
from bridge.mef.openapi.document import REPLAYED
from bridge.mef.openapi.samples import sample
from tests.api.bodies import booking_body, search_body
from tests.api.conftest import BuyerClient, Serve
from tests.api.fakes import FakeBridge
from tests.api.usual import BASE_URL, usual_config

APIS = ("appointment/v2", "workOrderManagement/v2")
LISTENERS = ("appointmentNotification/v2", "workOrderNotification/v2")
IRPS = ("sonata", "cantata")
# What JSON Schema has and OpenAPI 3.0 has not.
FOREIGN = {"$defs", "const", "anyOf", "prefixItems", "examples", "title", "nullable"}
NO_KEY = {"Authorization": ""}


async def fetch(buyer: BuyerClient, path: str) -> Any:
    return (await buyer.get(path, headers=NO_KEY)).value


def nodes(node: object) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(child)


@pytest.mark.parametrize("irp", IRPS)
@pytest.mark.parametrize("base", [*APIS, *LISTENERS])
async def test_each_api_has_a_document_that_anybody_may_read(buyer: BuyerClient, irp: str, base: str) -> None:
    document = await fetch(buyer, f"/mefApi/{irp}/{base}/openapi.json")
    assert document["openapi"] == "3.0.3"
    root = BASE_URL if base in APIS else "{callback}"
    assert [server["url"] for server in document["servers"]] == [f"{root}/mefApi/{irp}/{base}"]


async def test_the_document_tells_the_seller_prefix(serve: Serve) -> None:
    buyer = await serve(prefix="/seller-a")
    document = await fetch(buyer, "/seller-a/mefApi/sonata/appointment/v2/openapi.json")
    assert document["servers"][0]["url"] == f"{BASE_URL}/seller-a/mefApi/sonata/appointment/v2"


@pytest.mark.parametrize("base", [*APIS, *LISTENERS])
async def test_a_document_is_openapi_3_0_and_points_nowhere_else(buyer: BuyerClient, base: str) -> None:
    document = await fetch(buyer, f"/mefApi/sonata/{base}/openapi.json")
    schemas = document["components"]["schemas"]
    targets = {node["$ref"] for node in nodes(document) if "$ref" in node}
    assert targets <= {f"#/components/schemas/{name}" for name in schemas}
    assert {
        name for node in nodes(schemas) for name in node if isinstance(node.get("type", ""), str)
    } & FOREIGN == set()
    for schema in schemas.values():
        Draft4Validator.check_schema(schema)
    ids = [node["operationId"] for node in nodes(document["paths"]) if "operationId" in node]
    assert len(ids) == len(set(ids)) > 0


def test_every_operation_that_is_served_is_described_and_none_else(bridge: FakeBridge) -> None:
    routes = app.operations(bridge.services(), usual_config())
    served = {(route.api, route.method, route.path) for route in routes}
    described = {(api, *key) for api in Api for key in operations.DESCRIBED[api]}
    assert served == described


async def test_a_document_has_the_filters_that_are_taken(buyer: BuyerClient, bridge: FakeBridge) -> None:
    routes = app.operations(bridge.services(), usual_config())
    for route in routes:
        base = APIS[list(Api).index(route.api)]
        document = await fetch(buyer, f"/mefApi/sonata/{base}/openapi.json")
        parameters = document["paths"][route.path][route.method.lower()]["parameters"]
        query = {each["name"] for each in parameters if each["in"] == "query"}
        assert query == {*route.filters, "buyerId", "sellerId"}, route.path


async def test_what_the_bridge_answers_is_what_the_document_says(buyer: BuyerClient) -> None:
    """Statuses and headers of some typical requests."""
    document = await fetch(buyer, "/mefApi/sonata/appointment/v2/openapi.json")
    base = "/mefApi/sonata/appointment/v2"
    for method, template, path, body in (
        ("POST", "/searchTimeSlot", "/searchTimeSlot", search_body()),
        ("POST", "/appointment", "/appointment", booking_body()),
        ("POST", "/appointment", "/appointment", {}),
        ("GET", "/appointment", "/appointment", None),
        ("GET", "/appointment/{id}", "/appointment/nobody", None),
        ("POST", "/hub", "/hub", {"callback": 5}),
    ):
        answer = await buyer.send(method, base + path, body)
        told = document["paths"][template][method.lower()]["responses"][str(answer.status)]
        assert told["headers"].keys() - {REPLAYED} <= answer.headers.keys(), (method, path)


def schemas(bridge: FakeBridge, base: str) -> dict[str, Any]:
    config = usual_config()
    by_path = {each.path: each.make() for each in documents(app.operations(bridge.services(), config), config)}
    found: dict[str, Any] = by_path[f"/mefApi/sonata/{base}"]["components"]["schemas"]
    return found


def test_every_type_has_a_description_of_its_own(bridge: FakeBridge) -> None:
    found = [schema for base in (*APIS, *LISTENERS) for schema in schemas(bridge, base).items()]
    assert [name for name, schema in found if schema["description"] != words._TYPES[name]] == []


def test_a_property_that_may_be_left_out_is_optional_and_never_null(bridge: FakeBridge) -> None:
    work_order = schemas(bridge, "workOrderManagement/v2")["WorkOrder"]
    assert "href" not in work_order["required"]
    assert work_order["properties"]["href"]["type"] == "string"


def test_what_tells_types_apart_is_required(bridge: FakeBridge) -> None:
    found = schemas(bridge, "appointment/v2")
    assert "@type" in found["FieldedAddress"]["required"]
    assert "code" in found["Error404"]["required"]


PLACE = {"role": "x", "city": "Warszawa", "country": "PL", "streetName": "Prosta"}


async def test_a_postal_address_needs_its_type(buyer: BuyerClient) -> None:
    """The schema says so, even though only one kind can stand there."""
    body = booking_body()
    body["relatedContactInformation"][0]["postalAddress"] = dict(PLACE)
    refused = await buyer.post("/mefApi/sonata/appointment/v2/appointment", body)
    assert [(each["code"], each["propertyPath"]) for each in refused.value] == [
        ("missingProperty", "/relatedContactInformation/0/postalAddress/@type")
    ]
    body["relatedContactInformation"][0]["postalAddress"]["@type"] = "FieldedAddress"
    assert (await buyer.post("/mefApi/sonata/appointment/v2/appointment", body)).status == 201


@pytest.mark.parametrize(("location", "status"), [("not a uri", 422), ("a<b", 422), ("urn:x:y", 201)])
async def test_a_schema_location_is_a_uri(buyer: BuyerClient, location: str, status: int) -> None:
    body = booking_body()
    body["relatedContactInformation"][0]["postalAddress"] = {
        **PLACE,
        "@type": "FieldedAddress",
        "@schemaLocation": location,
    }
    answer = await buyer.post("/mefApi/sonata/appointment/v2/appointment", body)
    assert answer.status == status
    if status == 422:
        assert [(each["code"], each["propertyPath"]) for each in answer.value] == [
            ("invalidFormat", "/relatedContactInformation/0/postalAddress/@schemaLocation")
        ]


async def text_of(buyer: BuyerClient, path: str) -> tuple[str, Any]:
    async with buyer.session.get(buyer.server.make_url(path)) as response:
        assert response.status == 200
        return await response.text(), response.headers


@pytest.mark.parametrize("base", [*APIS, *LISTENERS])
async def test_the_page_shows_every_operation_and_type_and_fetches_nothing(buyer: BuyerClient, base: str) -> None:
    text, headers = await text_of(buyer, f"/mefApi/sonata/{base}/")
    document = await fetch(buyer, f"/mefApi/sonata/{base}/openapi.json")
    assert headers["Content-Type"] == "text/html;charset=utf-8"
    ids = set(re.findall(r"<section id='([^']+)'", text))
    wanted = {node["operationId"] for node in nodes(document["paths"]) if "operationId" in node}
    assert ids == wanted | {f"type-{name}" for name in document["components"]["schemas"]}
    assert set(re.findall(r"href='?#([^'> ]+)", text)) - {"operations", "types"} <= ids
    plain = text.replace("<script src='/docs/try.js' defer></script>", "", 1)
    assert re.findall(r"<script|<link|<img|src=|@import|url\(|https?://(?!bridge\.|[a-z]+\.example)", plain) == []
    demanded = {"default-src 'none'", "script-src 'self'", "connect-src 'self'", "base-uri 'none'"}
    assert demanded <= set(headers["Content-Security-Policy"].split("; "))


async def test_only_what_reads_can_be_tried(buyer: BuyerClient) -> None:
    text, _ = await text_of(buyer, "/mefApi/sonata/appointment/v2/")
    script, headers = await text_of(buyer, "/docs/try.js")
    assert dict(re.findall(r"<section id='(\w+)' data-get='([^']+)'", text)) == {
        "listAppointment": "/appointment",
        "retrieveAppointment": "/appointment/{id}",
        "retrieveHub": "/hub/{id}",
    }
    assert headers["Content-Type"] == "text/javascript;charset=utf-8"
    assert re.findall(r"method:|localStorage|sessionStorage|cookie|innerHTML|eval|https?:", script) == []


@pytest.mark.parametrize("prefix", ["", "/seller-a"])
async def test_the_front_door_leads_to_the_index(serve: Serve, prefix: str) -> None:
    buyer = await serve(prefix=prefix)
    index, _ = await text_of(buyer, f"{prefix}/docs")
    assert (await text_of(buyer, "/"))[0] == (await text_of(buyer, f"{prefix}/"))[0] == index
    assert f"export BRIDGE={BASE_URL}{prefix}" in index


async def test_the_collection_has_every_operation_of_the_apis_with_its_example(buyer: BuyerClient) -> None:
    collection = await fetch(buyer, "/docs/postman.json")
    assert collection["info"]["schema"].endswith("/v2.1.0/collection.json")
    known = {variable["key"] for variable in collection["variable"]}
    for folder, (irp, base) in zip(collection["item"], ((irp, base) for irp in IRPS for base in APIS), strict=True):
        document = await fetch(buyer, f"/mefApi/{irp}/{base}/openapi.json")
        operations = {
            (method.upper(), f"{{{{baseUrl}}}}/mefApi/{irp}/{base}{path}")
            for path, methods in document["paths"].items()
            for method in methods
        }
        assert {(each["request"]["method"], plain_url(each)) for each in folder["item"]} == operations
        for each in folder["item"]:
            assert set(re.findall(r"{{(\w+)}}", orjson.dumps(each).decode())) <= known
            if "body" in each["request"]:
                orjson.loads(each["request"]["body"]["raw"])


def plain_url(request: Any) -> str:
    return re.sub(r"{{\w+Id}}", "{id}", request["request"]["url"]["raw"])


async def test_a_page_is_found_without_its_slash_and_from_the_index(buyer: BuyerClient) -> None:
    index, _ = await text_of(buyer, "/docs")
    pages = re.findall(r"href='([^']+/)'", index)
    assert len(pages) == 8
    for path in pages:
        assert (await text_of(buyer, path.rstrip("/")))[0] == (await text_of(buyer, path))[0]


def test_the_samples_of_the_page_are_valid(bridge: FakeBridge) -> None:
    """Whoever copies a sample body from the page gets no 422 for its shape."""
    config = usual_config()
    by_path = {each.path: each.make() for each in documents(app.operations(bridge.services(), config), config)}
    for base, model, name in (
        ("appointment/v2", models.AppointmentCreate, "Appointment_Create"),
        ("appointment/v2", models.Appointment, "Appointment"),
        ("appointment/v2", models.AppointmentUpdate, "Appointment_Update"),
        ("appointment/v2", models.SearchTimeSlotCreate, "SearchTimeSlot_Create"),
        ("workOrderManagement/v2", models.WorkOrder, "WorkOrder"),
        ("workOrderNotification/v2", models.Event, "WorkOrderEvent"),
    ):
        document = by_path[f"/mefApi/sonata/{base}"]
        made = sample(document, {"$ref": f"#/components/schemas/{name}"})
        assert model.model_validate_json(orjson.dumps(made), strict=True, by_alias=True, by_name=False)
