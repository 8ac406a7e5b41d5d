"""What a request may look like: the sample of its schema, with what the standard asks for beside the schema.

Moments lie far ahead, and ids are nobody's: who copies an example puts in his own WorkOrder, and a window that he was
offered. A test plays every one of them against a running bridge.
"""

from typing import Any

from bridge.mef.enums import Api, ContactRole
from bridge.mef.openapi import Json
from bridge.mef.openapi.operations import EVENTS
from bridge.mef.openapi.samples import sample
from bridge.mef.openapi.schemas import PREFIX


def request_example(document: Json, schema: Json, api: Api) -> Any:
    """Make the example of a request's body."""
    made = sample(document, schema)
    match schema["$ref"].removeprefix(PREFIX):
        case "Appointment_Create":
            (contact,) = made["relatedContactInformation"]
            roles = (ContactRole.BUYER_APPOINTMENT, ContactRole.APPOINTMENT_PLACE)  # R15
            return {**made, "relatedContactInformation": [{**contact, "role": role.value} for role in roles]}
        case "EventSubscriptionInput":
            return {**made, "query": f"eventType = {next(iter(EVENTS[api])).value}"}
    return made


def with_examples(document: Json, api: Api) -> Json:
    """Put an example to each body of a document, in place, and give the document."""
    for path, methods in document["paths"].items():
        for operation in methods.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                content["example"] = _said_at(path, request_example(document, content["schema"], api))
            _show_success(document, operation)
    return document


def _said_at(path: str, example: Any) -> Any:
    """A listener's path says which event it takes."""
    before, _, event_type = path.partition("/listener/")
    return {**example, "eventType": event_type} if event_type and not before else example


def _show_success(document: Json, operation: Json) -> None:
    for status, response in operation["responses"].items():
        for content in response.get("content", {}).values() if status.startswith("2") else ():
            content["example"] = sample(document, content["schema"])
