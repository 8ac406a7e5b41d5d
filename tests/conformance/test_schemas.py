"""Our own data about the standard's types says what the standard's OpenAPI files say, where they are at hand."""

from typing import Any

import pytest

from bridge.conformance.schemas import ENUMS, PLACES, REASON_LENGTH, TYPES
from bridge.conformance.shapes import complaints, is_date_time
from tests.api import standard

needs_files = pytest.mark.skipif(not standard.available(), reason="the standard's OpenAPI files are not at hand")

# In the files the vocabulary of these errors stands in the type itself, without a name.
UNNAMED = {f"Error{status}Code": f"Error{status}" for status in (404, 409, 500)}


def schemas() -> dict[str, Any]:
    """Every schema of the four files by its name."""
    merged: dict[str, Any] = {}
    for base in standard.FILES:
        merged.update(standard.document(base)["components"]["schemas"])
    return merged


def flat(name: str) -> tuple[dict[str, Any], set[str]]:
    """The properties and the required names of a type, with everything that it inherits."""
    schema = schemas()[name]
    properties, required = dict(schema.get("properties", {})), set(schema.get("required", ()))
    for part in schema.get("allOf", ()):
        inherited = flat(part["$ref"].rsplit("/", 1)[1]) if "$ref" in part else (part["properties"], part["required"])
        properties |= inherited[0]
        required |= set(inherited[1])
    return properties, required


def described(schema: dict[str, Any], name: str) -> str:
    """A property as our data writes it."""
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[1])
    if schema["type"] == "array":
        return f"[{described(schema['items'], name)}]" + ("+" if schema.get("minItems") else "")
    if schema.get("maxLength") == REASON_LENGTH:
        return "reason"
    if schema.get("format") in ("date-time", "uri"):
        return str(schema["format"])
    return str(schema["type"])


@needs_files
@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_type_has_the_attributes_of_the_standard(name: str) -> None:
    properties, required = flat("RelatedPlaceRefOrValue_Base" if name == "RelatedPlaceRefOrValue" else name)
    expected = {}
    for attribute, schema in properties.items():
        kind = f"{name}Code" if attribute == "code" else described(schema, attribute)
        expected[attribute + ("*" if attribute in required else "")] = kind
    assert dict(TYPES[name]) == expected


@needs_files
@pytest.mark.parametrize("name", sorted(ENUMS))
def test_a_vocabulary_has_the_words_of_the_standard(name: str) -> None:
    schema = schemas()[name] if name not in UNNAMED else flat(UNNAMED[name])[0]["code"]
    assert set(schema["enum"]) == ENUMS[name]


@needs_files
def test_the_kinds_of_places_are_those_of_the_standard() -> None:
    kinds = next(
        part["properties"]["@type"]["enum"]
        for part in schemas()["RelatedPlaceRefOrValue"]["allOf"]
        if "properties" in part
    )
    assert set(kinds) == PLACES


GOOD = {
    "id": "a-1",
    "relatedPlace": {"@type": "GeographicSiteRef", "role": "WORK_LOCATION", "id": "SITE-7"},
    "status": "confirmed",
    "validFor": {"startDateTime": "2026-03-06T07:00:00Z", "endDateTime": "2026-03-06T11:00:00.5+01:00"},
    "workOrder": {"id": "w-1", "somethingNew": 1},
}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"status": "done"}, "/status: 'done' is not in AppointmentStatusType"),
        ({"id": 7}, "/id: a string is wanted, not a number"),
        ({"href": None}, "/href: a string is wanted, not null"),
        ({"validFor": []}, "/validFor: a TimePeriod is wanted, not a list"),
        (
            {"validFor": {"startDateTime": "2026-03-06T07:00:00Z"}},
            "/validFor/endDateTime: required in TimePeriod, and missing",
        ),
        (
            {"validFor": {**GOOD["validFor"], "endDateTime": "2026-03-06T11:00:00"}},  # type: ignore[dict-item]
            "/validFor/endDateTime: '2026-03-06T11:00:00' is no date-time of RFC 3339",
        ),
        ({"relatedPlace": {"@type": "Castle", "role": "x"}}, "/relatedPlace/@type: 'Castle' is no kind of place"),
        (
            {"relatedPlace": {"@type": "GeographicSiteRef", "role": "x"}},
            "/relatedPlace/id: required in GeographicSiteRef, and missing",
        ),
    ],
)
def test_a_wrong_body_is_told_with_its_place(change: dict[str, Any], complaint: str) -> None:
    assert complaints("Appointment_Find", GOOD) == []
    assert complaints("Appointment_Find", {**GOOD, **change}) == [complaint]


@pytest.mark.parametrize(
    ("expected", "value", "complaint"),
    [
        ("[Error422]+", [], "/: the list must not be empty"),
        ("[Error422]+", {}, "/: a list of Error422 is wanted, not an object"),
        ("Error404", {"code": "notFound", "reason": "x" * 256}, "/reason: longer than 255 characters"),
        ("Error404", {"code": "gone", "reason": "x"}, "/code: 'gone' is not in Error404Code"),
        (
            "Error404",
            {"code": "notFound", "reason": "x", "referenceError": "here"},
            "/referenceError: 'here' is no URI",
        ),
        (
            "TimeDuration",
            {"timeDurationValue": True, "timeDurationUnits": "MIN"},
            "/timeDurationValue: an integer is wanted, not a boolean",
        ),
        (
            "TimeDuration",
            {"timeDurationValue": 1.5, "timeDurationUnits": "MIN"},
            "/timeDurationValue: an integer is wanted, not a number",
        ),
    ],
)
def test_lists_errors_and_numbers_are_held_to_their_types(expected: str, value: object, complaint: str) -> None:
    assert complaints(expected, value) == [complaint]


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("2026-03-06T07:00:00Z", True),
        ("2026-03-06t07:00:00.125z", True),
        ("2026-03-06T07:00:00+01:00", True),
        ("2026-02-30T07:00:00Z", False),
        ("2026-03-06 07:00:00Z", False),
        ("2026-03-06T07:00:00", False),
        ("2026-03-06", False),
    ],
)
def test_date_times_are_those_of_rfc_3339(text: str, is_one: bool) -> None:
    assert is_date_time(text) is is_one
