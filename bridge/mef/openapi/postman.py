"""The documents of the APIs as a Postman collection (v2.1), which Bruno and Insomnia import, too.

`baseUrl` and `apiKey` are the collection's variables; so are the ids, which the answers to lists and creations set.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from bridge.mef.openapi import Json

SCHEMA: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_SECRET: Final = {"key": "apiKey", "value": "", "type": "string"}

# The variable that stands for {id} in an operation, by its path; and those that an answer sets.
_IDS: Final = {
    "appointment": "appointmentId",
    "workOrder": "workOrderId",
    "workorder": "workOrderId",
    "hub": "listenerId",
}
_SETS: Final = {
    "listWorkOrder": ("workOrderId", "answer[0] && answer[0].id"),
    "createAppointment": ("appointmentId", "answer.id"),
    "listAppointment": ("appointmentId", "answer[0] && answer[0].id"),
    "registerListener": ("listenerId", "answer.id"),
}


def collection(documents: Iterable[Json], root: str) -> Json:
    """Make one collection of the documents of the APIs; `root` is the URL in front of /mefApi."""
    ids = ("workOrderId", "appointmentId", "listenerId")
    return {
        "info": {"name": "MEF 137 at this bridge", "schema": SCHEMA},
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{apiKey}}", "type": "string"}]},
        "variable": [{"key": "baseUrl", "value": root}, _SECRET, *({"key": name, "value": ""} for name in ids)],
        "item": [{"name": each["info"]["title"], "item": list(_requests(each, root))} for each in documents],
    }


def _requests(document: Json, root: str) -> Iterator[Json]:
    base = document["servers"][0]["url"].removeprefix(root)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield _request(base + path, method.upper(), operation)


def _request(path: str, method: str, operation: Json) -> Json:
    name = _IDS.get(path.split("/{id}")[0].rpartition("/")[2], "")
    url = "{{baseUrl}}" + path.replace("{id}", f"{{{{{name}}}}}")
    asked = [each for each in operation.get("parameters", ()) if each["in"] == "query"]
    request: Json = {
        "method": method,
        "description": operation["description"],
        "header": [],
        "url": {
            "raw": url,
            "host": ["{{baseUrl}}"],
            "path": url.removeprefix("{{baseUrl}}/").split("/"),
            "query": [
                {"key": each["name"], "value": "", "description": each["description"], "disabled": True}
                for each in asked
            ],
        },
    }
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        request["header"].append({"key": "Content-Type", "value": media_type})
        request["body"] = {"mode": "raw", "raw": _with_ids(content["example"])}
    made: Json = {"name": operation["summary"], "request": request}
    if operation["operationId"] in _SETS:
        made["event"] = [_keep(*_SETS[operation["operationId"]])]
    return made


def _with_ids(example: Any) -> str:
    if "workOrder" in example:
        example = {**example, "workOrder": {**example["workOrder"], "id": "{{workOrderId}}"}}
    return json.dumps(example, indent=2, ensure_ascii=False)


def _keep(variable: str, expression: str) -> Json:
    lines = [
        "if (pm.response.code < 300) {",
        "  const answer = pm.response.json();",
        f"  pm.collectionVariables.set('{variable}', {expression});",
        "}",
    ]
    return {"listen": "test", "script": {"type": "text/javascript", "exec": lines}}
