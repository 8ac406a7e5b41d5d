"""The named, typed inputs of a message.

Absent, `null` and "" are three things: an absent field takes its default or stays absent; `null` and "" are values to
be read, and usually refused, unless the pack says that they mean absent (`nulls: absent`, `empty: absent`). Where the
WFM sends deltas, an absent field keeps the value that the job's record has.
"""

from dataclasses import dataclass

from bridge.mapping import document
from bridge.mapping.formats.paths import MISSING
from bridge.mapping.formats.values import Misread, Unfit, came, is_storable, plain
from bridge.mapping.reading.conversions import Convert, NoZone, converter
from bridge.mapping.reading.finders import Find, finder, source_text
from bridge.mapping.reading.item_fields import Merge, items_merger
from bridge.mapping.reading.scope import Scope


@dataclass(frozen=True, slots=True)
class Field:
    """One compiled input. `where` is its path (or header) for people.

    A field that is `remembered` goes into the record of its job; one that `merges` is also read from there, where the
    message is silent. `merge` puts the items of a message onto the known ones.
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
    merge: Merge | None

    def read(self, scope: Scope) -> object:
        """Read and type the value, None where absent. Raises `Misread`."""
        raw = self.find(scope)
        entry: dict[str, object] = {"path": self.where}
        scope.explained[self.name] = entry
        if self.merges:
            raw = self._onto_record(raw, entry, scope)
        if raw is not MISSING:
            entry.setdefault("raw", plain(raw))
        absent = self._is_absent(raw)
        value = self.default if absent else self._typed(raw, scope)
        if value is None and self.required:
            self._miss(scope, f"a value is required; {came(raw)}")
        if self.remembered and not absent:
            scope.record[self.name] = self._storable(raw)
        entry["value"] = entry["raw"] if value is raw else plain(value)
        return value

    def _onto_record(self, raw: object, entry: dict[str, object], scope: Scope) -> object:
        """Give what is known after this message; what a later one has told stays."""
        known, ages = scope.job.record.get(self.name, MISSING), scope.ages
        if self._is_silent(raw):
            entry["kept"] = True
            ages.keep(self.name)
            return known
        told_since = ages.told_since(self.name)
        if told_since:
            entry["told_since"] = True
            ages.keep(self.name)
        else:
            ages.tell(self.name)
        if self.merge is None:
            return known if told_since else raw
        entry["raw"] = plain(raw)
        # In place of what a later message has told, its items are taken before they are put onto the known ones.
        told = self.merge(raw, known, scope) if told_since else raw
        merged = self.merge(known, told, scope)
        entry["merged"] = plain(merged)
        ages.is_news = ages.is_news or merged != known
        return merged

    def _storable(self, raw: object) -> object:
        """A list is remembered with all that its items hold, of which perhaps nobody has read everything."""
        if isinstance(raw, list | dict) and not is_storable(raw):
            raise Misread(f"field {self.name} ({self.where}): it is too deep, or holds a NUL, and cannot be remembered")
        return raw

    def _miss(self, scope: Scope, what: str) -> None:
        sentence = f"field {self.name} ({self.where}): {what}"
        if not scope.tolerant:
            raise Misread(sentence)
        scope.missing.setdefault(self.name, sentence)

    def _is_silent(self, raw: object) -> bool:
        return raw is MISSING or (raw == "" and self.empty == "keep") or (raw is None and self.nulls == "keep")

    def _is_absent(self, raw: object) -> bool:
        return raw is MISSING or (raw == "" and self.empty is not None) or (raw is None and self.nulls is not None)

    def _typed(self, raw: object, scope: Scope) -> object:
        remarks = scope.remarks
        before = len(remarks)
        try:
            value = self.convert(raw, scope)
        except NoZone as expected:
            self._miss(scope, f"expected {expected}; {came(raw)}")
            return None
        except Unfit as expected:
            raise Misread(f"field {self.name} ({self.where}): expected {expected}; {came(raw)}") from expected
        remarks[before:] = [f"{self.name}: {remark}" for remark in remarks[before:]]
        return value


def compile_fields(pack: document.PackDocument) -> tuple[Field, ...]:
    """Compile the fields of a checked pack, in the order in which they are read."""
    return tuple(compile_field(name, spec, pack) for name, spec in pack.fields.items())


def compile_field(name: str, spec: document.FieldSpec, pack: document.PackDocument) -> Field:
    """Compile one declared field. The document has been checked."""
    remembered = spec.path is not None and spec.remember and (pack.inbound.deltas or name in _looked_back_on(pack))
    own = pack.of_item(name)
    inside = {inner: compile_field(inner, own.fields[inner], own) for inner in spec.fields}
    merges = remembered and pack.inbound.deltas
    return Field(
        name=name,
        where=source_text(spec),
        find=finder(spec, pack),
        convert=converter(name, spec, pack, tuple(inside.values())),
        required=spec.required,
        default=spec.default,
        empty=spec.empty,
        nulls=spec.nulls,
        remembered=remembered,
        merges=merges,
        merge=items_merger(inside[spec.key]) if merges and spec.key is not None else None,
    )


def _looked_back_on(pack: document.PackDocument) -> frozenset[str]:
    """Name the fields whose earlier value some other field asks for, or a command."""
    specs = pack.fields.values()
    asked_for = (name for spec in specs for name in (spec.previous, *(spec.changed or ())) if name is not None)
    return frozenset(asked_for) | pack.written_fields
