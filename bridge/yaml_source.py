"""YAML files read so that every problem can be shown at its line and column.

A file becomes plain Python values by the YAML 1.2 core schema: `yes` and dates stay text, and keys are always text as
written, so that a code such as `00` survives. The text is untrusted: its size, its depth and what its aliases unfold to
are bounded. `validate` gives *all* problems of a document at once, in the order of the file.
"""

import difflib
import json
import math
import re
import types
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Annotated, Any, NoReturn, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, RootModel, SecretBytes, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from bridge.errors import PermanentError

M = TypeVar("M", bound=BaseModel)
Loc = Sequence[str | int]
Path = tuple[str | int, ...]

MAX_BYTES = 1 << 20  # 1 MiB: the largest known pack is a tenth of it, and the parser takes about 10 s per MiB
MAX_DEPTH = 64  # levels; far above any real document, far below Python's recursion limit
MAX_ALIASES = 1_000
MAX_NODES = 200_000  # after unfolding aliases, so that a "billion laughs" document stops early

_TAG = "tag:yaml.org,2002:"
_NULL = re.compile(r"null|Null|NULL|~|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+")
_OCT = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INF = re.compile(r"[-+]?(\.inf|\.Inf|\.INF)")
_NAN = re.compile(r"\.nan|\.NaN|\.NAN")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One problem of one file, at a 1-based line and column. `kind` is a short word, `message` is for a person."""

    file: str
    line: int
    column: int
    kind: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.kind}: {self.message}"


class InvalidDocument(PermanentError):
    """The document is wrong."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings: tuple[Finding, ...] = tuple(sorted(set(findings)))
        super().__init__("\n".join(map(str, self.findings)))


@dataclass(frozen=True, slots=True)
class Problem:
    """One violated rule of a model, said in plain words. `path` leads to the value; `at_key` means its key is wrong."""

    path: Path
    kind: str
    message: str
    at_key: bool = False


@dataclass(slots=True)
class _Node:
    """A value with its place. `size` counts the nodes below it, itself included, with aliases unfolded."""

    data: Any
    line: int
    column: int
    items: dict[str | int, "_Node"] = field(default_factory=dict)
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    size: int = 1


@dataclass(frozen=True, slots=True)
class YamlSource:
    """A document as plain Python values, its file as given, and the place of everything in it."""

    data: dict[str, Any]
    file: str
    _root: _Node = field(repr=False)

    def position(self, loc: Loc = ()) -> tuple[int, int]:
        """Give the 1-based line and column of the value at `loc`, or of the nearest parent that exists."""
        node = self._root
        for part in loc:
            if part not in node.items:
                break
            node = node.items[part]
        return node.line, node.column

    def key_position(self, loc: Loc) -> tuple[int, int]:
        """Give the place of the key at the end of `loc`; that of the value where it is no key."""
        node = self._root
        for part in loc[:-1]:
            if part not in node.items:
                return node.line, node.column
            node = node.items[part]
        return node.keys.get(str(loc[-1])) or self.position(loc) if loc else self.position()

    def finding(self, loc: Loc, kind: str, message: str) -> Finding:
        """Make a finding about the value at `loc`."""
        return Finding(self.file, *self.position(loc), kind, message)

    def place(self, problem: Problem) -> Finding:
        """Give a problem its place in this file."""
        at = self.key_position if problem.at_key else self.position
        return Finding(self.file, *at(problem.path), problem.kind, problem.message)


# ---- reading ---------------------------------------------------------------------------------------------------------


def read_yaml(path: FilePath) -> YamlSource:
    """Read one YAML file whose root is a mapping. Raises `InvalidDocument`."""
    return parse_yaml(_read_text(path), str(path))


def parse_yaml(text: str, file: str) -> YamlSource:
    """Read YAML text; `file` is the name for its findings. Raises `InvalidDocument`."""
    root = _Builder(file).build(text)
    if not isinstance(root.data, dict):
        raise InvalidDocument([Finding(file, root.line, root.column, "wrong-type", _expected_root(root.data))])
    return YamlSource(root.data, file, root)


def _expected_root(data: object) -> str:
    return "the file is empty; expected a mapping" if data is None else f"expected a mapping, got {describe(data)}"


def _read_text(path: FilePath) -> str:
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidDocument([Finding(str(path), 1, 1, "unreadable", error.strerror or str(error))]) from error
    if len(raw) > MAX_BYTES:
        raise InvalidDocument([Finding(str(path), 1, 1, "too-big", f"the file is larger than {MAX_BYTES} bytes")])
    return _decode(raw, str(path))


def _decode(raw: bytes, file: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _line_and_column(raw[: error.start].decode("utf-8-sig"))
        message = f"byte 0x{raw[error.start]:02x} is not UTF-8"
        raise InvalidDocument([Finding(file, line, column, "encoding", message)]) from error


def _line_and_column(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


class _Builder:
    """Builds nodes from ruamel.yaml's events, so that limits hold before anything is unfolded."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._anchors: dict[str, _Node] = {}
        self._aliases = 0
        self._duplicates: list[Finding] = []
        self._events: Iterator[Any] = iter(())

    def build(self, text: str) -> _Node:
        """Give the root node. Raises `InvalidDocument` for the first error of syntax, or for all duplicate keys."""
        self._events = YAML(typ="safe", pure=True).parse(text)
        try:
            root = self._document()
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise self._error(mark, "syntax", _syntax_message(error)) from error
        except ReaderError as error:
            line, column = _line_and_column(text[: error.position])
            message = "this character may not stand in YAML"
            raise InvalidDocument([Finding(self._file, line, column, "syntax", message)]) from error
        except (YAMLError, ValueError, RecursionError) as error:
            raise InvalidDocument([Finding(self._file, 1, 1, "syntax", f"this is not YAML: {error}")]) from error
        if self._duplicates:
            raise InvalidDocument(self._duplicates)
        return root

    def _document(self) -> _Node:
        root: _Node | None = None
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                if root is not None:
                    raise self._error(event.start_mark, "syntax", "expected one document, found a second one")
                root = self._node(next(self._events), 1)
        return root or _Node(None, 1, 1)

    def _node(self, event: Any, depth: int) -> _Node:
        if isinstance(event, AliasEvent):
            return self._alias(event)
        if depth > MAX_DEPTH:
            self._fail(event, "too-big", f"nested deeper than {MAX_DEPTH} levels")
        node = self._fresh(event, depth)
        if node.size > MAX_NODES:
            self._fail(event, "too-big", f"more than {MAX_NODES} values")
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _fresh(self, event: Any, depth: int) -> _Node:
        if isinstance(event, MappingStartEvent):
            self._check_tag(event, "map")
            return self._mapping(event, depth)
        if isinstance(event, SequenceStartEvent):
            self._check_tag(event, "seq")
            return self._sequence(event, depth)
        return self._scalar(event)

    def _alias(self, event: Any) -> _Node:
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            self._fail(event, "too-big", f"more than {MAX_ALIASES} aliases")
        if event.anchor not in self._anchors:
            self._fail(event, "syntax", f"alias *{event.anchor} has no anchor &{event.anchor} before it")
        return self._anchors[event.anchor]

    def _mapping(self, start: Any, depth: int) -> _Node:
        node = _Node({}, *_place(start.start_mark))
        for event in self._events:
            if isinstance(event, MappingEndEvent):
                break
            key = self._key(event)
            value = self._node(next(self._events), depth + 1)
            if key in node.data:
                self._duplicates.append(self._duplicate(event, key, node))
            else:
                node.keys[key] = _place(event.start_mark)
                self._put(node, key, value)
                node.data[key] = value.data
        return node

    def _key(self, event: Any) -> str:
        if not isinstance(event, ScalarEvent):
            self._fail(event, "wrong-type", "a key must be plain text")
        if event.value == "<<" and event.style is None:
            self._fail(event, "syntax", "merge keys (<<) are not part of YAML 1.2")
        return self._text(event)

    def _duplicate(self, event: Any, key: str, node: _Node) -> Finding:
        line, _ = node.keys[key]
        return Finding(
            self._file, *_place(event.start_mark), "duplicate-key", f"key '{key}' stands on line {line} already"
        )

    def _sequence(self, start: Any, depth: int) -> _Node:
        node = _Node([], *_place(start.start_mark))
        for event in self._events:
            if isinstance(event, SequenceEndEvent):
                break
            value = self._node(event, depth + 1)
            self._put(node, len(node.data), value)
            node.data.append(value.data)
        return node

    def _put(self, node: _Node, key: str | int, value: _Node) -> None:
        node.items[key] = value
        node.size += value.size
        if node.size > MAX_NODES:
            finding = Finding(self._file, node.line, node.column, "too-big", f"more than {MAX_NODES} values")
            raise InvalidDocument([finding])

    def _scalar(self, event: Any) -> _Node:
        text = self._text(event)
        if event.tag is not None:
            data = self._tagged(event, text)
        else:
            data = _core_value(text) if event.style is None else text
        return _Node(data, *_place(event.start_mark))

    def _text(self, event: Any) -> str:
        text = str(event.value)
        if any("\ud800" <= character <= "\udfff" for character in text):
            self._fail(event, "encoding", "half of a surrogate pair is not a character")
        return text

    def _tagged(self, event: Any, text: str) -> Any:
        if event.tag in ("!", _TAG + "str"):
            return text
        data = _core_value(text)
        name = {type(None): "null", bool: "bool", int: "int", float: "float"}.get(type(data), "str")
        self._check_tag(event, name)
        return data

    def _check_tag(self, event: Any, name: str) -> None:
        if event.tag not in (None, "!", _TAG + name):
            self._fail(event, "syntax", f"tag {str(event.tag).replace(_TAG, '!!')} is not known or does not fit here")

    def _fail(self, event: Any, kind: str, message: str) -> NoReturn:
        raise self._error(event.start_mark, kind, message)

    def _error(self, mark: Any, kind: str, message: str) -> InvalidDocument:
        line, column = _place(mark) if mark else (1, 1)
        return InvalidDocument([Finding(self._file, line, column, kind, message)])


def _place(mark: Any) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def _syntax_message(error: MarkedYAMLError) -> str:
    problem = " ".join(str(error.problem or "this is not YAML").split())
    if not error.context:
        return problem
    where = f" (started at line {error.context_mark.line + 1})" if error.context_mark else ""
    return f"{problem}, {error.context}{where}"


def _core_value(text: str) -> Any:
    """Resolve a plain scalar by the core schema (YAML 1.2.2, section 10.3.2)."""
    for pattern, make in _CORE:
        if pattern.fullmatch(text):
            return make(text)
    return text


def _whole_number(text: str) -> int | str:
    """Python refuses to read more than 4,300 digits; no number is that long, so it is text."""
    return int(text) if len(text) < 1000 else text


_CORE: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (_NULL, lambda _: None),
    (_TRUE, lambda _: True),
    (_FALSE, lambda _: False),
    (_INT, _whole_number),
    (_OCT, lambda text: int(text, 0)),
    (_HEX, lambda text: int(text, 0)),
    (_FLOAT, float),
    (_INF, lambda text: -math.inf if text[0] == "-" else math.inf),
    (_NAN, lambda _: math.nan),
)


# ---- validating ------------------------------------------------------------------------------------------------------


def validate(model: type[M], source: YamlSource) -> M:
    """Make a `model` of the document. Raises `InvalidDocument` with every problem in it.

    The data is validated as JSON, so strict models still take lists for tuples and text for enums and dates.
    """
    try:
        return model.model_validate_json(json.dumps(source.data))
    except ValidationError as error:
        raise InvalidDocument(map(source.place, problems_of(error, model))) from None


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
        elif isinstance(annotation, type) and issubclass(annotation, RootModel):
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
_VALUE_ERRORS = {"literal_error", "enum", "finite_number", "int_parsing_size"}
_BOUNDS: Mapping[str, str] = {
    "greater_than": "a number greater than {gt}",
    "greater_than_equal": "a number not less than {ge}",
    "less_than": "a number less than {lt}",
    "less_than_equal": "a number not greater than {le}",
    "string_too_short": "text of at least {min_length} characters",
    "string_too_long": "text of at most {max_length} characters",
    "string_pattern_mismatch": "text that matches {pattern}",
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
    if hint := did_you_mean(name, known):
        return f"unknown key '{name}'{hint}"
    return f"unknown key '{name}'" + (f"; known here: {', '.join(known)}" if known else "")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Give `; did you mean 'x'?` for the nearest known name, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""


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
    return template.format(**(error.get("ctx") or {}))


def _hint(error: Mapping[str, Any], secret: bool) -> str:
    value = error["input"]
    if error["type"] == "string_type" and isinstance(value, int | float):
        return "; put it in quotes if it is meant as text"
    if error["type"] in ("literal_error", "enum") and isinstance(value, str) and not secret:
        return did_you_mean(value, re.findall(r"'([^']*)'", error["ctx"]["expected"]))
    return ""


def describe(value: object) -> str:
    """Say what a value is, shortly and without passwords: `text 'abc'`, `the number 5`, `a list`."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return _describe_text(mask_secrets(value))
    return "a mapping" if isinstance(value, Mapping) else "a list"


def _describe_text(text: str) -> str:
    return f"'{text if len(text) <= 60 else text[:57] + '...'}'" if text else "empty text"


def mask_secrets(text: str) -> str:
    """Hide the password of every URL in a text, be it before the host or in the query."""
    text = re.sub(r"(//[^/?#\s:@]*):\S*@", r"\1:***@", text)
    return re.sub(r"([?&]\w*password=)[^&\s]*", r"\1***", text)
