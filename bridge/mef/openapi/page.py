"""A page for people, made of a document: it says all without its one script, and nothing comes from elsewhere."""

import json
from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from bridge.mef.openapi import Json
from bridge.mef.openapi.schemas import PREFIX
from bridge.mef.openapi.style import STYLE

_COLUMNS_OF_PARAMETERS: Final = ("name", "in", "type", "meaning")
_COLUMNS_OF_RESPONSES: Final = ("status", "body", "meaning", "headers")
_COLUMNS_OF_PROPERTIES: Final = ("property", "type", "meaning")
_BOUNDS: Final = ("maxLength", "minItems", "minimum", "default", "format")


def page(document: Json, script: str) -> str:
    """The page of one document; `script` is the path of what lets one try its operations."""
    info, server = document["info"], document["servers"][0]["url"]
    operations = list(_operations(document))
    main = [
        f"<header><h1>{escape(info['title'])}</h1><p>{escape(info['description'])}</p>",
        f"<p class=base><code>{escape(server)}</code></p>",
        "<p>For machines and generators: <a href=openapi.json>openapi.json</a> (OpenAPI 3.0)</p></header>",
        *_security(document),
        "<h2 id=operations>Operations</h2>",
        *(_operation(*operation) for operation in operations),
        "<h2 id=types>Types</h2>",
        *(_type(name, schema) for name, schema in document["components"]["schemas"].items()),
    ]
    return html(info["title"], _navigation(document, operations), main, script)


def html(title: str, navigation: Iterable[str], main: Iterable[str], script: str | None = None) -> str:
    """A whole page with a column to navigate by."""
    head = f"<script src='{escape(script)}' defer></script>" if script is not None else ""
    return "".join(
        (
            '<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content="width=device-width">',
            f"<title>{escape(title)}</title><style>{STYLE}</style>{head}</head><body><nav>",
            *navigation,
            "</nav><main>",
            *main,
            "</main></body></html>",
        )
    )


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def _badge(method: str) -> str:
    return f"<span class='method {method.lower()}'>{method}</span>"


def _navigation(document: Json, operations: Iterable[tuple[str, str, Json]]) -> Iterator[str]:
    yield "<a class=home href=#operations>Operations</a><ul>"
    for path, method, operation in operations:
        yield f"<li><a href='#{operation['operationId']}'>{_badge(method)} <code>{_path(path)}</code></a></li>"
    yield "</ul><a class=home href=#types>Types</a><ul>"
    for name in document["components"]["schemas"]:
        yield f"<li><a href='#type-{escape(name)}'>{escape(name)}</a></li>"
    yield "</ul>"


def _path(path: str) -> str:
    """Let long names break where words do."""
    return escape(path).replace("/", "/<wbr>")


def _security(document: Json) -> Iterator[str]:
    schemes = document["components"].get("securitySchemes", {})
    if schemes:
        yield "<h2 id=security>Who you are</h2><ul>"
        yield from (f"<li>{escape(scheme['description'])}</li>" for scheme in schemes.values())
        yield "</ul><p>Send one of these with every request.</p>"


def _operation(path: str, method: str, operation: Json) -> str:
    parts = [
        f"<section id='{operation['operationId']}'{_asks(path, method, operation)}>",
        f"<h3>{_badge(method)} <code>{_path(path)}</code></h3>",
        f"<p class=summary>{escape(operation['summary'])}</p><p>{escape(operation['description'])}</p>",
        *_parameters(operation),
        *_request(operation),
        "<h4>Answers</h4>",
        _table(_COLUMNS_OF_RESPONSES, (_response(status, each) for status, each in operation["responses"].items())),
        *_sample_of_success(operation),
        "</section>",
    ]
    return "".join(parts)


def _asks(path: str, method: str, operation: Json) -> str:
    """Say what can be asked of an operation that only reads, and that is served here."""
    if method != "GET":
        return ""
    names = [each["name"] for each in operation.get("parameters", ()) if each["in"] in ("path", "query")]
    return f" data-get='{escape(path)}' data-asks='{escape(' '.join(names))}'"


def _parameters(operation: Json) -> Iterator[str]:
    if operation.get("parameters"):
        yield "<h4>Parameters</h4>"
        yield _table(_COLUMNS_OF_PARAMETERS, map(_parameter, operation["parameters"]))


def _parameter(parameter: Json) -> tuple[str, ...]:
    return (
        _name(parameter["name"], required=parameter["required"]),
        escape(parameter["in"]),
        _shown(parameter["schema"]),
        escape(parameter["description"]),
    )


def _request(operation: Json) -> Iterator[str]:
    if "requestBody" in operation:
        (content,) = operation["requestBody"]["content"].values()
        yield f"<h4>Body</h4><p>{_shown(content['schema'])}</p>"
        yield _sample("A sample body", content["example"])


def _response(status: str, response: Json) -> tuple[str, ...]:
    bodies = [_shown(content["schema"]) for content in response.get("content", {}).values()]
    names = "<br>".join(f"<code>{escape(name)}</code>" for name in response.get("headers", {}))
    return (
        f"<b class='status s{status[0]}'>{status}</b>",
        "".join(bodies) or "–",
        escape(response["description"]),
        names,
    )


def _sample_of_success(operation: Json) -> Iterator[str]:
    for status, response in operation["responses"].items():
        for content in response.get("content", {}).values() if status.startswith("2") else ():
            yield _sample("A sample answer", content["example"])


def _sample(title: str, example: object) -> str:
    text = json.dumps(example, indent=2, ensure_ascii=False)
    return f"<details><summary>{title}</summary><pre tabindex=0>{escape(text)}</pre></details>"


def _type(name: str, schema: Json) -> str:
    head = f"<h3>{escape(name)}</h3><p>{escape(schema['description'])}</p>"
    body = _properties(schema) if "properties" in schema else f"<p>{_shown(schema)}</p>"
    return f"<section id='type-{escape(name)}'>{head}{body}</section>"


def _properties(schema: Json) -> str:
    required = schema.get("required", ())
    rows = (
        (_name(name, required=name in required), _shown(value), escape(value.get("description", "")))
        for name, value in schema["properties"].items()
    )
    return _table(_COLUMNS_OF_PROPERTIES, rows)


def _name(name: str, *, required: bool) -> str:
    return f"<code>{escape(name)}</code>{'<span class=required>required</span>' if required else ''}"


def _shown(schema: Json) -> str:
    """A type in a few words, with links to what it is made of."""
    if "$ref" in schema:
        name = escape(schema["$ref"].removeprefix(PREFIX))
        return f"<a href='#type-{name}'>{name}</a>"
    if "oneOf" in schema:
        return "one of " + ", ".join(_shown(choice) for choice in schema["oneOf"])
    if "enum" in schema:
        return " ".join(f"<code class=value>{escape(value)}</code>" for value in schema["enum"])
    kind = f"list of {_shown(schema['items'])}" if "items" in schema else escape(schema["type"])
    bounds = ", ".join(f"{key} {escape(str(schema[key]))}" for key in _BOUNDS if key in schema)
    return f"{kind} <small>{bounds}</small>" if bounds else kind


def _table(columns: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{column}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class=wide tabindex=0><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
