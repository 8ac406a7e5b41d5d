"""Replies of the WFM: accepted, refused with the standard's code, or slots; and which command one is for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from bridge.domain.model import Accepted, Refused, Reply
from bridge.mapping import document
from bridge.mapping.commands.slots import ReadSlots, slots_reader
from bridge.mapping.commands.windows import window_reader
from bridge.mapping.formats.datetimes import Remarks
from bridge.mapping.formats.paths import MISSING, Find, compile_first, compile_path
from bridge.mapping.formats.values import Misread, as_text, briefly, plain_json, readable_text, what_came
from bridge.mapping.reading.messages import Decode, Unreadable, compile_version, decoder
from bridge.mapping.reading.references import Lookup, Row
from bridge.mef.enums import Error422Code

_ReadAccepted = Callable[[object, Remarks], Accepted]


@dataclass(frozen=True, slots=True)
class ReplyRead:
    """A reply, understood. `explanation` is plain JSON; `flags` are what in it should be looked at."""

    reply: Reply
    explanation: Mapping[str, object]
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplyReader:
    """The compiled `reply` of one command."""

    pack_version: str
    status_path: str
    status: Find
    accepted: frozenset[str]
    refused: Lookup
    accept: _ReadAccepted | ReadSlots
    decode: Decode
    accepts_no_status: bool

    def read(self, body: bytes) -> ReplyRead | Unreadable:
        """Read a reply, whatever its bytes are."""
        explained: dict[str, object] = {"pack": self.pack_version}
        remarks: Remarks = []
        try:
            reply = self._read(self.decode(body), explained, remarks)
        except Misread as misread:
            return Unreadable(str(misread), {**explained, "reason": str(misread)})
        flags = tuple(dict.fromkeys(remarks))
        return ReplyRead(reply, {**explained, "flags": list(flags)} if flags else explained, flags)

    def _read(self, data: object, explained: dict[str, object], remarks: Remarks) -> Reply:
        raw = self.status(data)
        explained["status"] = {"path": self.status_path, "raw": None if raw is MISSING else plain_json(raw)}
        if self.accepts_no_status and raw in (MISSING, None):
            explained["meaning"] = "accepted"
            return self.accept(data, remarks)
        code = as_text(raw) if isinstance(raw, bool) else readable_text(raw)
        if code is None:
            raise Misread(f"status ({self.status_path}): expected a code; {what_came(raw)}")
        if code in self.accepted:
            explained["meaning"] = "accepted"
            return self.accept(data, remarks)
        explained["meaning"] = "refused"
        return _refusal(self.refused(code), code)


def _refusal(row: Row | None, code: str) -> Refused:
    if row is None:
        raise Misread(f"the refusal {briefly(code)} is not in the table, and the table has no default")
    return Refused(Error422Code(row["code"]), row["reason"], row.get("path"), row.get("final") == "yes")


def compile_reply(
    reply: document.Reply,
    pack: document.PackDocument,
    lookups: Mapping[str, Lookup],
    version: str,
    format_: str = "json",
) -> ReplyReader:
    """Compile the reply of a command; `lookups` holds the pack's tables by name, `format_` is what it is written in."""
    slots = reply.slots
    return ReplyReader(
        pack_version=version,
        status_path=reply.status,
        status=compile_path(reply.status),
        accepted=frozenset(reply.accepted),
        refused=lookups[reply.refused],
        accept=_accepted(reply, pack, lookups)
        if slots is None
        else slots_reader(slots, pack, lookups, format_ == "xml"),
        decode=decoder(format_, pack.inbound.xml),
        accepts_no_status=reply.no_status == "accepted",
    )


def _accepted(reply: document.Reply, pack: document.PackDocument, lookups: Mapping[str, Lookup]) -> _ReadAccepted:
    visit = compile_path(reply.visit) if reply.visit is not None else None
    window = window_reader(reply.window, pack, lookups) if reply.window is not None else None
    version = _version_reader(reply.version, pack.zone) if reply.version is not None else None

    def read(data: object, remarks: Remarks) -> Accepted:
        return Accepted(
            visit=readable_text(visit(data)) or None if visit is not None else None,
            window=window(data, "window", remarks) if window is not None else None,
            version=version(data, remarks) if version is not None else None,
        )

    return read


def _version_reader(spec: document.Version, zone: str | None) -> Callable[[object, Remarks], int | None]:
    version = compile_version(spec, zone)

    def read(data: object, remarks: Remarks) -> int | None:
        """A yes without its version is a yes; it only cannot tell which messages are older."""
        try:
            return version.read(data)
        except Misread as misread:
            remarks.append(str(misread))
            return None

    return read


_LONGEST: Final = 255  # as of the AMQP property; no command writes a longer one

ReadCorrelation = Callable[[bytes], str]
"""Reads a correlation id of a reply's body. Raises `Misread`."""


@dataclass(frozen=True, slots=True)
class Replies:
    """Where replies come to, and what names their command.

    `queue` is the WFM's own, None where each command says where to reply. `in_body` is whether they bear their
    correlation id in the body, not in the AMQP property.
    """

    queue: str | None
    in_body: bool


def compile_replies(replies: document.Replies) -> Replies:
    """Compile the section `replies`."""
    return Replies(replies.queue, replies.correlation is not None)


def compile_correlation(pack: document.PackDocument) -> ReadCorrelation | None:
    """Compile where replies bear their correlation id; None where that is the AMQP property."""
    paths = pack.replies.correlation if pack.replies is not None else None
    if paths is None:
        return None
    format_ = next((command.format for command in pack.commands.values() if command.reply is not None), "json")
    decode, find = decoder(format_, pack.inbound.xml), compile_first(paths)
    where = " or ".join(paths)

    def read(body: bytes) -> str:
        raw = find(decode(body))
        text = (readable_text(raw) or "").strip()
        if not text or len(text) > _LONGEST:
            most = f", at most {_LONGEST} characters" if text else ""
            raise Misread(f"replies.correlation ({where}): expected what the command wrote{most}; {what_came(raw)}")
        return text

    return read
