"""The named, typed inputs of a message.

Absent, `null` and "" are three things: an absent field takes its default or stays absent; `null` and "" are values to
be read, and usually refused, unless the pack says that they mean absent (`nulls: absent`, `empty: absent`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bridge.mapping import document
from bridge.mapping.datetimes import moment_reader
from bridge.mapping.messages import Message
from bridge.mapping.paths import MISSING, compile_path
from bridge.mapping.tables import Lookup, codes
from bridge.mapping.values import Misread, came, plain, readable_integer, readable_text, shown

Remarks = list[str]
Convert = Callable[[object, Remarks], object]

_LISTED = 12  # codes named in a sentence


class _Unfit(Exception):
    """What was expected instead; `Field.read` puts the name and the value around it."""


@dataclass(frozen=True, slots=True)
class Field:
    """One compiled input. `where` is its path (or header) for people."""

    name: str
    where: str
    find: Callable[[Message], object]
    convert: Convert
    required: bool
    default: object
    empty_is_absent: bool
    null_is_absent: bool

    def read(self, message: Message, explained: dict[str, object], remarks: Remarks) -> object:
        """Read and type the value, None where absent. Raises `Misread`."""
        raw = self.find(message)
        entry: dict[str, object] = {"path": self.where}
        explained[self.name] = entry
        if raw is not MISSING:
            entry["raw"] = plain(raw)
        value = self.default if self._is_absent(raw) else self._typed(raw, remarks)
        if value is None and self.required:
            raise Misread(f"field {self.name} ({self.where}): a value is required; {came(raw)}")
        entry["value"] = entry["raw"] if value is raw else plain(value)
        return value

    def _is_absent(self, raw: object) -> bool:
        return raw is MISSING or (raw == "" and self.empty_is_absent) or (raw is None and self.null_is_absent)

    def _typed(self, raw: object, remarks: Remarks) -> object:
        before = len(remarks)
        try:
            value = self.convert(raw, remarks)
        except _Unfit as expected:
            raise Misread(f"field {self.name} ({self.where}): expected {expected}; {came(raw)}") from expected
        remarks[before:] = [f"{self.name}: {remark}" for remark in remarks[before:]]
        return value


def compile_field(name: str, spec: document.FieldSpec, tables: Mapping[str, document.Table], zone: str | None) -> Field:
    """Compile one declared field; `zone` is the pack's own. The document has been checked."""
    return Field(
        name=name,
        where=spec.path or (f"header {spec.header}" if spec.header else "routing key"),
        find=_finder(spec),
        convert=_converter(spec, tables, zone),
        required=spec.required,
        default=spec.default,
        empty_is_absent=spec.empty is not None,
        null_is_absent=spec.nulls is not None,
    )


def _finder(spec: document.FieldSpec) -> Callable[[Message], object]:
    if spec.path is not None:
        find = compile_path(spec.path)
        return lambda message: find(message.data)
    if spec.header is not None:
        header = spec.header
        return lambda message: message.headers.get(header, MISSING)
    return lambda message: message.routing_key


def _converter(spec: document.FieldSpec, tables: Mapping[str, document.Table], zone: str | None) -> Convert:
    match spec.type:
        case "code":
            return _code(spec, tables)
        case "integer":
            return _integer
        case "boolean":
            return _boolean(spec)
        case "datetime":
            return _moment(spec, zone)
        case "list":
            return _list(spec)
        case "text":
            return _text


def _text(raw: object, _: Remarks) -> object:
    text = readable_text(raw)
    if text is None:
        raise _Unfit("text without NUL characters")
    return text


def _integer(raw: object, _: Remarks) -> object:
    number = readable_integer(raw)
    if number is None:
        raise _Unfit("a whole number of at most 64 bits")
    return number


def _code(spec: document.FieldSpec, tables: Mapping[str, document.Table]) -> Convert:
    table = tables[spec.table] if spec.table is not None else None
    known = frozenset(spec.values or ()) | frozenset(codes(table) if table is not None else ())
    takes_any = table is not None and table.on_miss == "default" and spec.values is None
    expected = f"a code of table {spec.table}" if spec.values is None else f"one of {_listed(spec.values)}"

    def convert(raw: object, _: Remarks) -> object:
        code = readable_text(raw)
        if code is None or (code not in known and not takes_any):
            raise _Unfit(expected)
        return code

    return convert


def _listed(values: tuple[str, ...]) -> str:
    rest = f" … ({len(values)} codes)" if len(values) > _LISTED else ""
    return ", ".join(values[:_LISTED]) + rest


def _boolean(spec: document.FieldSpec) -> Convert:
    if spec.yes is None or spec.no is None:
        return _json_boolean
    spelled = {**dict.fromkeys(spec.yes, True), **dict.fromkeys(spec.no, False)}
    expected = f"one of {', '.join(spelled)}"

    def convert(raw: object, _: Remarks) -> object:
        value = spelled.get(readable_text(raw) or "")
        if value is None:
            raise _Unfit(expected)
        return value

    return convert


def _json_boolean(raw: object, _: Remarks) -> object:
    if not isinstance(raw, bool):
        raise _Unfit("true or false")
    return raw


def _moment(spec: document.FieldSpec, zone: str | None) -> Convert:
    pattern = spec.format or ""
    read = moment_reader(pattern, spec.zone or zone)

    def convert(raw: object, remarks: Remarks) -> object:
        if not isinstance(raw, str):
            raise _Unfit(f"a date and time like {pattern}")
        try:
            return read(raw, remarks)
        except ValueError as error:
            raise _Unfit(f"a date and time like {pattern} ({error})") from error

    return convert


def _list(spec: document.FieldSpec) -> Convert:
    separator = spec.split

    def convert(raw: object, _: Remarks) -> object:
        if separator is not None and isinstance(raw, str):
            raw = raw.split(separator)
        if not isinstance(raw, list):
            raise _Unfit("a list" if separator is None else f"texts joined by {shown(separator)}")
        return _texts(raw)

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
