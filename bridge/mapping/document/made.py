"""Fields that are made of other fields take over what those declare: the type, the codes, whether they can be absent.

Works on what was written, before its shape is known to be right; it leaves what it does not understand as it is.
"""

from collections.abc import Mapping, Sequence

_READ = ("path", "header", "routing_key")
_MADE = ("value", "previous", "changed", "asked", "join", "first", "of", "attribution")
SOURCES = (*_READ, *_MADE)
_OWN = {*SOURCES, "precedence", "key", "required", "default", "remember"}


def typed_fields(fields: Mapping[str, object], above: Mapping[str, object] | None = None) -> dict[str, object]:
    """Complete the made ones among fields, in their order; they may be made of those `above`, too."""
    typed = dict(fields)
    for name, spec in fields.items():
        typed[name] = _typed(spec, {**(above or {}), **typed})
    return typed


def _typed(spec: object, fields: Mapping[str, object]) -> object:
    if not isinstance(spec, dict):
        return spec
    if "asked" in spec:
        return {"type": "code", "values": ["buyer", "seller"], "required": True, **spec}
    if isinstance(codes := spec.get("precedence"), list) and codes and all(isinstance(code, str) for code in codes):
        return {"type": "code", "values": codes, **spec}
    if isinstance(inside := spec.get("fields"), dict):
        return {**spec, "fields": typed_fields(inside, fields)}
    if "changed" in spec:
        return {"type": "boolean", "required": True, **spec}
    if isinstance(spec.get("first"), list):
        return {**_of_first([fields.get(str(one)) for one in spec["first"]], spec), **spec}
    base = fields.get(spec["previous"]) if isinstance(spec.get("previous"), str) else None
    if not isinstance(base, dict):
        return spec
    return {**{key: value for key, value in base.items() if key not in _OWN}, **spec}


def _of_first(bases: Sequence[object], spec: Mapping[str, object]) -> dict[str, object]:
    """Give what is true of several fields: they are of one type, or one of them is always there."""
    specs = [base for base in bases if isinstance(base, dict)]  # a column of a table is none
    sure = any(base.get("required") is True or "default" in base for base in specs)
    told: dict[str, object] = {"required": True} if sure and not spec.keys() & _MAY_LACK else {}
    types = [base.get("type", "text") for base in specs]
    if "type" in spec or not types or len(types) < len(bases) or any(one != types[0] for one in types):
        return told
    return told | (_codes_of(specs) if types[0] == "code" else {"type": types[0]})


_MAY_LACK = {"required", "default", "empty", "nulls"}


def _codes_of(specs: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Give the codes of several fields together; nothing where they look up different tables."""
    lists = [values for spec in specs if isinstance(values := spec.get("values"), list)]
    tables = [spec.get("table") for spec in specs]
    if len(lists) == len(specs) and not any(tables):
        every = [code for values in lists for code in values]
        return {"type": "code", "values": [code for i, code in enumerate(every) if code not in every[:i]]}
    same = not lists and all(table == tables[0] for table in tables)
    return {"type": "code", "table": tables[0]} if same else {}
