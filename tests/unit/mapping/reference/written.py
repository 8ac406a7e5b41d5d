"""Which keys a pack writes, and of what section: its YAML is walked with the declarations."""

from collections.abc import Iterator
from copy import copy
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo
from pydantic.json_schema import SkipJsonSchema

from bridge.mapping.document.commands import Repeated, TemplateValue
from bridge.mapping.document.descriptions import descriptions

Model = type[BaseModel]
Pair = tuple[str, Any]
Written = tuple[Model, str, Pair, bool]
"""A section, a key of it, the key and value that stand there, and whether they are a short form without the key."""


def keys(model: Model) -> dict[str, FieldInfo]:
    """The keys of a section as they are written; what the JSON Schema skips is nobody's to write."""
    said = descriptions(model)
    fields = {name: field for name, field in model.model_fields.items() if not _is_skipped(field)}
    return {field.alias or name: _described(field, said.get(name)) for name, field in fields.items()}


def _described(field: FieldInfo, text: str | None) -> FieldInfo:
    described = copy(field)
    described.description = text
    return described


def _is_skipped(field: FieldInfo) -> bool:
    return any(isinstance(one, SkipJsonSchema) for one in field.metadata)  # type: ignore[misc]


def written(model: Model, data: dict[str, Any]) -> Iterator[Written]:
    """What a mapping writes of a section, and of all sections below it."""
    for key in [key for key in data if key in keys(model)]:
        yield model, key, (key, data[key]), False
        yield from _entries(data[key]) if key == "body" else _below(keys(model)[key].annotation, (key, data[key]))


def _below(kind: Any, pair: Pair) -> Iterator[Written]:
    """Walk the value of a key by its type."""
    (key, data), inner = pair, get_args(kind)
    if _is_section(kind):
        yield from _section(kind, getattr(kind, "_short_form", None), pair)
    elif get_origin(kind) is Annotated and _is_section(inner[0]):
        yield from _section(inner[0], next(one.func for one in inner[1:] if isinstance(one, BeforeValidator)), pair)
    elif get_origin(kind) is dict and isinstance(data, dict):
        for name, item in data.items():
            yield from _below(inner[1], (name, item))
    elif get_origin(kind) is tuple:
        for item in data if isinstance(data, list) else [data]:
            for model, name, found, is_short in _below(inner[0], (key, item)):
                yield model, name, pair if is_short else found, is_short
    else:
        for one in inner[:1] if get_origin(kind) is Annotated else inner:
            yield from _below(one, pair)


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _section(model: Model, widen: Any, pair: Pair) -> Iterator[Written]:
    """What is no mapping is a short form of one."""
    if isinstance(pair[1], dict):
        yield from written(model, pair[1])
    elif widen is not None:
        yield from ((model, key, pair, True) for key in widen(pair[1]))


def _entries(template: Any) -> Iterator[Written]:
    if isinstance(template, dict) and "value" in template:
        yield from written(TemplateValue, template)
    elif isinstance(template, dict) and "each" in template:
        yield from written(Repeated, template)
        yield from _entries(template.get("item"))
    else:
        for item in template.values() if isinstance(template, dict) else template if isinstance(template, list) else ():
            yield from _entries(item)
