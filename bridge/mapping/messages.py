"""A message of the WFM as data: decoded, and who it is about. Whatever bytes come, the answer is a value."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import orjson

from bridge.domain.model import JobRef, MessageId
from bridge.mapping import document
from bridge.mapping.cells import cell_test
from bridge.mapping.paths import MISSING, Find, compile_path
from bridge.mapping.values import Misread, came, readable_integer, readable_text, shown

_Ignored = tuple[Callable[["Message"], bool], str]

LONGEST_KEY = 255  # characters; longer keys do not fit into a database index


@dataclass(frozen=True, slots=True)
class Message:
    """A decoded message with what RabbitMQ says beside it."""

    data: object
    routing_key: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A message whose identity is read and whose content is not yet translated.

    `versions` maps an object key ("job") to the version the message carries. `problem` says what is wrong with its
    identity besides the job; such a message translates to `Unmapped`.
    """

    message: MessageId
    job: JobRef
    versions: Mapping[str, int]
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


def decode(body: bytes) -> object:
    """Decode JSON. Raises `Misread`."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Misread(f"the body is not JSON: {error}") from error


@dataclass(frozen=True, slots=True)
class Identity:
    """Finds out which message this is and which job it is about."""

    pack: str
    job_path: str
    job: Find
    message_id: Find | None
    version_path: str | None
    version: Find | None
    ignore: tuple[_Ignored, ...] = ()

    def read(self, body: bytes, routing_key: str, headers: Mapping[str, str]) -> Reading | Skipped:
        """Read the identity of a message. Raises `Misread` when no job can be found."""
        data = decode(body)
        content = Message(data, routing_key, headers)
        why = next((why for fits, why in self.ignore if fits(content)), None)
        if why is not None:
            return Skipped(why, {"reason": why})
        problems: list[str] = []
        return Reading(
            message=self._message_id(data, body, problems),
            job=JobRef(self.pack, self._job_key(data)),
            versions=self._versions(data, problems),
            content=content,
            problem="; ".join(problems) or None,
        )

    def _job_key(self, data: object) -> str:
        raw = self.job(data)
        key = _key(raw)
        if key is None:
            raise Misread(f"job ({self.job_path}): expected {_EXPECTED_KEY}; {came(raw)}")
        return key

    def _message_id(self, data: object, body: bytes, problems: list[str]) -> MessageId:
        """A WFM without message ids, and a message without one, is known by a hash of its body."""
        raw = MISSING if self.message_id is None else self.message_id(data)
        key = _key(raw)
        if key is not None:
            return MessageId(key)
        if raw not in (MISSING, None, ""):
            problems.append(f"message id: expected {_EXPECTED_KEY}; came {shown(raw)}")
        return MessageId("sha256:" + hashlib.sha256(body).hexdigest())

    def _versions(self, data: object, problems: list[str]) -> Mapping[str, int]:
        if self.version is None:
            return {}
        raw = self.version(data)
        version = readable_integer(raw)
        if version is not None:
            return {"job": version}
        problems.append(f"version ({self.version_path}): expected a whole number of at most 64 bits; {came(raw)}")
        return {}


def _ignored(rule: document.IgnoreRule) -> _Ignored:
    find, test = message_finder(rule.path, rule.header), cell_test(rule.fits)

    def fits(message: Message) -> bool:
        raw = find(message)
        return test(None if raw is MISSING else raw) if not isinstance(raw, list | dict) else False

    return fits, rule.why


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
    text = readable_text(raw)
    return text if text is not None and 0 < len(text) <= LONGEST_KEY else None


def compile_identity(pack: str, inbound: document.Inbound) -> Identity:
    """Compile the identity part of a pack's `inbound`."""

    def find(path: str | None) -> Find | None:
        return compile_path(path) if path is not None else None

    return Identity(
        pack=pack,
        job_path=inbound.job,
        job=compile_path(inbound.job),
        message_id=find(inbound.message_id),
        version_path=inbound.version,
        version=find(inbound.version),
        ignore=tuple(_ignored(rule) for rule in inbound.ignore),
    )
