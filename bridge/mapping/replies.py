"""Replies of the WFM to commands: accepted, refused with the standard's code, or a list of offered slots."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from bridge.domain.model import Accepted, Offered, OfferedSlot, Refused, Reply
from bridge.mapping import document
from bridge.mapping.datetimes import find_zone, moment_reader
from bridge.mapping.messages import Decode, Unreadable, decode
from bridge.mapping.paths import MISSING, Find, compile_path
from bridge.mapping.slots import slot_finder
from bridge.mapping.tables import Lookup, Row
from bridge.mapping.values import Misread, as_text, came, plain, readable_text, shown
from bridge.mapping.visits import period
from bridge.mef.enums import Error422Code
from bridge.mef.models import TimePeriod

Remarks = list[str]
_ReadMoment = Callable[[object, str, Remarks], datetime | None]
_ReadWindow = Callable[[object, str, Remarks], TimePeriod | None]
_ReadSlots = Callable[[object, Remarks], Offered]
_ReadAccepted = Callable[[object, Remarks], Accepted]


@dataclass(frozen=True, slots=True)
class ReplyRead:
    """A reply, understood. `explanation` is plain JSON."""

    reply: Reply
    explanation: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ReplyReader:
    """The compiled `reply` of one command."""

    pack_version: str
    status_path: str
    status: Find
    accepted: frozenset[str]
    refused: Lookup
    accept: _ReadAccepted | _ReadSlots
    decode: Decode = decode
    accepts_no_status: bool = False

    def read(self, body: bytes) -> ReplyRead | Unreadable:
        """Read a reply, whatever its bytes are."""
        told: dict[str, object] = {"pack": self.pack_version}
        remarks: Remarks = []
        try:
            reply = self._read(self.decode(body), told, remarks)
        except Misread as misread:
            return Unreadable(str(misread), {**told, "reason": str(misread)})
        if remarks:
            told["flags"] = remarks
        return ReplyRead(reply, told)

    def _read(self, data: object, told: dict[str, object], remarks: Remarks) -> Reply:
        raw = self.status(data)
        told["status"] = {"path": self.status_path, "raw": None if raw is MISSING else plain(raw)}
        if self.accepts_no_status and raw in (MISSING, None):
            told["meaning"] = "accepted"
            return self.accept(data, remarks)
        code = as_text(raw) if isinstance(raw, bool) else readable_text(raw)
        if code is None:
            raise Misread(f"status ({self.status_path}): expected a code; {came(raw)}")
        if code in self.accepted:
            told["meaning"] = "accepted"
            return self.accept(data, remarks)
        told["meaning"] = "refused"
        return _refusal(self.refused(code), code)


def _refusal(row: Row | None, code: str) -> Refused:
    if row is None:
        raise Misread(f"the refusal {shown(code)} is not in the table, and the table has no default")
    return Refused(Error422Code(row["code"]), row["reason"], row.get("path"))


def compile_reply(
    reply: document.Reply, lookups: Mapping[str, Lookup], version: str, zone: str | None, decode_body: Decode = decode
) -> ReplyReader:
    """Compile the reply of a command; `lookups` holds the pack's tables by name."""
    return ReplyReader(
        pack_version=version,
        status_path=reply.status,
        status=compile_path(reply.status),
        accepted=frozenset(reply.accepted),
        refused=lookups[reply.refused],
        accept=_slots(reply.slots, zone) if reply.slots is not None else _accepted(reply, zone),
        decode=decode_body,
        accepts_no_status=reply.no_status == "accepted",
    )


def _accepted(reply: document.Reply, zone: str | None) -> _ReadAccepted:
    visit = compile_path(reply.visit) if reply.visit is not None else None
    window = _window(reply.window, zone) if reply.window is not None else None

    def read(data: object, remarks: Remarks) -> Accepted:
        return Accepted(
            visit=readable_text(visit(data)) or None if visit is not None else None,
            window=window(data, "window", remarks) if window is not None else None,
        )

    return read


def _slots(slots: document.Slots, zone: str | None) -> _ReadSlots:
    find_items = slot_finder(slots)
    window = _window(slots, zone)
    token = {name: compile_path(path) for name, path in slots.token.items()}

    def read_slot(item: object, index: int, remarks: Remarks) -> OfferedSlot:
        where = f"slot {index}"
        found = window(item, where, remarks)
        if found is None:
            raise Misread(f"{where}: it has no window")
        return OfferedSlot(found, {name: _token(where, name, find(item)) for name, find in token.items()})

    def read(data: object, remarks: Remarks) -> Offered:
        return Offered(tuple(read_slot(item, index, remarks) for index, item in enumerate(find_items(data))))

    return read


def _token(where: str, name: str, raw: object) -> str | int:
    """A token is remembered and sent back; only what survives that unchanged is taken."""
    text = readable_text(raw)
    if text is None:
        raise Misread(f"{where}: expected text or a whole number as {name}; {came(raw)}")
    return raw if isinstance(raw, int) else text


def _window(window: document.ReplyWindow, zone: str | None) -> _ReadWindow:
    read_start, read_end = _moment(window.start, zone), _moment(window.end, zone)

    def read(data: object, where: str, remarks: Remarks) -> TimePeriod | None:
        start, end = read_start(data, where, remarks), read_end(data, where, remarks)
        try:
            return period(start, end)
        except Misread as misread:
            raise Misread(f"{where}: {misread}") from misread

    return read


def _moment(moment: document.ReplyMoment, zone: str | None) -> _ReadMoment:
    finds, where_from = [compile_path(path) for path in moment.path], " and ".join(moment.path)
    zone_path = moment.zone if moment.zone is not None and moment.zone.startswith("$") else None
    parse = moment_reader(moment.format, zone if zone_path else moment.zone or zone)
    find_zone_name = compile_path(zone_path) if zone_path is not None else None

    def read(data: object, where: str, remarks: Remarks) -> datetime | None:
        raws = [find(data) for find in finds]
        if any(raw is MISSING or raw is None or raw == "" for raw in raws):
            return None
        raw = raws[0] if len(raws) == 1 else " ".join(readable_text(raw) or "?" for raw in raws)
        try:
            return parse(raw, remarks, _zone_of(find_zone_name(data)) if find_zone_name is not None else None)
        except ValueError as error:
            expected = f"expected a date and time like {moment.format} ({error})"
            raise Misread(f"{where} ({where_from}): {expected}; {came(raw)}") from error

    return read


def _zone_of(name: object) -> tzinfo:
    if not isinstance(name, str) or len(name) > _LONGEST_ZONE:
        raise ValueError(f"the zone is {shown(name) if name is not MISSING else 'missing'}")
    return find_zone(name)


_LONGEST_ZONE = 64  # characters of a zone's name
