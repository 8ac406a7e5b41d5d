"""docs/pack-reference.md with its tables of keys: `<!-- keys: Inbound -->` … `<!-- /keys -->` holds those of a section.

`<!-- keys: FieldSpec: path header -->` holds these keys of it, and the one without names holds the others; a key that a
section has from one above it stands in that one's table. `<!-- places -->` … `<!-- /places -->` holds the attributes
of places.
"""

import re
from collections.abc import Iterable, Iterator
from enum import Enum
from functools import cache
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from bridge.mapping import document
from bridge.mapping.document.commands import Repeated, TemplateValue
from bridge.mapping.outputs.entries import KINDS, attributes
from bridge.yaml_source import parse_yaml
from tests.unit.mapping.reference.flow import flow, scalar
from tests.unit.mapping.reference.pages import REFERENCE, ROOT, examples_text
from tests.unit.mapping.reference.written import Model, Pair, Written, keys, written

PAGE = REFERENCE
MEND = "MEF_BRIDGE_WRITE_DOCS=1 .venv/bin/python -m pytest -q tests/unit/mapping/test_{reference,schema}.py"
SECTIONS: dict[str, Model] = {
    one.__name__: one
    for one in [*vars(document).values(), TemplateValue, Repeated]
    if isinstance(one, type) and issubclass(one, BaseModel) and one is not document.Strict
}
_TABLE = re.compile(r"(<!-- keys: (\w+)(?:: ([\w ]+))? -->\n).*?(<!-- /keys -->)", re.DOTALL)
_PLACES = re.compile(r"(<!-- places -->\n).*?(<!-- /places -->)", re.DOTALL)
_BLOCK = re.compile(r"^```yaml([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LARCH = ROOT / "tests" / "unit" / "mapping" / "tutorial" / "larch-fsm" / "pack.yaml"
_MOST_PLACES = 4
_BOXED = sorted((ROOT / "mappings").glob("*/pack.yaml"))

Same = tuple[str, str | None]
"""A key and its description: what sections have in common, by inheritance or by the same words."""


def page(text: str) -> str:
    """The page with every table drawn anew."""
    examples = _examples(examples_text())

    def table(match: re.Match[str]) -> str:
        start, section, names, end = match.groups()
        return start + "\n".join(_table(SECTIONS[section], _keys(text, section, names), examples)) + "\n" + end

    return _PLACES.sub(lambda match: match[1] + "\n".join(_places()) + "\n" + match[2], _TABLE.sub(table, text))


def _places() -> Iterator[str]:
    """The attributes of each kind of place."""
    yield from ("| `type` | `attributes` |", "|---|---|")
    for kind in KINDS:
        names = (f"**`{name}`**" if required else f"`{name}`" for name, required in attributes(kind).items())
        yield f"| `{kind}` | {', '.join(names)} |"


def _keys(text: str, section: str, names: str | None) -> list[str]:
    """The keys of a table: those it names, or those that no other table has."""
    if names:
        return names.split()
    tables = [(match[2], (match[3] or "").split()) for match in _TABLE.finditer(text)]
    model = SECTIONS[section]
    elsewhere = {name for other, some in tables if other == section for name in some}
    elsewhere |= {name for other, _ in tables if SECTIONS[other] in model.__mro__[1:] for name in keys(SECTIONS[other])}
    return [key for key in keys(model) if key not in elsewhere]


def without_description() -> list[str]:
    """The keys whose declaration says nothing, as `Section.key`."""
    return [f"{section}.{key}" for section, key in _all_keys() if not _same(section, key)[1]]


def without_table(text: str) -> list[str]:
    """The keys that no table of the page has, as `Section.key`."""
    tables = _TABLE.finditer(text)
    shown = {_same(match[2], key) for match in tables for key in _keys(text, match[2], match[3])}
    return [f"{section}.{key}" for section, key in _all_keys() if _same(section, key) not in shown]


def without_example() -> list[str]:
    """The keys that no example of either page has, as `Section.key`."""
    examples = _examples(examples_text())
    return [f"{section}.{key}" for section, key in _all_keys() if _same(section, key) not in examples]


def _all_keys() -> Iterator[tuple[str, str]]:
    """Every key where it is declared."""
    for section, model in SECTIONS.items():
        above = {key for base in model.__mro__[1:] if issubclass(base, document.Strict) for key in keys(base)}
        yield from ((section, key) for key in keys(model) if key not in above)


def _same(section: str, key: str) -> Same:
    return key, keys(SECTIONS[section])[key].description


def _table(model: Model, names: Iterable[str], examples: dict[Same, Pair]) -> Iterator[str]:
    yield from (f"| {_title(model)} | Meaning | Example |", "|---|---|---|")
    for name in names:
        field = keys(model)[name]
        key = f"**`{name}`**" if field.is_required() else f"`{name}`"
        example = f"`{flow(*pair)}`" if (pair := examples.get((name, field.description))) else ""
        cells = (cell.replace("|", r"\|") for cell in (key, _meaning(field), example))
        yield f"| {' | '.join(cells)} |"


def _title(model: Model) -> str:
    """Where these keys stand, if that is in few places."""
    above = (
        ["body"]
        if model in (TemplateValue, Repeated)
        else sorted({key for one in SECTIONS.values() for key in _to(one, model)})
    )
    return f"Key of {', '.join(f'`{key}`' for key in above)}" if 0 < len(above) <= _MOST_PLACES else "Key"


def _to(section: Model, model: Model) -> Iterator[str]:
    return (key for key, field in keys(section).items() if _leads(field.annotation, model))


def _leads(kind: Any, model: Model) -> bool:
    here = isinstance(kind, type) and issubclass(kind, model)
    return here or any(_leads(inner, model) for inner in get_args(kind))


def _meaning(field: FieldInfo) -> str:
    """The description, the values there are where it does not name them, and what stands in for it."""
    said = " ".join((field.description or "").split())
    allowed = [scalar(value) for value in _allowed(field.annotation)]
    number = "Any" if _is_several(field.annotation) else "One"
    unsaid = any(f"`{value}`" not in said for value in allowed)
    listed = f" {number} of {', '.join(f'`{value}`' for value in allowed)}." if unsaid else ""
    return said + listed + _default(field)


def _is_several(kind: Any) -> bool:
    return get_origin(kind) in (tuple, dict) or any(_is_several(inner) for inner in get_args(kind))


def _default(field: FieldInfo) -> str:
    value = field.default.value if isinstance(field.default, Enum) else field.default
    if value is PydanticUndefined or isinstance(value, BaseModel) or value in (None, "", False, (), {}):
        return ""
    return f" Default `{scalar(value)}`."


def _allowed(kind: Any) -> list[object]:
    if get_origin(kind) is Literal:
        return [] if get_args(kind) == (True,) else list(get_args(kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [member.value for member in kind]
    return [value for inner in get_args(kind) for value in _allowed(inner)]


@cache
def _examples(text: str) -> dict[Same, Pair]:
    """The first place where each key is written; the short form of a key stands where its name is never written."""
    found: dict[Same, Pair] = {}
    short: dict[Same, Pair] = {}
    for model, key, pair, is_short in _written(text):
        (short if is_short else found).setdefault((key, keys(model)[key].description), pair)
    return {**short, **found}


def _written(text: str) -> Iterator[Written]:
    for pack in (LARCH.read_text(), *_blocks(text), *(path.read_text() for path in _BOXED)):
        yield from written(document.PackDocument, parse_yaml(pack, "example").data)


def _blocks(text: str) -> Iterator[str]:
    """The examples that are pieces of a pack, from its top; those of the tutorial are a file's."""
    top = "|".join(keys(document.PackDocument))
    for name, block in _BLOCK.findall(text):
        if "/" not in name and re.match(f"({top}):", block):
            yield block
