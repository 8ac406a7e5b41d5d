"""How the raw value of a field becomes a typed one."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Final

from bridge.mapping import document
from bridge.mapping.formats.datetimes import find_zone, moment_reader, offset_test, offset_zone, on_next_day
from bridge.mapping.formats.durations import duration_reader
from bridge.mapping.formats.tidy import tidy
from bridge.mapping.formats.values import (
    NotListed,
    Unfit,
    Values,
    as_items,
    as_text,
    briefly,
    loosely,
    readable_text,
    whole_number,
    whole_number_wanted,
)
from bridge.mapping.reading.items import ItemField, item_chooser, items_converter
from bridge.mapping.reading.references import Lookups, field_lookups, known_codes, reference_getter, takes_any
from bridge.mapping.reading.scope import Scope

Convert = Callable[[object, Scope], object]
_GetZone = Callable[[Values], tzinfo]

_LISTED = 12  # codes named in a sentence


class NoZone(Unfit):
    """The zone of a local time stands in another field, which is absent."""


def converter(name: str, spec: document.FieldSpec, pack: document.PackDocument, inside: Sequence[ItemField]) -> Convert:
    """Make a function that types a raw value; it raises `Unfit` where the value does not fit.

    `inside` are the compiled fields of an item, of a field that has items.
    """
    match spec.type:
        case "code":
            return _code(spec, pack.tables)
        case "integer":
            return _integer
        case "boolean":
            return _boolean(spec)
        case "datetime" | "duration" if spec.format is None:  # what it is made of is such a value already
            return _as_it_is
        case "datetime":
            return _moment(spec, pack)
        case "duration":
            return _duration(spec.format or "")
        case "list":
            return _list(spec)
        case "items":
            return items_converter(name, spec, inside)
        case "text":
            return _text


def _as_it_is(raw: object, _: Scope) -> object:
    return raw


def _text(raw: object, _: Scope) -> object:
    text = readable_text(raw)
    if text is None:
        raise Unfit("text without NUL characters")
    return text


def _integer(raw: object, _: Scope) -> object:
    number = whole_number(raw)
    if number is None:
        raise Unfit(whole_number_wanted(raw))
    return number


def _code(spec: document.FieldSpec, tables: Mapping[str, document.Table]) -> Convert:
    table = tables[spec.table] if spec.table is not None else None
    known = frozenset(known_codes(spec, table))
    open_ended = takes_any(spec, table)
    expected = f"a code of table {spec.table}" if spec.values is None else f"one of {_listed(spec.values)}"
    synonyms, loose = _synonyms(spec, known), spec.loose

    def meant(text: str) -> str:
        return synonyms.get(loosely(text) if loose else text, text) if synonyms else text

    plain = known if not synonyms else frozenset()

    def convert(raw: object, _: Scope) -> object:
        if type(raw) is str and raw in plain:
            return raw
        text = as_text(raw) if isinstance(raw, bool) else readable_text(raw)
        if text is None:
            raise Unfit(expected)
        code = meant(text)
        if code not in known:
            code = next((one for one in (meant(tidy(text)),) if one in known), code)  # as it is padded, perhaps
        if code not in known and (not open_ended or isinstance(raw, bool)):
            raise Unfit(expected) if isinstance(raw, bool) or not text.strip() else NotListed(expected)
        return code

    return convert


def _synonyms(spec: document.FieldSpec, known: frozenset[str]) -> Mapping[str, str]:
    """Give the codes that are meant by how they may be written."""
    if not spec.loose:
        return spec.synonyms
    return {loosely(code): code for code in known} | {loosely(one): code for one, code in spec.synonyms.items()}


def _listed(values: tuple[str, ...]) -> str:
    rest = f" … ({len(values)} codes)" if len(values) > _LISTED else ""
    return ", ".join(values[:_LISTED]) + rest


_TRUE: Final = ("true", "1", "y", "yes", "t", "on")
_FALSE: Final = ("false", "0", "n", "no", "f", "off")


def _boolean(spec: document.FieldSpec) -> Convert:
    """Where a pack lists spellings, others are none but JSON's own; upper and lower case and blanks are the same."""
    declared = {**dict.fromkeys(spec.yes or (), True), **dict.fromkeys(spec.no or (), False)}
    own = {"true": True, "false": False} if declared else dict.fromkeys(_TRUE, True) | dict.fromkeys(_FALSE, False)
    spelled = own | {_spelling(text): value for text, value in declared.items()} | declared
    left = [text for text, spellings in (("true", spec.yes), ("false", spec.no)) if spellings is None]
    expected = f"one of {', '.join([*declared, *left])}" if declared else "true or false"

    def convert(raw: object, _: Scope) -> object:
        text = as_text(raw) if isinstance(raw, bool) else readable_text(raw) or ""
        value = spelled.get(text)
        if value is None:
            value = spelled.get(_spelling(text))
        if value is None:
            raise Unfit(expected)
        return value

    return convert


def _spelling(text: str) -> str:
    return tidy(text).casefold()


def _moment(spec: document.FieldSpec, pack: document.PackDocument) -> Convert:
    pattern = spec.format or ""
    own = (spec.zone.name if spec.zone is not None else None) or pack.zone or "UTC"
    read = moment_reader(pattern, own, spec.dst or pack.policies.dst)
    zone_of, carries_offset, floor = _zone_getter(spec.zone, field_lookups(pack)), offset_test(pattern), spec.not_before

    def zone_for(zone_of: _GetZone, raw: object, values: Values) -> tzinfo | None:
        try:
            return zone_of(values)
        except NoZone:
            if carries_offset(raw):
                return None
            raise

    def convert(raw: object, scope: Scope) -> object:
        zone = zone_for(zone_of, raw, scope.values) if zone_of is not None else None
        try:
            moment = read(raw, scope.remarks, zone)
            start = scope.values[floor] if floor is not None else None
            if isinstance(start, datetime) and moment < start:  # a time of day after midnight
                own_day = zone_of(scope.values) if zone is None and zone_of is not None else find_zone(own)
                moment = on_next_day(moment, zone or own_day)
        except ValueError as error:
            raise Unfit(f"a date and time like {pattern} ({error})") from error
        return moment

    return convert


def _zone_getter(zone: document.FieldZone | None, lookups: Lookups) -> _GetZone | None:
    """Make a getter for a zone that stands in another field; None where it does not."""
    if zone is not None and zone.value is not None:
        get_name = reference_getter(zone.value, lookups)
        return lambda values: _named_zone(get_name(values))
    if zone is not None and zone.minutes is not None:
        get_minutes = reference_getter(zone.minutes, lookups)
        return lambda values: _offset_zone(get_minutes(values))
    return None


def _named_zone(name: object) -> tzinfo:
    if name is None:
        raise NoZone("a date and time with a zone; the zone is absent")
    if not isinstance(name, str):
        raise Unfit(f"a date and time with a zone; the zone is {briefly(name)}")
    try:
        return find_zone(name)
    except ValueError as error:
        raise Unfit(f"a date and time with a zone ({error})") from error


def _offset_zone(minutes: object) -> tzinfo:
    if minutes is None:
        raise NoZone("a date and time with a zone; its minutes are absent")
    zone = offset_zone(minutes)
    if zone is None:
        raise Unfit(f"a date and time with a zone; its minutes are {briefly(minutes)}")
    return zone


def _duration(unit: str) -> Convert:
    read = duration_reader(unit)

    def convert(raw: object, _: Scope) -> object:
        try:
            return read(raw)
        except ValueError as error:
            raise Unfit(f"a duration ({error})") from error

    return convert


def _list(spec: document.FieldSpec) -> Convert:
    separator, limit = spec.split, spec.limit
    choose = item_chooser(spec)

    def convert(raw: object, _: Scope) -> object:
        if separator is not None and isinstance(raw, str):
            raw = raw.split(separator)
        raw = list(raw) if isinstance(raw, tuple) else as_items(raw)  # another field's list, or a single object
        if not isinstance(raw, list):
            raise Unfit("a list" if separator is None else f"texts joined by {briefly(separator)}")
        texts = []
        for item in choose(raw):
            text = readable_text(item)
            if text is None:
                raise Unfit("a list of texts without NUL characters")
            if stripped := text.strip():  # blank items say nothing
                texts.append(stripped)
        return tuple(dict.fromkeys(texts) if spec.distinct else texts)[:limit]

    return convert
