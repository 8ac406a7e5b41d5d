"""The named messages of cases: what stands under `messages`, and what a step says is otherwise in its own.

A message is changed as data, in which places are found by path, and then written again: JSON as JSON, XML as XML. A
path is written as in the pack: it may begin with one of `paths`, name a pair of a list that the pack unpacks, and find
an item by a filter; and it leads into JSON that stands in a text.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from bridge.mapping.document import PackDocument
from bridge.mapping.document.prefixes import with_beginning
from bridge.mapping.formats.paths import MISSING, Step, compile_steps, path_steps
from bridge.mapping.formats.values import Misread, what_came
from bridge.mapping.formats.xml import read_xml, write_xml
from bridge.packtools.cases import Case, MessageSpec, Template
from bridge.yaml_source import Finding, YamlSource
from bridge.yaml_source.words import did_you_mean

Loc = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class PairList:
    """A list of pairs that the pack unpacks: where it stands, and the members that hold a pair's name and its value."""

    path: tuple[Step, ...]
    name: str
    value: str


Pairs = Sequence[PairList]

KIND: Final = "wrong-message"
"""The kind of what is found wrong."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a message says: data of JSON, or a text; and what stands beside it."""

    data: Any
    text: str | None
    routing_key: str
    headers: Mapping[str, str]


@dataclass(slots=True)
class NamedMessages:
    """The messages that have a name; `findings` has what is wrong with messages that are made from them.

    `are_all`: there are no others, so that a name which is not among them is wrong.
    """

    document: PackDocument
    findings: list[Finding] = field(default_factory=list)
    are_all: bool = True
    _known: dict[str, Content | None] = field(default_factory=dict)  # None: there is something wrong with it

    def add(self, messages: Mapping[str, Template], source: YamlSource) -> None:
        """Name the messages of a file, in their order: one may be made from another above it."""
        for name, template in messages.items():
            self._known[name] = self.content(template, ("messages", name), source)

    def add_readable(self, messages: object, source: YamlSource) -> None:
        """Name the messages of a file that has mistakes, which have been told; those that can be read say something."""
        for name, one in _members(messages):
            spec = _spec(one)
            self._known[name] = self.content(spec, ("messages", name), source) if spec is not None else None

    def look_through(self, case: object, source: YamlSource) -> None:
        """Find what is wrong with the messages of a case that has other mistakes, which have been told."""
        own, data = replace(self, _known=dict(self._known)), dict(_members(case))
        own.add_readable(data.get("messages"), source)
        steps = data.get("steps")
        for number, step in enumerate(steps if isinstance(steps, list) else ()):
            if (spec := _spec(step)) is not None:
                own.content(spec, ("steps", number), source)

    def filled(self, case: Case, source: YamlSource) -> Case:
        """Write each step's message out, as if it stood there. What the case names itself is known to no other."""
        own = replace(self, _known=dict(self._known))
        own.add(case.messages, source)
        steps = list(case.steps)
        for number, step in enumerate(steps):
            if step.from_ is not None and (content := own.content(step, ("steps", number), source)) is not None:
                steps[number] = step.model_copy(update=_written(content))
        return case.model_copy(update={"steps": tuple(steps)})

    def content(self, spec: MessageSpec, loc: Loc, source: YamlSource) -> Content | None:
        """Give what a message says; None where it can't be made, which `findings` tells."""
        if spec.from_ is None:
            return Content(spec.message, spec.body, spec.routing_key, spec.headers)
        if spec.from_ not in self._known:
            if not self.are_all:
                return None
            known = f"; known here: {', '.join(self._known)}" if self._known else ""
            hint = did_you_mean(spec.from_, list(self._known)) or known
            self.findings.append(source.finding((*loc, "from"), KIND, f"no message above has this name{hint}"))
            return None
        base = self._known[spec.from_]
        return self._changed(base, spec, loc, source) if base is not None else None

    def _changed(self, base: Content, spec: MessageSpec, loc: Loc, source: YamlSource) -> Content | None:
        headers = {**base.headers, **spec.headers}
        base = replace(base, routing_key=spec.routing_key or base.routing_key, headers=headers)
        changes = [*_changes(spec, loc)]
        if not changes:
            return base
        form, before = _form(base), len(self.findings)
        try:
            data = _data(base, form, self.document)
        except Misread as misread:
            self.findings.append(source.finding((*loc, "from"), KIND, f"it can't be changed: {misread}"))
            return None
        for change in changes:
            try:
                data = put(data, self._steps(change.path), change.value, self._pairs)
            except ValueError as error:
                self.findings.append(change.finding(source, str(error)))
        if len(self.findings) > before:
            return None
        return replace(base, **_as_it_came(data, form, self.document))

    def _steps(self, path: str) -> Sequence[Step]:
        return path_steps(with_beginning(path, self.document.paths))

    @property
    def _pairs(self) -> Pairs:
        lists = [one for one in self.document.inbound.unpack if one.pairs is not None]
        return [PairList(tuple(self._steps(str(one.pairs))), one.name, one.value) for one in lists]


def _members(data: object) -> Iterable[tuple[str, object]]:
    return data.items() if isinstance(data, dict) else ()


def _spec(data: object) -> MessageSpec | None:
    """Read what is said of a message, None where that has mistakes."""
    names = {one.alias or name for name, one in MessageSpec.model_fields.items()}
    try:
        return MessageSpec.model_validate_json(orjson.dumps({key: one for key, one in _members(data) if key in names}))
    except ValueError:
        return None


def _written(content: Content) -> dict[str, object]:
    words = {"message": content.data, "body": content.text, "routing_key": content.routing_key}
    return {**words, "headers": dict(content.headers), "from_": None, "with_": {}, "without": ()}


@dataclass(frozen=True, slots=True)
class _Change:
    """What shall stand at a path (`MISSING`: nothing), and where in the file that is said."""

    path: str
    value: object
    loc: Loc

    def finding(self, source: YamlSource, problem: str) -> Finding:
        """Say what is wrong with it."""
        make = source.finding if self.value is MISSING else source.key_finding
        return make(self.loc, KIND, problem)


def _changes(spec: MessageSpec, loc: Loc) -> Iterator[_Change]:
    for path, value in spec.with_.items():
        yield _Change(path, value, (*loc, "with", path))
    for number, path in enumerate(spec.without):
        yield _Change(path, MISSING, (*loc, "without", number))


# What a message is as data, and back

_NIL: Final = {"@xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance", "@xsi:nil": "true"}


def _form(content: Content) -> str:
    """Tell in what a message is written."""
    if content.text is None:
        return "data"
    return "xml" if content.text.lstrip().startswith("<") else "json"


def _data(content: Content, form: str, document: PackDocument) -> Any:
    """Read a message, without touching it. Raises `Misread`."""
    if form == "data":
        return content.data
    text = content.text or ""
    if form == "xml":
        xml = document.inbound.xml
        return read_xml(text.encode(), {uri: prefix for prefix, uri in xml.namespaces.items()}, xml.lists)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Misread(f"the body is not JSON: {error}") from error


def _as_it_came(data: Any, form: str, document: PackDocument) -> dict[str, Any]:
    if form == "data":
        return {"data": data}
    if form == "json":
        return {"text": orjson.dumps(data).decode()}
    ((root, inside),) = data.items()
    spaces = {f"@xmlns:{prefix}": uri for prefix, uri in document.inbound.xml.namespaces.items()}
    members = inside if isinstance(inside, dict) else {"#text": inside}
    return {"text": write_xml(_with_nil({root: {**spaces, **members}})).decode()}


def _with_nil(data: Any) -> Any:
    """Write what is read as null as an element that says so."""
    if isinstance(data, dict):
        return {name: _with_nil(value) for name, value in data.items()}
    if isinstance(data, list):
        return [_with_nil(item) for item in data]
    return _NIL if data is None else data


# Places in data


def put(data: Any, steps: Sequence[Step], value: object, pairs: Pairs = (), at: tuple[Step, ...] = ()) -> Any:
    """Give the data with a value at a place, or without what stands there (`MISSING`); the data itself stays as it is.

    Objects on the way are made, and one item may be put behind the last of a list; what else is not there can't be
    changed. `at` is where the data itself stands. Raises `ValueError` with a sentence.
    """
    if not steps:
        return value
    if isinstance(data, str) and (inside := _json(data)) is not None:
        return orjson.dumps(put(inside, steps, value, pairs, at)).decode()
    step, rest = steps[0], steps[1:]
    if isinstance(data, dict) and isinstance(step, str) and (step in data or _pair_of(data, pairs) is None):
        return _in_object(data, step, rest, value, pairs, at)
    if not isinstance(data, dict | list):
        raise ValueError(f"there is no place for {_in_words(step)} in the message; {what_came(data)}")
    items = data if isinstance(data, list) else [data]  # a single object is a list of one
    changed = _in_list(items, step, rest, value, pairs, at)
    return changed[0] if isinstance(data, dict) and len(changed) == 1 else changed


def _in_object(
    data: dict[str, Any], name: str, rest: Sequence[Step], value: object, pairs: Pairs, at: tuple[Step, ...]
) -> dict[str, Any]:
    if value is MISSING and name not in data:
        raise ValueError(
            f"there is nothing to take out: the message has no {_in_words(name)}{did_you_mean(name, [*data])}"
        )
    below, place = data.get(name), (*at, name)
    if below in (None, ""):
        below = [] if any(one.path == place for one in pairs) else {}
    changed = put(below, rest, value, pairs, place)
    return {key: one for key, one in {**data, name: changed}.items() if one is not MISSING}


def _in_list(
    items: list[Any], step: Step, rest: Sequence[Step], value: object, pairs: Pairs, at: tuple[Step, ...]
) -> list[Any]:
    found: Sequence[int]
    fresh: object = MISSING
    if isinstance(step, str):
        found, fresh, member = _pair(items, step, pairs, at)
        rest = rest if value is MISSING and not rest else (member, *rest)
    elif isinstance(step, int):
        found, fresh = range(len(items))[step : step + 1 or None], {} if step == len(items) else MISSING
    else:
        find = compile_steps((step,))
        found = [number for number, item in enumerate(items) if find([item]) is not MISSING][:1]
    if found:
        changed = put(items[found[0]], rest, value, pairs, (*at, found[0]))
        return [*items[: found[0]], *([] if changed is MISSING else [changed]), *items[found[0] + 1 :]]
    if fresh is MISSING or value is MISSING:
        raise ValueError(f"the message has no {_in_words(step)}")
    return [*items, put(fresh, rest, value, pairs, (*at, len(items)))]


def _pair(items: list[Any], name: str, pairs: Pairs, at: tuple[Step, ...]) -> tuple[list[int], object, str]:
    """Find the pair of a name; give the pair that a new one would be, and the member that has the value, too.

    An empty list is one of pairs where the pack says so.
    """
    known = next((one for one in pairs if any(_is_pair(item, one) for item in items)), None)
    known = known or next((one for one in pairs if one.path == at and not items), None)
    if known is None:
        raise ValueError(f"the message has no {_in_words(name)}: there is a list; write an index, or {_filter(items)}")
    found = [number for number, item in enumerate(items) if isinstance(item, dict) and item.get(known.name) == name]
    return found[:1], {known.name: name}, known.value


def _filter(items: list[Any]) -> str:
    """Show how an item is found, by a member that it has."""
    members = [member for item in items if isinstance(item, dict) for member in item]
    return f"[?@.{'name' if 'name' in members or not members else members[0]} == 'x']"


def _pair_of(data: object, pairs: Pairs) -> PairList | None:
    return next((one for one in pairs if _is_pair(data, one)), None)


def _is_pair(data: object, pair: PairList) -> bool:
    return isinstance(data, dict) and data.keys() == {pair.name, pair.value}


def _json(text: str) -> Any:
    """Give what is written in a text, None where that is no JSON."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _in_words(step: Step) -> str:
    if isinstance(step, str):
        return f"'{step}'"
    return f"item [{step}]" if isinstance(step, int) else "item that fits the filter"
