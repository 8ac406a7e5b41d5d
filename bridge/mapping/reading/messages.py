"""A message of the WFM as data: decoded, and who it is about. Whatever bytes come, the result is a value."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import orjson

from bridge.domain.model import JobRef, MessageId
from bridge.mapping import document
from bridge.mapping.formats.bodies import read_json, reader
from bridge.mapping.formats.datetimes import ReadMoment, moment_reader
from bridge.mapping.formats.paths import MISSING, Find, compile_first, compile_path
from bridge.mapping.formats.values import (
    Misread,
    briefly,
    constant,
    readable_text,
    what_came,
    whole_number,
    whole_number_wanted,
)
from bridge.mapping.formats.xml import read_xml
from bridge.mapping.reading.cells import raw_test
from bridge.mapping.reading.unpacking import UnpackAll, compile_unpacks

TestMessage = Callable[["Message"], bool]
_Ignored = tuple[TestMessage, str]

LONGEST_KEY = 255  # characters; longer keys do not fit into a database index


@dataclass(frozen=True, slots=True)
class Message:
    """A decoded message with what RabbitMQ says beside it. `remarks` say what is odd about how it is written."""

    data: object
    routing_key: str
    headers: Mapping[str, str]
    remarks: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A message whose identity is read and whose content is not yet translated.

    `versions` maps an object ("job", "visit", "visit V-1") to the version the message carries. `problem` says what is
    wrong with its identity besides the job; such a message translates to `Unmapped`.
    """

    message: MessageId
    job: JobRef
    versions: Mapping[str, int]
    ties_are_stale: bool = False
    content: Message = field(repr=False)
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that cannot even be attributed to a job, or a reply that says neither yes nor no."""

    reason: str
    explanation: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A message that the pack's `inbound.ignore` leaves alone, whatever else is in it."""

    reason: str
    explanation: Mapping[str, object]


Read = Reading | Skipped | Unreadable


class Decoded(NamedTuple):
    """A body as plain data, with what must be said of how it was written."""

    data: object
    remarks: Sequence[str] = ()


Decode = Callable[[bytes, Mapping[str, str]], Decoded]
"""Decodes a body; the headers of its message may say how it is written. Raises `Misread`."""


def decoder(format_: str, xml: document.Xml, encoding: str | None = None) -> Decode:
    """Make a function from bytes to plain data; `encoding` is the pack's."""
    if format_ == "json":
        return reader(_from_json, encoding)
    prefixes = {namespace: prefix for prefix, namespace in xml.namespaces.items()}

    def from_xml(body: bytes) -> Decoded:
        return Decoded(read_xml(body, prefixes, xml.lists))

    return reader(from_xml, encoding)


def _from_json(body: bytes) -> Decoded:
    try:
        data, remarks = read_json(body)
        if isinstance(data, str) and data.lstrip().startswith(("{", "[")):  # no message is a text: it was written twice
            data, inner = read_json(data)
            remarks = [*remarks, *inner, "the body is JSON that is written into a text"]
        return Decoded(data, remarks)
    except orjson.JSONDecodeError as error:
        raise Misread(f"the body is not JSON: {error}") from error


@dataclass(frozen=True, slots=True)
class Key:
    """Finds what identifies something; `where` is for people."""

    where: str
    find: Find


@dataclass(frozen=True, slots=True)
class Version:
    """Finds the version of one object: a whole number, or a moment as its microseconds since 1970.

    `of` finds which object of its name it is of; None where a job has but one.
    """

    where: str
    find: Find
    convert: Callable[[object], int | None]
    optional: bool
    of: Key | None = None

    def read(self, data: object) -> int | None:
        """Read it, None where it is absent and may be. Raises `Misread`."""
        raw = self.find(data)
        if self.optional and raw in (MISSING, None, ""):
            return None
        try:
            version = self.convert(raw)
        except ValueError as error:
            raise Misread(f"version ({self.where}): expected {error}; {what_came(raw)}") from error
        if version is None:
            raise Misread(f"version ({self.where}): expected {whole_number_wanted(raw)}; {what_came(raw)}")
        return version

    def object_in(self, name: str, data: object) -> str | None:
        """Name the object that it is of, None where that is absent and may be. Raises `Misread`."""
        if self.of is None:
            return name
        raw = self.of.find(data)
        if self.optional and raw in (MISSING, None, ""):
            return None
        key = _key(raw)
        if key is None:
            raise Misread(f"version of ({self.of.where}): expected {_EXPECTED_KEY}; {what_came(raw)}")
        return f"{name} {key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Finds out which message of a pack of this `version` this is, and which job it is about."""

    pack: str
    version: str
    decode: Decode
    unpack: UnpackAll | None = None
    ignore: tuple[_Ignored, ...] = ()
    each: Key | None = None
    job: Key
    message_id: Key | None
    versions: Mapping[str, Version]
    ties_are_stale: bool = False

    def read_all(self, body: bytes, routing_key: str, headers: Mapping[str, str]) -> Sequence[Read]:
        """Read who a message, or each of its parts, is about; at least one of them, whatever the bytes are."""
        try:
            data, remarks = self.decode(body, headers)
            remarks = [*remarks]
            problems = self.unpack(data, remarks) if self.unpack is not None else []
            content = Message(data, routing_key, headers, remarks)
            for fits, why in self.ignore:
                if fits(content):
                    return [Skipped(why, {"reason": why})]
            # A WFM without message ids, and a message without one, is known by a hash of its body.
            raw = MISSING if self.message_id is None else self.message_id.find(data)
            key = _key(raw)
            if key is None and raw not in (MISSING, None, ""):
                problems.append(f"message id: expected {_EXPECTED_KEY}; came {briefly(raw)}")
            message = MessageId(key or "sha256:" + hashlib.sha256(body).hexdigest())
            if self.each is None:
                return [self._reading(content, message, problems)]
            return [
                self._part(replace(content, data={**data, PART: part}), _numbered(message, index), problems)  # type: ignore[dict-item]
                for index, part in enumerate(_parts(self.each, data))
            ]
        except Misread as misread:
            return [Unreadable(str(misread), {"pack": self.version, "reason": str(misread)})]

    def _part(self, content: Message, message: MessageId, problems: Sequence[str]) -> Read:
        try:
            return self._reading(content, message, problems)
        except Misread as misread:
            return Unreadable(f"{message}: {misread}", {"reason": str(misread)})

    def _reading(self, content: Message, message: MessageId, problems: Sequence[str]) -> Reading:
        raw, found = self.job.find(content.data), [*problems]
        key = _key(raw)
        if key is None:
            raise Misread(f"job ({self.job.where}): expected {_EXPECTED_KEY}; {what_came(raw)}")
        versions: dict[str, int] = {}
        for name, version in self.versions.items():
            try:
                number = version.read(content.data)
                of = name if version.of is None or number is None else version.object_in(name, content.data)
            except Misread as misread:
                found.append(str(misread))
                continue
            if number is not None and of is not None:
                versions[of] = number
        return Reading(
            message=message,
            job=JobRef(self.pack, key),
            versions=versions,
            ties_are_stale=self.ties_are_stale,
            content=content,
            problem="; ".join(found) or None,
        )


PART = "part"
"""The member that holds one part of a message that speaks of several jobs."""

MOST_PARTS = 100
"""Each part is kept in the journal with the whole message."""


def _parts(each: Key, data: object) -> list[object]:
    parts = each.find(data)
    parts = [parts] if isinstance(parts, dict) else parts
    if not isinstance(data, dict) or not isinstance(parts, list) or not 0 < len(parts) <= MOST_PARTS:
        raise Misread(f"each ({each.where}): expected a list of 1 to {MOST_PARTS} parts; {what_came(parts)}")
    return parts


def _numbered(message: MessageId, index: int) -> MessageId:
    """Name a part by its place; a long id is shortened to a hash, so that the name still fits."""
    name = f"{message}#{index}"
    if len(name) > LONGEST_KEY:
        name = f"sha256:{hashlib.sha256(message.encode()).hexdigest()}#{index}"
    return MessageId(name)


def compile_version(spec: document.Version, zone: str | None) -> Version:
    """Compile where a version stands; `zone` is the pack's."""
    convert = whole_number if spec.format is None else _moment(moment_reader(spec.format, spec.zone or zone))
    of = _compile_key(spec.of) if isinstance(spec, document.ObjectVersion) and spec.of is not None else None
    return Version(" or ".join(spec.path), compile_first(spec.path), convert, spec.optional, of)


def compile_forgets(pack: document.PackDocument) -> Callable[[Message], frozenset[str]]:
    """Make a function that names the fields which a message takes back, as far as it does not tell them."""
    if not pack.inbound.forgets:
        return constant(frozenset())
    rules = [(compile_test(rule), pack.base_of(rule.fields)) for rule in pack.inbound.forgets]
    return lambda message: frozenset().union(*(names for fits, names in rules if fits(message)))


def _moment(read: ReadMoment) -> Callable[[object], int]:
    """A moment is a version too: its microseconds since 1970."""

    def convert(raw: object) -> int:
        try:
            return (read(raw, []) - _EPOCH) // timedelta(microseconds=1)
        except ValueError as error:
            raise ValueError(f"a date and time ({error})") from error

    return convert


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def compile_test(test: document.MessageTest) -> TestMessage:
    """Compile a test of a message."""
    find, fits = message_finder(test.path, test.header), raw_test(test.fits)
    return lambda message: fits(find(message))


def compile_completeness(deltas: document.Deltas) -> TestMessage:
    """Make a test that a message passes if it is complete, and not a delta."""
    tests = [compile_test(test) for test in deltas.only or deltas.unless or ()]
    if not tests:
        return constant(not deltas.every)
    are_deltas = deltas.only is not None
    return lambda message: any(test(message) for test in tests) != are_deltas


def message_finder(path: str | None, header: str | None) -> Callable[[Message], object]:
    """Make a function that finds something of a message: at a path, in a header, or else its routing key."""
    if path is not None:
        find = compile_path(path)
        return lambda message: find(message.data)
    if header is not None:
        return lambda message: message.headers.get(header, MISSING)
    return lambda message: message.routing_key


_EXPECTED_KEY = f"text of 1 to {LONGEST_KEY} characters without NUL"


def _key(raw: object) -> str | None:
    """A key of fixed width has blanks around it, or not."""
    text = (readable_text(raw) or "").strip()
    return text if 0 < len(text) <= LONGEST_KEY else None


def compile_identity(pack: document.PackDocument, version: str) -> Identity:
    """Compile the identity part of a pack's `inbound`; `version` is the pack's, with its hash."""
    inbound = pack.inbound
    versions = {**({"job": inbound.version} if inbound.version is not None else {}), **inbound.versions}
    return Identity(
        pack=pack.pack,
        version=version,
        decode=decoder(inbound.format, inbound.xml, inbound.encoding),
        unpack=compile_unpacks(inbound.unpack),
        ignore=tuple((compile_test(rule), rule.why) for rule in inbound.ignore),
        each=Key(inbound.each, compile_path(inbound.each)) if inbound.each is not None else None,
        job=_compile_key(inbound.job),
        message_id=_compile_key(inbound.message_id) if inbound.message_id is not None else None,
        versions={name: compile_version(spec, pack.zone) for name, spec in versions.items()},
        ties_are_stale=inbound.ties == "stale",
    )


def _compile_key(key: document.Key) -> Key:
    if key.parts is None:
        return Key(" or ".join(key.paths), compile_first(key.paths))
    finds, joined_by = [compile_path(path) for path in key.paths], key.joined_by

    def find(data: object) -> object:
        parts = [_key(found(data)) for found in finds]
        return MISSING if None in parts else joined_by.join(part for part in parts if part is not None)

    return Key(" and ".join(key.paths), find)
