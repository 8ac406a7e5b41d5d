"""What pydantic found wrong, said in plain words: what was expected, what came, and which known name was perhaps meant.

Locations lead through the data: the tags that pydantic puts in for the branches of a union are taken out again. Of a
union that fits nowhere one problem is made, not one for each branch.
"""

import re
import types
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from bridge.yaml_source.shapes import in_shape, shape_of
from bridge.yaml_source.words import describe, did_you_mean, mask_secrets

NEVER_SHOWN: Final = "never shown"
"""In `Annotated`: of a value that is no secret, but in whose place somebody may put one."""

Path = tuple[str | int, ...]
Loc = Sequence[str | int]


@dataclass(frozen=True, slots=True)
class Problem:
    """One violated rule of a model, said in plain words. `path` leads to the value; `at_key` means its key is wrong."""

    path: Path
    kind: str
    message: str
    at_key: bool = False


@dataclass(frozen=True, slots=True)
class _Located:
    """A pydantic error whose location is free of union tags.

    `choices` are the unions on the way (path and the branch taken); `model` is the model that the last key belongs to.
    """

    error: Mapping[str, Any]
    path: Path
    choices: tuple[tuple[Path, str], ...]
    model: type[BaseModel] | None
    secret: bool


def problems_of(error: ValidationError, model: type[BaseModel], hidden: Collection[Path] = ()) -> list[Problem]:
    """Translate pydantic's errors; of a union only the branch that fits best is reported.

    The values at the paths in `hidden`, and those of secret types, are not shown.
    """
    located = [_locate(one, model, hidden) for one in error.errors(include_url=False) if not _is_echo(one)]
    return [_problem(group) for group in _fitting(located, 0)]


def _is_echo(error: Any) -> bool:
    """Tell a list that is too short only because its wrong entries, each with an error of its own, did not count."""
    return bool(error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"])


def _locate(error: Any, model: type[BaseModel], hidden: Collection[Path]) -> _Located:
    walk = _Walk(model)
    for part in error["loc"]:
        walk.step(part)
    path = tuple(walk.path)
    return _Located(error, path, tuple(walk.choices), walk.owner, path in hidden or _is_secret(walk.here))


class _Walk:
    """Follows one pydantic location through the types, to tell keys from union tags."""

    def __init__(self, model: type[BaseModel]) -> None:
        self.here: Any = model
        self.path: list[str | int] = []
        self.choices: list[tuple[Path, str]] = []
        self.owner: type[BaseModel] | None = None

    def step(self, part: str | int) -> None:
        self.here = _bare(self.here)
        members = _members(self.here)
        if len(members) > 1:
            self._choose(members, str(part))
        elif part != "[key]":
            self._descend(members[0] if members else self.here, part)

    def _choose(self, members: list[Any], tag: str) -> None:
        self.choices.append((tuple(self.path), tag))
        self.here = next((one for one in members if tag in _tags(one)), members[0])

    def _descend(self, here: Any, part: str | int) -> None:
        here = _bare(here)
        self.owner = here if _is_model(here) else None
        self.here = _below(here, part)
        self.path.append(part)


def _bare(annotation: Any) -> Any:
    """Strip aliases, `Annotated`, root models and optionality."""
    while True:
        if isinstance(annotation, FieldInfo):
            annotation = annotation.annotation
        elif get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif hasattr(annotation, "__value__"):
            annotation = annotation.__value__
        elif isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation.__pydantic_root_model__:
            annotation = annotation.model_fields["root"].annotation
        elif len(members := _members(annotation)) == 1:
            annotation = members[0]
        else:
            return annotation


def _members(annotation: Any) -> list[Any]:
    if get_origin(annotation) not in (Union, types.UnionType):
        return []
    return [one for one in get_args(annotation) if one is not type(None)]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _is_secret(annotation: Any) -> bool:
    metadata = annotation.metadata if isinstance(annotation, FieldInfo) else getattr(annotation, "__metadata__", ())
    if NEVER_SHOWN in metadata:
        return True
    here = _bare(annotation)
    return here in (SecretStr, SecretBytes) or any(_is_secret(one) for one in _members(here))


def _tags(member: Any) -> set[str]:
    """Give what pydantic may call a branch of a union: a type's name, a `Tag`, or its discriminator's values."""
    tags = {str(tag.tag) for tag in getattr(member, "__metadata__", ()) if hasattr(tag, "tag")}
    here = _bare(member)
    origin = get_origin(here) or here
    tags |= {getattr(origin, "__name__", ""), str(here)}
    if _is_model(here):
        for each in here.model_fields.values():
            tags |= {str(value) for value in get_args(each.annotation) if isinstance(value, str)}
    return tags


def _below(here: Any, part: str | int) -> Any:
    if _is_model(here):
        return next((each for name, each in here.model_fields.items() if part in (name, _wire_name(name, each))), Any)
    arguments = [one for one in get_args(here) if one is not Ellipsis]
    if not arguments:
        return Any
    if get_origin(here) is tuple and isinstance(part, int) and part < len(arguments):
        return arguments[part]
    return arguments[-1]


def _wire_name(name: str, each: FieldInfo) -> str:
    return each.validation_alias if isinstance(each.validation_alias, str) else each.alias or name


def _fitting(errors: list[_Located], level: int) -> list[list[_Located]]:
    """Group the errors that make one problem. Errors of the same union compete; the best branch wins."""
    groups = [[one] for one in errors if len(one.choices) <= level]
    unions: dict[Path, dict[str, list[_Located]]] = defaultdict(lambda: defaultdict(list))
    for one in errors:
        if len(one.choices) > level:
            path, tag = one.choices[level]
            unions[path][tag].append(one)
    for path, branches in unions.items():
        groups += _best_branch(path, list(branches.values()), level)
    return groups


def _best_branch(path: Path, branches: list[list[_Located]], level: int) -> list[list[_Located]]:
    """Prefer the branch whose type fits and whose content has the fewest errors; else say all that was expected."""
    deep = [branch for branch in branches if not all(_is_mismatch(one, path) for one in branch)]
    if deep:
        return _fitting(min(deep, key=len), level + 1)
    return [[one for branch in branches for one in branch]]


def _is_mismatch(one: _Located, path: Path) -> bool:
    return one.path == path and one.error["type"] in _EXPECTED


_EXPECTED: Mapping[str, str] = {
    **dict.fromkeys(("string_type", "string_sub_type"), "text"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing", "decimal_type", "decimal_parsing", "finite_number"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type"), "a list"),
    **dict.fromkeys(("dict_type", "mapping_type", "model_type", "model_attributes_type"), "a mapping"),
    **dict.fromkeys(("dataclass_type", "dataclass_exact_type", "model_class_type"), "a mapping"),
    **dict.fromkeys(("none_required",), "nothing"),
    **dict.fromkeys(("path_type",), "a path"),
    **dict.fromkeys(("literal_error", "enum"), "{expected}"),
}
_WORD = re.compile(r"[A-Za-z]\w*")
_VALUE_ERRORS = {"literal_error", "enum", "finite_number", "int_parsing_size"}
_BOUNDS: Mapping[str, str] = {
    "greater_than": "a number greater than {gt}",
    "greater_than_equal": "a number not less than {ge}",
    "less_than": "a number less than {lt}",
    "less_than_equal": "a number not greater than {le}",
    "string_too_short": "text of at least {min_length} character{s}",
    "string_too_long": "text of at most {max_length} characters",
    "string_pattern_mismatch": "{shape}",
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
}


def _problem(group: list[_Located]) -> Problem:
    one, kind = group[0], group[0].error["type"]
    name = str(one.path[-1]) if one.path else ""
    if kind == "missing":
        return Problem(one.path[:-1], "missing-key", f"the key '{name}' is missing")
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return Problem(one.path, "unknown-key", _unknown_key(name, one.model), at_key=True)
    if kind == "union_tag_not_found":
        return Problem(one.path, "missing-key", f"the key {_discriminator(one)} is missing")
    if kind == "union_tag_invalid":
        return Problem((*one.path, _discriminator(one).strip("'")), "wrong-value", _wrong_tag(one.error["ctx"]))
    return Problem(one.path, _kind(group), _wrong(group), at_key="[key]" in one.error["loc"][-1:])


def _discriminator(one: _Located) -> str:
    """Give the quoted name of the key that chooses the branch, as it is written in the file."""
    return str(one.error["ctx"]["discriminator"])


def _wrong_tag(context: Mapping[str, Any]) -> str:
    known = re.findall(r"'([^']*)'", context["expected_tags"])
    hint = did_you_mean(str(context["tag"]), known)
    return f"expected one of {context['expected_tags']}, got {describe(context['tag'])}{hint}"


def _unknown_key(name: str, model: type[BaseModel] | None) -> str:
    known = [_wire_name(field_name, each) for field_name, each in model.model_fields.items()] if model else []
    shown = mask_secrets(name)
    if hint := did_you_mean(name, known):
        return f"unknown key '{shown}'{hint}"
    return f"unknown key '{shown}'" + (f"; known here: {', '.join(known)}" if known else "")


def _kind(group: list[_Located]) -> str:
    kinds = {one.error["type"] for one in group}
    return "wrong-type" if kinds <= _EXPECTED.keys() - _VALUE_ERRORS else "wrong-value"


def _wrong(group: list[_Located]) -> str:
    error, secret = group[0].error, any(one.secret for one in group)
    if error["type"] in ("value_error", "assertion_error"):
        return str(error["ctx"]["error"])
    if not (expected := _expected(group)):
        return mask_secrets(error["msg"]) if not secret else "the value is wrong"
    got = "a value that is not shown" if secret else describe(error["input"])
    return f"expected {expected}, got {got}{_hint(error, secret)}"


def _expected(group: list[_Located]) -> str:
    """Say what all errors of the group expected: "text, a whole number or a list"."""
    phrases = (_phrase(one.error) for one in group)
    names = list(dict.fromkeys(phrase for phrase in phrases if phrase))
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _phrase(error: Mapping[str, Any]) -> str:
    template = _EXPECTED.get(error["type"]) or _BOUNDS.get(error["type"], "")
    context = error.get("ctx") or {}
    plural = "" if context.get("min_length") == 1 else "s"
    return template.format(**context, shape=shape_of(context.get("pattern", "")), s=plural)


def _hint(error: Mapping[str, Any], secret: bool) -> str:
    value = error["input"]
    if error["type"] == "string_type" and isinstance(value, int | float):
        return "; put it in quotes if it is meant as text"
    if error["type"] in ("literal_error", "enum") and isinstance(value, str) and not secret:
        return did_you_mean(value, re.findall(r"'([^']*)'", error["ctx"]["expected"]))
    if error["type"] == "string_pattern_mismatch" and not secret:
        return in_shape(value, error["ctx"]["pattern"])
    if _EXPECTED.get(error["type"]) == "a list" and isinstance(value, str) and _WORD.fullmatch(value) and not secret:
        return f"; write [{value}]"
    return ""
