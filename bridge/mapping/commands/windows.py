"""Windows in the WFM's replies: their moments, and the zones that these are in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import NamedTuple

from bridge.mapping import document
from bridge.mapping.formats.datetimes import ReadMoment, Remarks, find_zone, moment_reader, offset_zone, on_next_day
from bridge.mapping.formats.paths import MISSING, Find, compile_path
from bridge.mapping.formats.values import Misread, as_text, readable_text, what_came, whole_number, window_of
from bridge.mapping.reading.fields import Record
from bridge.mapping.reading.references import Lookup
from bridge.mef.models import TimePeriod


@dataclass(frozen=True, slots=True)
class ReplyScope:
    """What a reply is read beside: `record` is what its job told before, by field. `remarks` are added on the way."""

    record: Record
    remarks: Remarks = field(default_factory=list)


ReadWindow = Callable[[object, str, ReplyScope], TimePeriod | None]
"""Reads the window of a piece of a reply; the text says for people which piece that is. Raises `Misread`."""

Recalled = Callable[[Record], object]
Lookups = Mapping[str, Lookup]
_FindZone = Callable[[object, str, ReplyScope], tzinfo]


class _Read(NamedTuple):
    """A moment, the zone that its clock shows, and whether one before the start is of the next day."""

    moment: datetime
    zone: tzinfo
    may_be_next_day: bool


@dataclass(frozen=True, slots=True)
class _Moment:
    """A moment of a reply; `empty` are the texts that say nothing."""

    paths: tuple[str, ...]
    pattern: str
    finds: tuple[Find, ...]
    empty: frozenset[str]
    parse: ReadMoment
    zone: _FindZone
    may_be_next_day: bool

    def read(self, data: object, where: str, scope: ReplyScope) -> _Read | None:
        raws = [find(data) for find in self.finds]
        if any(map(self._says_nothing, raws)):
            return None
        raw = raws[0] if len(raws) == 1 else " ".join(readable_text(raw) or "?" for raw in raws)
        zone = self.zone(data, where, scope)
        try:
            return _Read(self.parse(raw, scope.remarks, zone), zone, self.may_be_next_day)
        except ValueError as error:
            expected = f"expected a date and time like {self.pattern} ({error})"
            raise Misread(f"{where} ({' and '.join(self.paths)}): {expected}; {what_came(raw)}") from error

    def _says_nothing(self, raw: object) -> bool:
        if isinstance(raw, str):
            return not (text := raw.strip()) or text in self.empty
        return raw is MISSING or raw is None


def window_reader(
    window: document.ReplyWindow, pack: document.PackDocument, lookups: Lookups, fields: Mapping[str, Recalled]
) -> ReadWindow:
    """Make the reader of a window; `lookups` and `fields` are as in `compile_reply`."""
    start, end = ([_moment(one, pack, lookups, fields) for one in moments] for moments in (window.start, window.end))

    def read(data: object, where: str, scope: ReplyScope) -> TimePeriod | None:
        begins, ends = _first(start, data, where, scope), _first(end, data, where, scope)
        first, last = begins and begins.moment, ends and ends.moment
        try:
            if first and ends and ends.may_be_next_day and ends.moment < first:
                last = on_next_day(ends.moment, ends.zone)
            return window_of(first, last)
        except (Misread, ValueError) as trouble:
            raise Misread(f"{where}: {trouble}") from trouble

    return read


def _first(moments: Sequence[_Moment], data: object, where: str, scope: ReplyScope) -> _Read | None:
    """Read the first moment that says something."""
    return next((read for one in moments if (read := one.read(data, where, scope)) is not None), None)


def _moment(
    moment: document.ReplyMoment, pack: document.PackDocument, lookups: Lookups, fields: Mapping[str, Recalled]
) -> _Moment:
    stand_in = pack.zone or "UTC"
    return _Moment(
        paths=moment.path,
        pattern=moment.format,
        finds=tuple(compile_path(path) for path in moment.path),
        empty=frozenset(moment.empty),
        parse=moment_reader(moment.format, None, pack.policies.dst),
        zone=_zone_finder(moment.zone or document.ReplyZone(name=stand_in), stand_in, lookups, fields),
        may_be_next_day=isinstance(moment, document.ReplyEnd) and moment.not_before is not None,
    )


def _zone_finder(
    zone: document.ReplyZone, stand_in: str, lookups: Lookups, fields: Mapping[str, Recalled]
) -> _FindZone:
    if zone.minutes is not None:
        return _from_minutes(zone.minutes)
    if zone.field is not None:
        return _from_job(zone.field, fields[zone.field], find_zone(stand_in))
    if zone.path is not None and zone.table is not None and zone.column is not None:
        return _from_table(zone.path, zone.table, lookups[zone.table], zone.column)
    if zone.path is not None:
        return _from_name(zone.path)
    own = find_zone(zone.name or stand_in)
    return lambda *_: own


def _from_job(name: str, recall: Recalled, stand_in: tzinfo) -> _FindZone:
    def find_recalled(_: object, where: str, scope: ReplyScope) -> tzinfo:
        found = recall(scope.record)
        if found is None:
            scope.remarks.append(f"{name} is not known of this job; the pack's zone is taken")
            return stand_in
        try:
            return find_zone(as_text(found))
        except ValueError as error:
            raise Misread(f"{where}: {name}: {error}") from error

    return find_recalled


def _from_minutes(path: str) -> _FindZone:
    find = compile_path(path)

    def find_offset(data: object, where: str, _: ReplyScope) -> tzinfo:
        raw = find(data)
        zone = offset_zone(whole_number(raw))
        if zone is None:
            raise Misread(f"{where} ({path}): expected the minutes east of Greenwich; {what_came(raw)}")
        return zone

    return find_offset


def _from_table(path: str, table: str, look_up: Lookup, column: str) -> _FindZone:
    find = compile_path(path)

    def find_row(data: object, where: str, _: ReplyScope) -> tzinfo:
        raw = find(data)
        name = readable_text(raw)
        row = look_up(name) if name is not None else None
        if row is None or column not in row:
            raise Misread(f"{where} ({path}): expected a time zone of table {table}; {what_came(raw)}")
        return find_zone(row[column])

    return find_row


def _from_name(path: str) -> _FindZone:
    find = compile_path(path)

    def find_name(data: object, where: str, _: ReplyScope) -> tzinfo:
        raw = find(data)
        try:
            return find_zone(raw if isinstance(raw, str) else "")
        except ValueError as error:
            expected = "expected a time zone such as Europe/Warsaw (a table may turn the WFM's own names into them)"
            raise Misread(f"{where} ({path}): {expected}; {what_came(raw)}") from error

    return find_name
