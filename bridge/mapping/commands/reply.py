"""Replies of the WFM: accepted, refused with the standard's code, or slots; and which command one is for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from bridge.domain.model import Accepted, Refused, Reply
from bridge.mapping import document
from bridge.mapping.commands.slots import ReadSlots, slots_reader
from bridge.mapping.commands.verdicts import Place, Verdict, code_at, compile_place, declared
from bridge.mapping.commands.windows import Recalled, ReplyScope, window_reader
from bridge.mapping.document.replies import LONGEST_REASON
from bridge.mapping.formats.datetimes import Remarks
from bridge.mapping.formats.paths import compile_first
from bridge.mapping.formats.values import Misread, briefly, readable_text, what_came
from bridge.mapping.reading.fields import Record
from bridge.mapping.reading.messages import Decode, Unreadable, compile_version, decoder
from bridge.mapping.reading.references import Lookup, Row
from bridge.mef.enums import Error422Code

_ReadAccepted = Callable[[object, ReplyScope], Accepted]


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
    verdict: Verdict
    refusal: "_Refusals"
    accept: _ReadAccepted | ReadSlots
    decode: Decode

    def read(self, body: bytes, record: Record, headers: Mapping[str, str]) -> ReplyRead | Unreadable:
        """Read a reply, whatever its bytes are; `record` is what its job told before, by field."""
        explained: dict[str, object] = {"pack": self.pack_version}
        scope = ReplyScope(record)
        try:
            data, remarks = self.decode(body, headers)
            scope.remarks.extend(remarks)
            reply = self._read(data, explained, scope)
        except Misread as misread:
            return Unreadable(str(misread), {**explained, "reason": str(misread)})
        flags = tuple(dict.fromkeys(scope.remarks))
        return ReplyRead(reply, {**explained, "flags": list(flags)} if flags else explained, flags)

    def _read(self, data: object, explained: dict[str, object], scope: ReplyScope) -> Reply:
        if self.verdict.is_yes(data, explained):
            explained["meaning"] = "accepted"
            return self.accept(data, scope)
        explained["meaning"] = "refused"
        return self.refusal.read(data)


@dataclass(frozen=True, slots=True)
class _Refusals:
    """What the Buyer is told of a refusal. `default` is the row for one without a code."""

    code: Place | None
    look_up: Lookup
    default: Row | None
    reason: Place | None
    default_reason: str

    def read(self, data: object) -> Refused:
        """Read a reply that is one. Raises `Misread`."""
        told = code_at(self.code, data)
        row = self.look_up(told.code) if told.code is not None else self.default
        if row is None:
            raise Misread(f"the refusal {briefly(told.code)} is not in the table, and the table has no default")
        reason, is_final = row.get("reason") or self._reason(data), row.get("final") == "yes"
        return Refused(Error422Code(row["code"]), reason, row.get("path"), is_final)

    def _reason(self, data: object) -> str:
        """Give the WFM's own text on one line, cut to what the standard holds."""
        raw = self.reason.find(data)[1] if self.reason is not None else None
        words = "".join(filter(str.isprintable, " ".join((readable_text(raw) or "").split())))
        short = words if len(words) <= LONGEST_REASON else words[: LONGEST_REASON - 1] + "…"
        return short or self.default_reason


def compile_reply(
    reply: document.Reply,
    pack: document.PackDocument,
    lookups: Mapping[str, Lookup],
    fields: Mapping[str, Recalled],
    version: str,
    format_: str = "json",
) -> ReplyReader:
    """Compile the reply of a command; `format_` is what it is written in.

    `lookups` holds the pack's tables by name, `fields` what finds the job's own fields, as they are called here.
    """
    slots = reply.slots
    return ReplyReader(
        pack_version=version,
        verdict=_verdict(reply, pack, in_xml=format_ == "xml"),
        refusal=_refusals(reply, pack, lookups),
        accept=_accepted(reply, pack, lookups, fields)
        if slots is None
        else slots_reader(slots, pack, lookups, fields, in_xml=format_ == "xml"),
        decode=decoder(format_, pack.inbound.xml, pack.inbound.encoding),
    )


def _verdict(reply: document.Reply, pack: document.PackDocument, *, in_xml: bool) -> Verdict:
    refused = reply.refused
    is_declared = refused.codes is not None or bool(refused.when)
    return Verdict(
        status=compile_place(reply.status) if reply.status is not None else None,
        yes=declared(reply.accepted.codes, reply.accepted.when, in_xml=in_xml),
        no=declared(refused.codes, refused.when, in_xml=in_xml) if is_declared else None,
        code=compile_place(refused.code) if refused.code is not None else None,
        has_row=pack.tables[refused.table].by_key.__contains__,
    )


def _refusals(reply: document.Reply, pack: document.PackDocument, lookups: Mapping[str, Lookup]) -> _Refusals:
    refused = reply.refused
    table, paths, text = pack.tables[refused.table], refused.code or reply.status, refused.reason
    return _Refusals(
        code=compile_place(paths) if paths is not None else None,
        look_up=lookups[refused.table],
        default=table.default if table.on_miss == "default" else None,
        reason=compile_place(text.path) if text is not None else None,
        default_reason=text.default if text is not None else "",
    )


def _accepted(
    reply: document.Reply,
    pack: document.PackDocument,
    lookups: Mapping[str, Lookup],
    fields: Mapping[str, Recalled],
) -> _ReadAccepted:
    visit = compile_place(reply.visit) if reply.visit is not None else None
    window = window_reader(reply.window, pack, lookups, fields) if reply.window is not None else None
    version = _version_reader(reply.version, pack.zone) if reply.version is not None else None

    def read(data: object, scope: ReplyScope) -> Accepted:
        return Accepted(
            visit=readable_text(visit.find(data)[1]) or None if visit is not None else None,
            window=window(data, "window", scope) if window is not None else None,
            version=version(data, scope.remarks) if version is not None else None,
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

ReadCorrelation = Callable[[bytes, Mapping[str, str]], str]
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
    decode, find = decoder(format_, pack.inbound.xml, pack.inbound.encoding), compile_first(paths)
    where = " or ".join(paths)

    def read(body: bytes, headers: Mapping[str, str]) -> str:
        raw = find(decode(body, headers).data)
        text = (readable_text(raw) or "").strip()
        if not text or len(text) > _LONGEST:
            most = f", at most {_LONGEST} characters" if text else ""
            raise Misread(f"replies.correlation ({where}): expected what the command wrote{most}; {what_came(raw)}")
        return text

    return read
