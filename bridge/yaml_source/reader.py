"""YAML text becomes a document. The text is untrusted: its size, its depth and what its aliases unfold to are bounded.

Keys are always text as written, so that a code such as `00` survives.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

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

from bridge.yaml_source.advice import advice
from bridge.yaml_source.document import UNREADABLE, Finding, InvalidDocument, Node, YamlSource
from bridge.yaml_source.scalars import core_value
from bridge.yaml_source.words import describe

MAX_BYTES = 1 << 20  # 1 MiB: the largest known pack is a tenth of it, and the parser takes about 6 s per MiB
MAX_DEPTH = 64  # levels; far above any real document, far below Python's recursion limit
MAX_ALIASES = 1_000
MAX_NODES = 200_000  # after unfolding aliases, so that a "billion laughs" document stops early

_TAG = "tag:yaml.org,2002:"


def read_yaml(path: Path) -> YamlSource:
    """Read one YAML file whose root is a mapping. Raises `InvalidDocument`."""
    return parse_yaml(_read_text(path), str(path))


def scan_yaml(path: Path) -> tuple[YamlSource, tuple[Finding, ...]]:
    """Read one YAML file as far as it can be: of a key that stands twice the first counts, and the others are listed,
    as are keys of `{…}` without a value, which are left out.

    Raises `InvalidDocument` as `read_yaml` for all else.
    """
    return _scan(_read_text(path), str(path))


def parse_yaml(text: str, file: str) -> YamlSource:
    """Read YAML text; `file` is the name for its findings. Raises `InvalidDocument`."""
    source, duplicates = _scan(text, file)
    if duplicates:
        raise InvalidDocument(duplicates)
    return source


def _scan(text: str, file: str) -> tuple[YamlSource, tuple[Finding, ...]]:
    root, duplicates = _Builder(file).build(text)
    if not isinstance(root.data, dict):
        raise InvalidDocument([Finding(file, root.line, root.column, "wrong-type", _expected_root(root.data))])
    return YamlSource(root.data, file, root), duplicates


def _expected_root(data: object) -> str:
    return "the file is empty; expected a mapping" if data is None else f"expected a mapping, got {describe(data)}"


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidDocument([Finding(str(path), 1, 1, UNREADABLE, error.strerror or str(error))]) from error
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


_COMMENT = re.compile(r"\s#(?!\s)")
_FEW_LINES = 3  # an unclosed bracket is told where the next line does not go on as YAML would have it


def _swallowed(text: str, line: int) -> tuple[int, int] | None:
    """Find the text before an error of syntax whose `#` begins a comment that has a closing bracket in it."""
    lines = text.splitlines()[: line + 1]
    for number in range(len(lines), max(len(lines) - _FEW_LINES, 0), -1):
        written = lines[number - 1]
        for found in _COMMENT.finditer(written):
            before, after = written[: found.start()], written[found.start() :]
            for opens, closes in ("{}", "[]"):
                if before.count(opens) > before.count(closes) and closes in after:
                    return number, found.start() + 2
    return None


class _Builder:
    """Builds nodes from ruamel.yaml's events, so that limits hold before anything is unfolded."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._anchors: dict[str, Node] = {}
        self._aliases = 0
        self._unfit: list[Finding] = []
        self._events: Iterator[Any] = iter(())

    def build(self, text: str) -> tuple[Node, tuple[Finding, ...]]:
        """Give the root node, and all keys that stand twice, or have no value.

        Raises `InvalidDocument` for the first error of syntax.
        """
        self._events = YAML(typ="safe", pure=True).parse(text)
        try:
            root = self._document()
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            if mark is not None and (place := _swallowed(text, mark.line)) is not None:
                message = (
                    "what follows ` #` is a comment, and so is the bracket that would close; put the text in quotes"
                )
                raise InvalidDocument([Finding(self._file, *place, "syntax", message)]) from error
            raise self._error(mark, "syntax", _syntax_message(error)) from error
        except ReaderError as error:
            line, column = _line_and_column(text[: error.position])
            message = "this character may not stand in YAML"
            raise InvalidDocument([Finding(self._file, line, column, "syntax", message)]) from error
        except (YAMLError, ValueError, RecursionError) as error:
            raise InvalidDocument([Finding(self._file, 1, 1, "syntax", f"this is not YAML: {error}")]) from error
        return root, tuple(self._unfit)

    def _document(self) -> Node:
        root: Node | None = None
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                if root is not None:
                    raise self._error(event.start_mark, "syntax", "expected one document, found a second one")
                root = self._node(next(self._events), 1)
        return root or Node(None, 1, 1)

    def _node(self, event: Any, depth: int) -> Node:
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

    def _fresh(self, event: Any, depth: int) -> Node:
        if isinstance(event, MappingStartEvent):
            self._check_tag(event, "map")
            return self._mapping(event, depth)
        if isinstance(event, SequenceStartEvent):
            self._check_tag(event, "seq")
            return self._sequence(event, depth)
        return self._scalar(event)

    def _alias(self, event: Any) -> Node:
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            self._fail(event, "too-big", f"more than {MAX_ALIASES} aliases")
        if event.anchor not in self._anchors:
            message = f"alias *{event.anchor} has no anchor &{event.anchor} before it"
            self._fail(event, "syntax", f"{message}; a text that begins with * needs quotes")
        return self._anchors[event.anchor]

    def _mapping(self, start: Any, depth: int) -> Node:
        node, before = Node({}, *_place(start.start_mark)), None
        for event in self._events:
            if isinstance(event, MappingEndEvent):
                break
            key = self._key(event)
            told = next(self._events)
            if start.flow_style and _is_bare(event, told):
                self._unfit.append(Finding(self._file, *_place(event.start_mark), "no-value", _no_value(key)))
                continue
            value = self._node(told, depth + 1)
            if start.flow_style and before is not None and _is_prose(before):
                node.after_text.add(key)
            before = told
            if key in node.data:
                self._unfit.append(self._duplicate(event, key, node))
            else:
                node.keys[key] = _place(event.start_mark)
                self._put(node, key, value)
                node.data[key] = value.data
        return node

    def _key(self, event: Any) -> str:
        if not isinstance(event, ScalarEvent):
            self._fail(event, "wrong-type", "a key must be plain text")
        if event.value == "<<" and event.style is None:
            self._fail(event, "syntax", "merge keys (<<) are not part of YAML 1.2; write the keys out")
        return self._text(event)

    def _duplicate(self, event: Any, key: str, node: Node) -> Finding:
        line, _ = node.keys[key]
        message = f"key '{key}' stands on line {line} already; keep one of them"
        return Finding(self._file, *_place(event.start_mark), "duplicate-key", message)

    def _sequence(self, start: Any, depth: int) -> Node:
        node = Node([], *_place(start.start_mark))
        for event in self._events:
            if isinstance(event, SequenceEndEvent):
                break
            value = self._node(event, depth + 1)
            self._put(node, len(node.data), value)
            node.data.append(value.data)
        return node

    def _put(self, node: Node, key: str | int, value: Node) -> None:
        node.items[key] = value
        node.size += value.size
        if node.size > MAX_NODES:
            finding = Finding(self._file, node.line, node.column, "too-big", f"more than {MAX_NODES} values")
            raise InvalidDocument([finding])

    def _scalar(self, event: Any) -> Node:
        text = self._text(event)
        plain = core_value(text) if event.style is None else text
        return Node(plain if event.tag is None else self._tagged(event, text), *_place(event.start_mark))

    def _text(self, event: Any) -> str:
        text = str(event.value)
        if any("\ud800" <= character <= "\udfff" for character in text):
            self._fail(event, "encoding", "half of a surrogate pair is not a character")
        if "\0" in text:
            self._fail(event, "encoding", "no text may hold a NUL character; no database could keep it")
        return text

    def _tagged(self, event: Any, text: str) -> Any:
        if event.tag in ("!", _TAG + "str"):
            return text
        data = core_value(text)
        name = {type(None): "null", bool: "bool", int: "int", float: "float"}.get(type(data), "str")
        self._check_tag(event, name)
        return data

    def _check_tag(self, event: Any, name: str) -> None:
        if event.tag not in (None, "!", _TAG + name):
            tag = str(event.tag).replace(_TAG, "!!")
            message = f"tag {tag} is not known or does not fit here; a text that begins with ! needs quotes"
            self._fail(event, "syntax", message)

    def _fail(self, event: Any, kind: str, message: str) -> NoReturn:
        raise self._error(event.start_mark, kind, message)

    def _error(self, mark: Any, kind: str, message: str) -> InvalidDocument:
        line, column = _place(mark) if mark else (1, 1)
        return InvalidDocument([Finding(self._file, line, column, kind, message)])


def _is_bare(key: Any, value: Any) -> bool:
    """Tell whether a key of `{…}` has no colon: `{park: No, please}` has two keys, and was meant to have one."""
    is_empty = isinstance(value, ScalarEvent) and value.style is None and not value.value
    return is_empty and bool(value.start_mark.index == key.end_mark.index)


def _no_value(key: str) -> str:
    if key.endswith(":"):
        return f"'{key[:-1]}' has no value; put a blank behind the colon"
    return f"'{key}' has no value; if it is what follows a comma in a text, put the whole text in quotes"


def _is_prose(value: Any) -> bool:
    """Tell whether a value is words that somebody wrote without quotes."""
    return isinstance(value, ScalarEvent) and value.style is None and " " in str(value.value)


def _place(mark: Any) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def _syntax_message(error: MarkedYAMLError) -> str:
    problem = " ".join(str(error.problem or "this is not YAML").split())
    if error.context:
        where = f" (started at line {error.context_mark.line + 1})" if error.context_mark else ""
        problem = f"{problem}, {error.context}{where}"
    return problem + advice(problem)
