"""What the schema of packs allows at a place: the keys of a mapping, and the values where there are only so many.

The schema is that which editors get (`document.schema`). It has alternatives at nearly every place, for short forms;
what any of them allows is allowed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from bridge.mapping.document.schema import pack_schema
from bridge.packtools.completion.outline import CURSOR, Part, below

_EXTENDING: Final = "Extending."
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """One alternative of what may stand at a place; `name` is that of the pack's section, if it is one."""

    name: str
    schema: Json


@dataclass(frozen=True, slots=True)
class Key:
    """A key that a mapping may have. `holds_parts`: its value is a mapping or a list, and never a plain value."""

    about: str
    required: bool
    holds_parts: bool


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may stand at a place; `way` has the sections through which each part of the path leads."""

    about: str
    sections: Sequence[Section]
    way: Sequence[frozenset[str]]

    def keys(self) -> dict[str, Key]:
        """Give the keys that the mapping there may have, those first that it must have."""
        found: dict[str, Key] = {}
        for section in self.sections:
            required = section.schema.get("required", ())
            for name, schema in section.schema.get("properties", {}).items():
                inside = list(_opened("", schema, None))
                holds = all(one.schema.get("type") in ("object", "array") for one in inside)
                found.setdefault(name, Key(_about(schema, inside), name in required, bool(inside) and holds))
            for one in _opened("", section.schema.get("propertyNames", {}), None):
                found |= {name: Key("", required=False, holds_parts=True) for name in one.schema.get("enum", ())}
        return dict(sorted(found.items(), key=lambda item: not item[1].required))

    def values(self) -> list[str | bool]:
        """Give the plain values, where there are only so many."""
        found: list[str | bool] = []
        any_text = any(one.schema.get("type") == "string" and "enum" not in one.schema for one in self.sections)
        for one in self.sections:
            known = [*one.schema.get("enum", ()), *([one.schema["const"]] if "const" in one.schema else [])]
            found += known or ([True, False] if one.schema.get("type") == "boolean" and not any_text else [])
        return [one for number, one in enumerate(found) if one not in found[:number]]


def allowed(data: Any, path: Sequence[Part]) -> Allowed:
    """Find what may stand at a path of a pack, as far as it is written."""
    here = list(_opened("", _schema(), data))
    about, way = "", []
    for part in path:
        way.append(frozenset(one.name for one in here))
        data = below(data, part)
        steps = [step for one in here if (step := _step(one.schema, part)) is not None]
        here = [each for step in steps for each in _opened("", step, data)]
        if steps and isinstance(part, str):  # an item of a list is told of as the list
            about = next((said for step in steps if (said := _about(step, list(_opened("", step, data))))), "")
    return Allowed(about, here, way)


@cache
def _schema() -> Json:
    return pack_schema()


def _step(schema: Json, part: Part) -> Json | None:
    if isinstance(part, int):
        items: Json | None = schema.get("items")
        return items
    if part in schema.get("properties", {}):
        found: Json = schema["properties"][part]
        return found
    for pattern, named in schema.get("patternProperties", {}).items():
        if re.search(pattern, part):
            return named  # type: ignore[no-any-return]
    others = schema.get("additionalProperties")
    return others if isinstance(others, Mapping) else None


def _opened(name: str, schema: Json, data: Any) -> Iterator[Section]:
    """Give the alternatives of a schema, one by one; of what depends on keys, that which fits those that are there."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2].removeprefix(_EXTENDING)
        yield from _opened(name, _schema()["definitions"][schema["$ref"].rpartition("/")[2]], data)
    if "if" in schema:
        yield from _chosen(name, schema, data)
    for alternative in (*schema.get("anyOf", ()), *schema.get("allOf", ())):
        yield from _opened(name, alternative, data)
    if schema.keys() & {"type", "properties", "enum", "const", "items", "additionalProperties"}:
        yield Section(name, schema)


def _chosen(name: str, schema: Json, data: Any) -> Iterator[Section]:
    asked = schema["if"]["required"]
    keys = [key for key in data if CURSOR not in key] if isinstance(data, Mapping) else []
    if all(key in keys for key in asked):
        yield from _opened(name, schema["then"], data)
        return
    for one in _opened(name, schema["then"], data):  # the keys by which it would become the other one
        known = one.schema.get("properties", {})
        if known.keys() >= {*keys}:
            asked_for = {key: value for key, value in known.items() if key in asked}
            yield Section(one.name, {"type": "object", "properties": asked_for})
    yield from _opened(name, schema.get("else", {}), data)


def _about(schema: Json, inside: Sequence[Section]) -> str:
    """Say what it means: what is said of the key, else of the section that it holds."""
    said = schema.get("description") or next(
        (one.schema["description"] for one in inside if "description" in one.schema), ""
    )
    return " ".join(said.split())
