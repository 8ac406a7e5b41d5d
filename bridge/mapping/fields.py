"""The named, typed inputs of a message.

Absent, `null` and "" are three things: an absent field takes its default or stays absent; `null` and "" are values to
be read, and usually refused, unless the pack says that they mean absent (`nulls: absent`, `empty: absent`). Where the
WFM sends deltas, an absent field keeps the value that the job's record has.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone, tzinfo

from bridge.domain.model import CommandState, Job
from bridge.mapping import document
from bridge.mapping.attribution import compile_attribution
from bridge.mapping.datetimes import find_zone, moment_reader
from bridge.mapping.durations import duration_reader
from bridge.mapping.items import item_chooser
from bridge.mapping.messages import Message, first_of
from bridge.mapping.paths import MISSING, compile_path, path_steps
from bridge.mapping.tables import Lookup, codes, table_lookup
from bridge.mapping.values import (
    Misread,
    Values,
    as_text,
    came,
    is_storable,
    plain,
    readable_code,
    readable_integer,
    readable_text,
    shown,
)

Remarks = list[str]
Convert = Callable[[object, "Scope"], object]

_LISTED = 12  # codes named in a sentence
_LONGEST_ZONE = 64  # characters of a zone's name
_MINUTES_OF_A_DAY = 24 * 60


class _Unfit(Exception):
    """What was expected instead; `Field.read` puts the name and the value around it."""


@dataclass(slots=True)
class Scope:
    """One translation under way; local to it. `record` is what is known of the job after this message, by field."""

    message: Message
    job: Job
    changed_names: frozenset[str] = frozenset()
    values: dict[str, object] = field(default_factory=dict)
    record: dict[str, object] = field(default_factory=dict)
    explained: dict[str, object] = field(default_factory=dict)
    remarks: Remarks = field(default_factory=list)


Find = Callable[[Scope], object]


@dataclass(frozen=True, slots=True)
class Field:
    """One compiled input. `where` is its path (or header) for people.

    A field that is `remembered` goes into the record of its job; one that `merges` is also read from there, where the
    message is silent.
    """

    name: str
    where: str
    find: Find
    convert: Convert
    required: bool
    default: object
    empty: str | None
    nulls: str | None
    remembered: bool
    merges: bool

    def read(self, scope: Scope) -> object:
        """Read and type the value, None where absent. Raises `Misread`."""
        raw = self.find(scope)
        entry: dict[str, object] = {"path": self.where}
        scope.explained[self.name] = entry
        if self.merges and self._is_silent(raw):
            raw = scope.job.record.get(self.name, MISSING)
            entry["kept"] = True
        if raw is not MISSING:
            entry["raw"] = plain(raw)
        absent = self._is_absent(raw)
        value = self.default if absent else self._typed(raw, scope)
        if value is None and self.required:
            raise Misread(f"field {self.name} ({self.where}): a value is required; {came(raw)}")
        if self.remembered and not absent:
            scope.record[self.name] = self._storable(raw)
        entry["value"] = entry["raw"] if value is raw else plain(value)
        return value

    def _storable(self, raw: object) -> object:
        """A list is remembered with all that its items hold, of which perhaps nobody has read everything."""
        if isinstance(raw, list | dict) and not is_storable(raw):
            raise Misread(f"field {self.name} ({self.where}): it is too deep, or holds a NUL, and cannot be remembered")
        return raw

    def _is_silent(self, raw: object) -> bool:
        return raw is MISSING or (raw == "" and self.empty == "keep") or (raw is None and self.nulls == "keep")

    def _is_absent(self, raw: object) -> bool:
        return raw is MISSING or (raw == "" and self.empty is not None) or (raw is None and self.nulls is not None)

    def _typed(self, raw: object, scope: Scope) -> object:
        remarks = scope.remarks
        before = len(remarks)
        try:
            value = self.convert(raw, scope)
        except _Unfit as expected:
            raise Misread(f"field {self.name} ({self.where}): expected {expected}; {came(raw)}") from expected
        remarks[before:] = [f"{self.name}: {remark}" for remark in remarks[before:]]
        return value


def compile_fields(pack: document.PackDocument) -> tuple[Field, ...]:
    """Compile the fields of a checked pack, in the order in which they are read."""
    return tuple(compile_field(name, spec, pack) for name, spec in pack.fields.items())


def compile_field(name: str, spec: document.FieldSpec, pack: document.PackDocument) -> Field:
    """Compile one declared field. The document has been checked."""
    remembered = spec.path is not None and spec.remember and (pack.inbound.deltas or name in _looked_back_on(pack))
    return Field(
        name=name,
        where=_where(spec),
        find=_finder(spec, pack),
        convert=_converter(spec, pack),
        required=spec.required,
        default=spec.default,
        empty=spec.empty,
        nulls=spec.nulls,
        remembered=remembered,
        merges=remembered and pack.inbound.deltas,
    )


def _looked_back_on(pack: document.PackDocument) -> frozenset[str]:
    """Name the fields whose earlier value some other field asks for."""
    specs = pack.fields.values()
    return frozenset(name for spec in specs for name in (spec.previous, *(spec.changed or ())) if name is not None)


def _where(spec: document.FieldSpec) -> str:
    if spec.path is not None:
        return " or ".join(spec.path)
    if spec.header is not None:
        return f"header {spec.header}"
    if spec.value is not None:
        return f"field {spec.value}"
    if spec.previous is not None:
        return f"the last {spec.previous}"
    if spec.changed is not None:
        return f"a change of {' or '.join(spec.changed)}"
    if spec.join is not None:
        return f"{' and '.join(spec.join)} joined"
    if spec.asked is not None:
        return f"who asked to {' or '.join(spec.asked)}"
    return "attribution" if spec.attribution is not None else "routing key"


def _finder(spec: document.FieldSpec, pack: document.PackDocument) -> Find:
    if spec.path is not None:
        return _from_message(spec.path)
    if spec.header is not None:
        header = spec.header
        return lambda scope: scope.message.headers.get(header, MISSING)
    if spec.value is not None:
        return _from_field(spec.value, pack)
    if spec.previous is not None:
        name = spec.previous
        return lambda scope: scope.job.record.get(name, MISSING)
    if spec.changed is not None:
        return _change_of(spec.changed, pack)
    if spec.asked is not None:
        return _asked(spec.asked)
    if spec.join is not None:
        return _joined(spec.join, spec.joined_by, field_lookups(pack))
    if spec.attribution is not None and pack.attribution is not None:
        return _attributed(pack.attribution, field_lookups(pack))
    return lambda scope: scope.message.routing_key


def _from_message(paths: tuple[str, ...]) -> Find:
    finds = [compile_path(path) for path in paths]
    find = finds[0] if len(finds) == 1 else first_of(finds)
    return lambda scope: find(scope.message.data)


def field_lookups(pack: document.PackDocument) -> dict[str, Lookup]:
    """Give the look-up of each field that has a table."""
    return {name: table_lookup(pack.tables[spec.table]) for name, spec in pack.fields.items() if spec.table is not None}


def _from_field(reference: str, pack: document.PackDocument) -> Find:
    get = field_getter(reference, field_lookups(pack))

    def find(scope: Scope) -> object:
        value = get(scope.values)
        return MISSING if value is None else value

    return find


def _joined(references: tuple[str, ...], joined_by: str, lookups: Mapping[str, Lookup]) -> Find:
    """Join texts; where one is absent, so is the whole."""
    getters = [field_getter(reference, lookups) for reference in references]

    def find(scope: Scope) -> object:
        parts = [get(scope.values) for get in getters]
        return MISSING if None in parts else joined_by.join(map(as_text, parts))

    return find


def _change_of(names: tuple[str, ...], pack: document.PackDocument) -> Find:
    members = [(name, _last_step((pack.fields[name].path or ("",))[0])) for name in names]

    def find(scope: Scope) -> object:
        if scope.changed_names:
            return any(member in scope.changed_names for _, member in members)
        return any(scope.record.get(name, MISSING) != scope.job.record.get(name, MISSING) for name, _ in members)

    return find


def _last_step(path: str) -> str:
    return str(path_steps(path)[-1]) if path_steps(path) else ""


def _asked(kinds: tuple[str, ...]) -> Find:
    wanted = frozenset(kinds)

    def find(scope: Scope) -> object:
        commands = (command for command in scope.job.commands if command.state in _ASKED_FOR)
        return "buyer" if any({command.kind, command.asked_as} & wanted for command in commands) else "seller"

    return find


_ASKED_FOR = (CommandState.PENDING, CommandState.ACCEPTED, CommandState.EXPIRED)
"""What the WFM may be speaking of; an expired command may have been carried out all the same."""


def _attributed(attribution: document.Attribution, lookups: Mapping[str, Lookup]) -> Find:
    attribute = compile_attribution(attribution)
    reasons = [field_getter(reference, lookups) for reference in attribution.reason]
    return lambda scope: attribute([get(scope.values) for get in reasons])


def _converter(spec: document.FieldSpec, pack: document.PackDocument) -> Convert:
    match spec.type:
        case "code":
            return _code(spec, pack.tables)
        case "integer":
            return _integer
        case "boolean":
            return _boolean(spec)
        case "datetime":
            return _moment(spec, pack)
        case "duration":
            return _duration(spec.format or "")
        case "list":
            return _list(spec)
        case "text":
            return _text


def _text(raw: object, _: Scope) -> object:
    text = readable_text(raw)
    if text is None:
        raise _Unfit("text without NUL characters")
    return text


def _integer(raw: object, _: Scope) -> object:
    number = readable_integer(raw)
    if number is None:
        raise _Unfit("a whole number of at most 64 bits")
    return number


def _code(spec: document.FieldSpec, tables: Mapping[str, document.Table]) -> Convert:
    table = tables[spec.table] if spec.table is not None else None
    known = frozenset(spec.values or ()) | frozenset(codes(table) if table is not None else ())
    takes_any = table is not None and table.on_miss != "park" and spec.values is None
    expected = f"a code of table {spec.table}" if spec.values is None else f"one of {_listed(spec.values)}"
    spelled = _spellings(spec, known)

    def convert(raw: object, _: Scope) -> object:
        code = readable_code(raw)
        code = spelled(code) if code is not None else None
        if code is None or (code not in known and not takes_any):
            raise _Unfit(expected)
        return code

    return convert


def _spellings(spec: document.FieldSpec, known: frozenset[str]) -> Callable[[str], str]:
    """Make a function from a code as it is written to the code that is meant."""
    if not spec.loose:
        synonyms = spec.synonyms
        return lambda code: synonyms.get(code, code)
    meant = {_loosely(code): code for code in known} | {_loosely(one): code for one, code in spec.synonyms.items()}
    return lambda code: meant.get(_loosely(code), code)


def _loosely(code: str) -> str:
    """Write a code so that upper and lower case, blanks around it and leading zeros make no difference."""
    folded = code.strip().casefold()
    return folded.lstrip("0") or folded[:1]


def _listed(values: tuple[str, ...]) -> str:
    rest = f" … ({len(values)} codes)" if len(values) > _LISTED else ""
    return ", ".join(values[:_LISTED]) + rest


def _boolean(spec: document.FieldSpec) -> Convert:
    if spec.yes is None or spec.no is None:
        return _json_boolean
    spelled = {**dict.fromkeys(spec.yes, True), **dict.fromkeys(spec.no, False)}
    expected = f"one of {', '.join(spelled)}"

    def convert(raw: object, _: Scope) -> object:
        value = spelled.get(readable_text(raw) or "")
        if value is None:
            raise _Unfit(expected)
        return value

    return convert


def _json_boolean(raw: object, _: Scope) -> object:
    if not isinstance(raw, bool):
        raise _Unfit("true or false")
    return raw


def _moment(spec: document.FieldSpec, pack: document.PackDocument) -> Convert:
    pattern = spec.format or ""
    name = spec.zone.name if spec.zone is not None else None
    read = moment_reader(pattern, name or pack.zone, spec.dst or pack.policies.dst)
    zone_of = _zone_finder(spec.zone, field_lookups(pack))
    floor = spec.not_before

    def convert(raw: object, scope: Scope) -> object:
        zone = zone_of(scope.values)
        try:
            moment = read(raw, scope.remarks, zone)
        except ValueError as error:
            raise _Unfit(f"a date and time like {pattern} ({error})") from error
        return _next_day(moment, scope.values[floor]) if floor is not None else moment

    return convert


def _next_day(moment: datetime, floor: object) -> datetime:
    """A time of day that lies before the start is one after midnight."""
    try:
        return moment + timedelta(days=1) if isinstance(floor, datetime) and moment < floor else moment
    except OverflowError as error:
        raise _Unfit("a date and time within the calendar") from error


def _zone_finder(zone: document.FieldZone | None, lookups: Mapping[str, Lookup]) -> Callable[[Values], tzinfo | None]:
    if zone is not None and zone.value is not None:
        get = field_getter(zone.value, lookups)
        return lambda values: _named_zone(get(values))
    if zone is not None and zone.minutes is not None:
        field_name = zone.minutes
        return lambda values: _offset_zone(values[field_name])
    return lambda _: None


def _named_zone(name: object) -> tzinfo:
    if not isinstance(name, str) or len(name) > _LONGEST_ZONE:
        raise _Unfit(f"a date and time with a zone; the zone is {shown(name)}")
    try:
        return find_zone(name)
    except ValueError as error:
        raise _Unfit(f"a date and time with a zone ({error})") from error


def _offset_zone(minutes: object) -> tzinfo:
    if not isinstance(minutes, int) or abs(minutes) >= _MINUTES_OF_A_DAY:
        raise _Unfit(f"a date and time with a zone; its minutes are {shown(minutes)}")
    return timezone(timedelta(minutes=minutes))


def _duration(unit: str) -> Convert:
    read = duration_reader(unit)

    def convert(raw: object, _: Scope) -> object:
        try:
            return read(raw)
        except ValueError as error:
            raise _Unfit(f"a duration ({error})") from error

    return convert


def _list(spec: document.FieldSpec) -> Convert:
    separator, limit = spec.split, spec.limit
    choose = item_chooser(spec)

    def convert(raw: object, _: Scope) -> object:
        if separator is not None and isinstance(raw, str):
            raw = raw.split(separator)
        if not isinstance(raw, list):
            raise _Unfit("a list" if separator is None else f"texts joined by {shown(separator)}")
        texts = _texts(choose(raw))
        texts = tuple(dict.fromkeys(texts)) if spec.distinct else texts
        return texts[:limit]

    return convert


def _texts(items: list[object]) -> tuple[str, ...]:
    """Take a list of texts; blank items say nothing and are left out."""
    texts = [readable_text(item) for item in items]
    if None in texts:
        raise _Unfit("a list of texts without NUL characters")
    return tuple(stripped for text in texts if text is not None and (stripped := text.strip()))


def field_getter(reference: str, lookups: Mapping[str, Lookup]) -> Callable[[Mapping[str, object]], object]:
    """Make a getter for `field` or `field.column`; `lookups` holds the look-up of each field that has a table."""
    name, _, column = reference.partition(".")
    if not column:
        return lambda values: values[name]
    look_up = lookups[name]

    def get(values: Mapping[str, object]) -> object:
        code = values[name]
        row = look_up(code) if isinstance(code, str) else None
        return row.get(column) if row is not None else None

    return get
