"""YAML that is being written, as plain data, and where in it the cursor is.

A parser of YAML gives up at the first mistake, and while somebody writes there is always one. Here nothing is a
mistake: lines belong together by their indentation, brackets end where the next line cannot be in them any more, and
what makes no sense is passed over. Of a complete document comes the same as from the parser, but that all values are
texts, and aliases stay what they are.

The cursor is a character that no pack has, put where it stands: what has it in the end is what is being written.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

CURSOR: Final = "\ue000"
MOST_LEVELS: Final = 64  # as in `yaml_source`

_KEY: Final = re.compile(
    r"""("(?:[^"\\]|\\.)*" | '(?:[^']|'')*'
    | (?![\["'{\#&*!|>%@`\]])(?:[^\s:\#]|:(?=\S)|(?<=\S)\#|[ \t]+(?=[^\s:\#]))+)
    [ \t]*:(?=\s|$)""",
    re.VERBOSE,
)
_COMMENT: Final = re.compile(r"(?:^|(?<=\s))#.*")
_PROPERTY: Final = re.compile(r"(?:[&!]\S*(?:\s+|$))+")
_SIGN: Final = re.compile(
    r"""\s+ | (?:^|(?<=\s))\#[^\n]* | "(?:[^"\\]|\\.)*"? | '(?:[^']|'')*'? | [\[\]{},] | :(?=[\s,\[\]{}]|$)
    | [&!][^\s,\[\]{}]*
    | (?:[^\s,\[\]{}:]|:(?![\s,\[\]{}]|$))(?:[^\n,\[\]{}:#]|:(?![\s,\[\]{}]|$)|(?<=\S)\#)*""",
    re.VERBOSE,
)
Part = str | int


@dataclass(frozen=True, slots=True)
class Place:
    """Where the cursor is.

    `path` leads to what is being written: at a key (`is_key`) to the mapping that has it, else to the value. `written`
    is its text up to the cursor. `opens`: nothing but its beginning stands in the line, so that a key
    may begin a mapping here.
    """

    path: tuple[Part, ...]
    written: str
    is_key: bool
    opens: bool = False


def outline(text: str) -> Any:
    """Read what there is: mappings, lists and texts; None where nothing is written."""
    return _Block(text.split("\n")).read(0)


def below(data: Any, part: Part) -> Any:
    """Give what stands below a key, or an item; None where there is nothing."""
    if isinstance(data, Mapping):
        return data.get(str(part))
    return data[part] if isinstance(data, list | tuple) and isinstance(part, int) and part < len(data) else None


def with_cursor(text: str, line: int, column: int) -> str:
    """Put the cursor into a text; both count from 1. What lies outside is moved to the nearest end."""
    lines = text.replace(CURSOR, " ").split("\n")
    line = min(max(line, 1), len(lines))
    here = lines[line - 1]
    at = min(max(column, 1), len(here) + 1) - 1
    lines[line - 1] = here[:at] + CURSOR + here[at:]
    return "\n".join(lines)


def place_of(data: Any, text: str) -> Place | None:
    """Find the cursor in the outline of a text; None where it stands in a comment, in quotes, or in nothing known."""
    found = next(_found(data, ()), None)
    if found is None:
        return None
    path, what, is_key = found
    before = text[: text.index(CURSOR)].rpartition("\n")[2]
    written = what.partition(CURSOR)[0]
    opens = not before.removesuffix(written).strip(" -")
    return Place(path, written, is_key, opens)


def _found(data: Any, path: tuple[Part, ...]) -> Iterator[tuple[tuple[Part, ...], str, bool]]:
    if isinstance(data, str) and CURSOR in data:
        yield path, data, False
    elif isinstance(data, list):
        for number, item in enumerate(data):
            yield from _found(item, (*path, number))
    elif isinstance(data, dict):
        for key, value in data.items():
            if CURSOR in key:
                yield path, key, True
            yield from _found(value, (*path, key))


class _Block:
    """Reads lines by their indentation."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._next = 0

    def read(self, least: int, level: int = 0) -> Any:
        """Read what begins at the next line, if that is indented so far at least."""
        indent = self._indent()
        if indent is None or indent < least or level > MOST_LEVELS:
            return None
        return self._list(indent, level) if self._is_item() else self._mapping(indent, level)

    def _indent(self) -> int | None:
        """Give the indentation of the next line that says something; None at the end."""
        while self._next < len(self._lines):
            line = self._lines[self._next]
            told = line.lstrip(" ")
            if told.strip() and not told.startswith("#") and not told.startswith("---"):
                return len(line) - len(told)
            self._next += 1
        return None

    def _is_item(self) -> bool:
        return re.match(r" *-(?:\s|$)", self._lines[self._next]) is not None

    def _list(self, indent: int, level: int) -> list[Any]:
        items = []
        while self._indent() == indent and self._is_item():
            line = self._lines[self._next]
            self._lines[self._next] = f"{line[:indent]} {line[indent + 1 :]}"  # what follows the dash is a block itself
            self._skip_if_empty()
            items.append(self.read(indent + 1, level + 1))
        return items

    def _skip_if_empty(self) -> None:
        if not self._lines[self._next].strip():
            self._next += 1

    def _mapping(self, indent: int, level: int) -> Any:
        mapping: dict[str, Any] = {}
        while (here := self._indent()) is not None and here >= indent:
            if here > indent:
                self._pass_over(indent)
                continue
            line = self._lines[self._next]
            key = _KEY.match(line, indent)
            if key is not None:
                self._put(mapping, _unquoted(key[1]), self._value(key.end(), indent, level))
            elif self._is_item():
                break
            else:
                word = self._value(indent, indent, level)
                if not mapping and (self._indent() != indent or not isinstance(word, str)):
                    return word
                if isinstance(word, str):
                    self._put(mapping, word, self.read(indent + 1, level + 1))
        return mapping

    def _pass_over(self, indent: int) -> None:
        """Leave out lines that belong to nothing, as they are indented further than their neighbours."""
        while (here := self._indent()) is not None and here > indent:
            self._next += 1

    @staticmethod
    def _put(mapping: dict[str, Any], key: str, value: Any) -> None:
        if value is not None or key not in mapping:  # of a key that is there twice, the one that is being written
            mapping[key] = value

    def _value(self, start: int, indent: int, level: int) -> Any:
        """Read what stands behind a key, or below it."""
        line = self._lines[self._next]
        start += len(line[start:]) - len(line[start:].lstrip())
        if (named := _PROPERTY.match(line, start)) is not None:
            start = named.end()
        told = line[start:]
        if told[:1] in ("{", "["):
            flow = _Flow(self._lines, self._next, start, indent)
            value = flow.read(level + 1)
            self._next = flow.line + 1
            return value
        self._next += 1
        if told[:1] in ("|", ">"):
            return self._literal(indent)
        if told[:1] in ("'", '"'):
            return self._quoted(told, indent)
        told = _COMMENT.sub("", told).strip()
        if told:
            return told
        below = self._indent()
        if below == indent and self._is_item():
            return self._list(indent, level + 1)
        return self.read(indent + 1, level + 1)

    def _literal(self, indent: int) -> str:
        while (here := self._indent_of_any()) is not None and here > indent:
            self._next += 1
        return ""

    def _indent_of_any(self) -> int | None:
        """As `_indent`, but what begins with # is no comment in a literal."""
        while self._next < len(self._lines):
            line = self._lines[self._next]
            if line.strip():
                return len(line) - len(line.lstrip(" "))
            self._next += 1
        return None

    def _quoted(self, told: str, indent: int) -> str:
        quote = told[0]
        ends = re.compile(r'"(?:[^"\\]|\\.)*"' if quote == '"' else r"'(?:[^']|'')*'", re.DOTALL)
        while (whole := ends.match(told)) is None:
            here = self._indent_of_any()
            if here is None or here <= indent:
                return _unquoted(told)
            told += " " + self._lines[self._next].strip()
            self._next += 1
        return _unquoted(whole[0])


class _Flow:
    """Reads `{…}` and `[…]`, which may go on over lines that are indented further than what they belong to."""

    def __init__(self, lines: list[str], line: int, start: int, indent: int) -> None:
        self.line = line
        self._lines = lines
        self._at = start
        self._indent = indent
        self._again: str | None = None

    def read(self, level: int) -> Any:
        """Read a value; None where there is none."""
        sign = self._next_sign()
        while sign is not None and sign[0] in "&!":
            sign = self._next_sign()
        if sign in ("{", "["):
            if level > MOST_LEVELS:
                return None
            return self._mapping(level) if sign == "{" else self._list(level)
        if sign is None or sign in "]},:":
            self._again = sign
            return None
        return _unquoted(sign)

    def _mapping(self, level: int) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        while (sign := self._next_sign()) is not None and sign not in "]}":
            if sign in ",:":
                continue
            if sign in ("{", "["):
                self._again = sign
                self.read(level + 1)
                continue
            key, value = _unquoted(sign), None
            if (follows := self._next_sign()) == ":":
                value = self.read(level + 1)
            else:
                self._again = follows
            if value is not None or key not in mapping:
                mapping[key] = value
        return mapping

    def _list(self, level: int) -> list[Any]:
        items: list[Any] = []
        while (sign := self._next_sign()) is not None and sign not in "]}":
            if sign in ",:":
                continue
            self._again = sign
            items.append(self.read(level + 1))
        return items

    def _next_sign(self) -> str | None:
        """Give the next sign, if the brackets go on so far."""
        if self._again is not None:
            again, self._again = self._again, None
            return again
        while True:
            line = self._lines[self.line]
            if self._at >= len(line):
                if not self._goes_on():
                    return None
                self.line, self._at = self.line + 1, 0
                continue
            found = _SIGN.match(line, self._at)
            if found is None:
                self._at += 1
                continue
            self._at = found.end()
            if found[0].strip() and not (found[0].startswith("#") and _COMMENT.match(line, found.start())):
                return found[0].strip()

    def _goes_on(self) -> bool:
        """Tell whether the next line that says something can still be inside."""
        for line in self._lines[self.line + 1 :]:
            if line.strip():
                return len(line) - len(line.lstrip(" ")) > self._indent or line.lstrip(" ")[0] in "]}"
        return False


def _unquoted(text: str) -> str:
    """Give what quotes hold; inside them nothing is suggested."""
    if text[:1] not in ("'", '"'):
        return text
    return text[1:].removesuffix(text[0]).replace(CURSOR, "")
