"""Windows in the WFM's replies: their moments, and the zones that these are in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from bridge.mapping import document
from bridge.mapping.formats.datetimes import ReadMoment, Remarks, find_zone, moment_reader, offset_zone, on_next_day
from bridge.mapping.formats.paths import MISSING, Find, compile_path
from bridge.mapping.formats.values import Misread, readable_integer, readable_text, what_came, window_of
from bridge.mapping.reading.references import Lookup
from bridge.mef.models import TimePeriod

ReadWindow = Callable[[object, str, Remarks], TimePeriod | None]
"""Reads the window of a piece of a reply; the text says for people which piece that is. Raises `Misread`."""

Lookups = Mapping[str, Lookup]
_FindZone = Callable[[object, str], tzinfo]


@dataclass(frozen=True, slots=True)
class _Moment:
    """A moment of a reply, and the zone that its clock shows."""

    paths: tuple[str, ...]
    pattern: str
    finds: tuple[Find, ...]
    parse: ReadMoment
    zone: _FindZone

    def read(self, data: object, where: str, remarks: Remarks) -> tuple[datetime, tzinfo] | None:
        raws = [find(data) for find in self.finds]
        if any(raw is MISSING or raw is None or raw == "" for raw in raws):
            return None
        raw = raws[0] if len(raws) == 1 else " ".join(readable_text(raw) or "?" for raw in raws)
        zone = self.zone(data, where)
        try:
            return self.parse(raw, remarks, zone), zone
        except ValueError as error:
            expected = f"expected a date and time like {self.pattern} ({error})"
            raise Misread(f"{where} ({' and '.join(self.paths)}): {expected}; {what_came(raw)}") from error


def window_reader(window: document.ReplyWindow, pack: document.PackDocument, lookups: Lookups) -> ReadWindow:
    """Make the reader of a window. `lookups` holds the pack's tables by name."""
    start, end = _moment(window.start, pack, lookups), _moment(window.end, pack, lookups)
    may_be_next_day = window.end.not_before == "start"

    def read(data: object, where: str, remarks: Remarks) -> TimePeriod | None:
        begins, ends = start.read(data, where, remarks), end.read(data, where, remarks)
        first, last = begins and begins[0], ends and ends[0]
        try:
            if may_be_next_day and first and ends and ends[0] < first:
                last = on_next_day(*ends)
            return window_of(first, last)
        except (Misread, ValueError) as trouble:
            raise Misread(f"{where}: {trouble}") from trouble

    return read


def _moment(moment: document.ReplyMoment, pack: document.PackDocument, lookups: Lookups) -> _Moment:
    return _Moment(
        paths=moment.path,
        pattern=moment.format,
        finds=tuple(compile_path(path) for path in moment.path),
        parse=moment_reader(moment.format, None, pack.policies.dst),
        zone=_zone_finder(moment.zone or document.ReplyZone(name=pack.zone or "UTC"), lookups),
    )


def _zone_finder(zone: document.ReplyZone, lookups: Lookups) -> _FindZone:
    if zone.minutes is not None:
        return _from_minutes(zone.minutes)
    if zone.path is not None and zone.table is not None and zone.column is not None:
        return _from_table(zone.path, zone.table, lookups[zone.table], zone.column)
    if zone.path is not None:
        return _from_name(zone.path)
    own = find_zone(zone.name) if zone.name is not None else UTC
    return lambda _, __: own


def _from_minutes(path: str) -> _FindZone:
    find = compile_path(path)

    def find_offset(data: object, where: str) -> tzinfo:
        raw = find(data)
        zone = offset_zone(readable_integer(raw))
        if zone is None:
            raise Misread(f"{where} ({path}): expected the minutes east of Greenwich; {what_came(raw)}")
        return zone

    return find_offset


def _from_table(path: str, table: str, look_up: Lookup, column: str) -> _FindZone:
    find = compile_path(path)

    def find_row(data: object, where: str) -> tzinfo:
        raw = find(data)
        name = readable_text(raw)
        row = look_up(name) if name is not None else None
        if row is None or column not in row:
            raise Misread(f"{where} ({path}): expected a time zone of table {table}; {what_came(raw)}")
        return find_zone(row[column])

    return find_row


def _from_name(path: str) -> _FindZone:
    find = compile_path(path)

    def find_name(data: object, where: str) -> tzinfo:
        raw = find(data)
        try:
            return find_zone(raw if isinstance(raw, str) else "")
        except ValueError as error:
            expected = "expected a time zone such as Europe/Warsaw (a table may turn the WFM's own names into them)"
            raise Misread(f"{where} ({path}): {expected}; {what_came(raw)}") from error

    return find_name
