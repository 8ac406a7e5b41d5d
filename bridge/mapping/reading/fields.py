"""The named, typed inputs of a message: where the raw value of each comes from, and what becomes of it.

Absent, `null` and "" are three things: an absent field takes its default or stays absent; `null` and "" are values to
be read, and usually refused, unless the pack says that they mean absent (`nulls: absent`, `empty: absent`). In a delta,
an absent field keeps the value that the job's record has, and one that means absent is emptied; in a complete message
both are empty.

A Buyer books between two messages of the WFM, and commands and replies speak of the job, too. For them the fields are
recalled as they were told, typed as in a message. What is of one message alone is not known then; neither is a value
that does not fit any more, because the pack was changed since.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from bridge.domain.model import Job, JobRef
from bridge.mapping import document
from bridge.mapping.formats.paths import MISSING, compile_first
from bridge.mapping.formats.paths import Find as FindInData
from bridge.mapping.formats.values import Misread, NotListed, Unfit, Values, as_text, is_storable, plain_json, what_came
from bridge.mapping.reading.cells import compile_attribution
from bridge.mapping.reading.conversions import Convert, NoZone, converter
from bridge.mapping.reading.items import ItemMerger
from bridge.mapping.reading.lookback import Find, compile_lookback, lookback_text
from bridge.mapping.reading.messages import Message
from bridge.mapping.reading.places import EMPTIED, NO_NEWS, compile_places
from bridge.mapping.reading.references import Lookups, field_lookups, reference_getter, states_of
from bridge.mapping.reading.scope import FieldVersions, Scope


class OfOthers(Misread):
    """A message is of a job that the pack leaves to others; `why` it says."""

    def __init__(self, sentence: str, field: str, why: str) -> None:
        super().__init__(sentence)
        self.field = field
        self.why = why


@dataclass(frozen=True, slots=True)
class Field:
    """One compiled input. `where` is its path (or header) for people.

    Its raw value is found `in_data`, at its path in the message, or else by `find`. A field that is `remembered` goes
    into the record of its job; one that `merges` is also read from there, where the message is silent, unless the field
    that it `belongs_to` is told. `items` puts the items of a message onto the known ones. `others` says why a message
    with an unknown code is of no interest. `absent` has the raw values that mean that there is none.
    """

    name: str
    where: str
    in_data: FindInData | None
    find: Find
    convert: Convert
    required: bool
    default: object
    absent: tuple[object, ...]
    empty: str | None
    nulls: str | None
    remembered: bool
    merges: bool
    belongs_to: str | None
    items: ItemMerger | None
    others: str | None

    def read(self, scope: Scope) -> object:
        """Read and type the value, None where absent. Raises `Misread`."""
        told = known = self.in_data(scope.message.data) if self.in_data is not None else self.find(scope)
        entry: dict[str, object] = {"path": self.where}
        scope.explained[self.name] = entry
        raw = told
        if self.merges:
            known = self._onto_record(told, entry, scope)
            raw = told if self._opens(entry, scope) else known
            raw = MISSING if raw is EMPTIED or raw is NO_NEWS else raw
        if raw is not MISSING and "raw" not in entry:
            entry["raw"] = plain_json(raw)
        value = self.default if raw in self.absent else self._typed(raw, scope)
        if value is None and self.required:
            came = "the message says that there is none" if told is EMPTIED else what_came(raw)
            self._miss(scope, f"a value is required; {came}")
        if self.remembered:
            self._remember(known, scope)
        entry["value"] = entry["raw"] if value is raw else plain_json(value)
        return value

    def _remember(self, told: object, scope: Scope) -> None:
        """Keep it for the messages to come; what merges is known already, as a whole."""
        is_older = not self.merges and scope.versions.is_overtaken_as_a_whole
        known = scope.job.record.get(self.name, MISSING) if is_older else told
        if known in self.absent:
            return
        # A list is remembered with all that its items hold, of which perhaps nobody has read everything.
        if isinstance(known, list | dict) and not is_storable(known):
            sentence = "it is too deep, or holds a NUL, and cannot be remembered"
            raise Misread(f"field {self.name} ({self.where}): {sentence}")
        scope.record[self.name] = known

    def _opens(self, entry: dict[str, object], scope: Scope) -> bool:
        """Tell whether what the message says itself decides: it opens the job, of which later messages came before."""
        return "told_since" in entry and scope.job.work_order is None and self.items is None

    def _onto_record(self, raw: object, entry: dict[str, object], scope: Scope) -> object:
        """Give what is known after this message; what a later one has written stays."""
        known, versions = scope.job.record.get(self.name, MISSING), scope.versions
        if self._is_kept(raw, scope):
            entry["kept"] = True
            if raw is NO_NEWS:
                entry["no_news"] = True
            versions.silent.add(self.name)
            versions.keep(self.name)
            if self.items is not None:
                self.items.keep(versions)
            return known
        if self._is_silent(raw) or raw in self.absent:
            entry["emptied"] = True
            raw = EMPTIED
        overtaken = versions.is_overtaken(self.name)
        if overtaken:
            entry["told_since"] = True
            versions.keep(self.name)
        else:
            versions.write(self.name)
            versions.emptied |= {self.name} if raw is EMPTIED else set()
        if self.items is not None:
            return self._with_items(self.items, raw, known, entry, scope)
        return known if overtaken else raw

    def _with_items(
        self, items: ItemMerger, raw: object, known: object, entry: dict[str, object], scope: Scope
    ) -> object:
        is_whole = scope.is_complete or raw is EMPTIED
        if raw is not EMPTIED:
            entry["raw"] = plain_json(raw)
        merged = items.put([] if raw is EMPTIED else raw, known, scope, is_whole=is_whole)
        scope.versions.is_news = scope.versions.is_news or merged != (known if known is not MISSING else [])
        if not merged and (known is MISSING if "told_since" in entry else raw is EMPTIED):
            return EMPTIED  # and no empty list, which says something else
        entry["merged"] = plain_json(merged)
        return merged

    def _miss(self, scope: Scope, what: str) -> None:
        sentence = f"field {self.name} ({self.where}): {what}"
        if not scope.tolerant:
            raise Misread(sentence)
        scope.missing.setdefault(self.name, sentence)

    def _is_kept(self, raw: object, scope: Scope) -> bool:
        """Tell whether what is known stays: the message says nothing of it, or that nothing is new."""
        if not self._is_silent(raw) or self.name in scope.forgotten:
            return False
        if self.belongs_to is not None:
            return self.belongs_to in scope.versions.silent
        return raw is NO_NEWS or not scope.is_complete

    def _is_silent(self, raw: object) -> bool:
        if raw is MISSING or raw is NO_NEWS:
            return True
        return (raw == "" and self.empty == "keep") or (raw is None and self.nulls == "keep")

    def _typed(self, raw: object, scope: Scope) -> object:
        remarks = scope.remarks
        before = len(remarks)
        try:
            value = self.convert(raw, scope)
        except NoZone as expected:
            self._miss(scope, f"expected {expected}; {what_came(raw)}")
            return None
        except Unfit as expected:
            sentence = f"field {self.name} ({self.where}): expected {expected}; {what_came(raw)}"
            if self.others is None or not isinstance(expected, NotListed):
                raise Misread(sentence) from expected
            if self.remembered:
                scope.record[self.name] = raw
            raise OfOthers(sentence, self.name, self.others) from expected
        if len(remarks) > before:
            remarks[before:] = [f"{self.name}: {remark}" for remark in remarks[before:]]
        return value


def compile_fields(pack: document.PackDocument) -> tuple[Field, ...]:
    """Compile the fields of a checked pack, in the order they are read in: first those that say whose job it is."""
    fields = [compile_field(name, spec, pack) for name, spec in pack.fields.items()]
    return tuple(sorted(fields, key=lambda field: field.others is None))


def compile_field(name: str, spec: document.FieldSpec, pack: document.PackDocument) -> Field:
    """Compile one declared field. The document has been checked."""
    merges = name in pack.kept_fields
    remembered = merges or (spec.path is not None and spec.remember and name in _looked_back_on(pack))
    own = pack.of_item(name)
    inside = {inner: compile_field(inner, own.fields[inner], own) for inner in spec.fields}
    absent = [MISSING, EMPTIED, *([""] if spec.empty is not None else []), *([None] if spec.nulls is not None else [])]
    return Field(
        name=name,
        absent=tuple(absent),
        where=source_text(spec),
        in_data=_in_data(spec, merges=merges),
        find=_finder(spec, pack),
        convert=converter(name, spec, pack, tuple(inside.values())),
        required=spec.required,
        default=spec.default,
        empty=spec.empty,
        nulls=spec.nulls,
        remembered=remembered,
        merges=merges,
        belongs_to=spec.belongs_to,
        items=ItemMerger(name, inside[spec.key]) if merges and spec.key is not None else None,
        others=spec.ignore_others,
    )


def _in_data(spec: document.FieldSpec, *, merges: bool) -> FindInData | None:
    if spec.path is None:
        return None
    return compile_places(spec) if merges else compile_first(spec.path)


def _looked_back_on(pack: document.PackDocument) -> frozenset[str]:
    """Name the fields whose earlier value some other field asks for, or a command."""
    specs = pack.fields.values()
    asked_for = (name for spec in specs for name in (spec.previous, *(spec.changed or ())) if name is not None)
    return frozenset(asked_for) | pack.recalled_fields


def source_text(spec: document.FieldSpec) -> str:
    """Say for people where a field comes from."""
    if spec.path is not None:
        return " or ".join(spec.path)
    if spec.header is not None:
        return f"header {spec.header}"
    if spec.value is not None:
        return f"field {spec.value}"
    if (parts := spec.join or spec.same) is not None:
        return f"{' and '.join(parts)} {'joined' if spec.join is not None else 'compared'}"
    if spec.first is not None:
        return f"the first of {', '.join(spec.first)}"
    if spec.of is not None:
        return f"the first code that any {spec.of} is"
    return lookback_text(spec) or ("attribution" if spec.attribution is not None else "routing key")


def _finder(spec: document.FieldSpec, pack: document.PackDocument) -> Find:
    if spec.header is not None:
        header = spec.header
        return lambda scope: scope.message.headers.get(header, MISSING)
    if spec.routing_key is not None:
        return lambda scope: scope.message.routing_key
    return compile_lookback(spec, pack) or _maker(spec, pack)


def _maker(spec: document.FieldSpec, pack: document.PackDocument) -> Find:
    """Make a function that makes the raw value of what is known already."""
    if spec.value is not None:
        return _from_fields((spec.value,), field_lookups(pack))
    if spec.first is not None:
        return _from_fields(spec.first, field_lookups(pack))
    if spec.of is not None:
        return _foremost(spec.of, spec.precedence or ())
    if spec.same is not None:
        return _compared(spec.same, field_lookups(pack))
    if spec.join is not None:
        return _joined(spec.join, spec.joined_by, field_lookups(pack))
    if spec.attribution is not None and pack.attribution is not None:
        return _attributed(pack.attribution, field_lookups(pack))
    return lambda _: MISSING


def _from_fields(references: tuple[str, ...], lookups: Lookups) -> Find:
    """Take the first one that is present."""
    getters = [reference_getter(reference, lookups) for reference in references]

    def find(scope: Scope) -> object:
        for get in getters:
            value = get(scope.values)
            if value is not None:
                return value
        return MISSING

    return find


def _joined(references: tuple[str, ...], joined_by: str, lookups: Lookups) -> Find:
    """Join texts; where one is absent, so is the whole."""
    getters = [reference_getter(reference, lookups) for reference in references]

    def find(scope: Scope) -> object:
        parts = [get(scope.values) for get in getters]
        return MISSING if None in parts else joined_by.join(map(as_text, parts))

    return find


def _compared(references: tuple[str, ...], lookups: Lookups) -> Find:
    """Tell whether all are the same; a number is the same as its text."""
    getters = [reference_getter(reference, lookups) for reference in references]

    def find(scope: Scope) -> object:
        found = [get(scope.values) for get in getters]
        if None in found:
            return MISSING
        return len({as_text(one) if type(one) in (int, str) else one for one in found}) == 1

    return find


def _foremost(reference: str, precedence: tuple[str, ...]) -> Find:
    """Take the first of these codes that any item has."""
    name, _, inner = reference.partition(".")

    def find(scope: Scope) -> object:
        items = scope.values[name]
        found = {item[inner] for item in items} if isinstance(items, tuple) else set()
        return next((code for code in precedence if code in found), MISSING)

    return find


def _attributed(attribution: document.Attribution, lookups: Lookups) -> Find:
    attribute = compile_attribution(attribution)
    reasons = [reference_getter(reference, lookups) for reference in attribution.reason]
    return lambda scope: attribute([get(scope.values) for get in reasons])


Recall = Callable[[Job], Values]
Record = Mapping[str, object]
_NOTHING = Message(None, "", {})
_NOBODY = JobRef("", "")


def compile_recall(pack: document.PackDocument, references: Collection[str]) -> Recall:
    """Make a function that gives these fields, or columns of their tables, and what they are made of."""
    names = pack.fields_below(references)
    fields = [compile_field(name, spec, pack) for name, spec in pack.fields.items() if name in names]

    def recall(job: Job) -> Values:
        scope = Scope(_NOTHING, job, FieldVersions(job), values=states_of(job), record={**job.record}, tolerant=True)
        for field in fields:
            scope.values[field.name] = _value(field, scope)
        return scope.values

    return recall


def recalled_field(field: Field) -> Callable[[Record], object]:
    """Make a function that gives the value of a field that is read by a path; its default where it is not known."""

    def find(record: Record) -> object:
        job = Job(ref=_NOBODY, record=record)
        return _value(field, Scope(_NOTHING, job, FieldVersions(job)))

    return find


def _value(field: Field, scope: Scope) -> object:
    """A field that is remembered has its raw value in the record; one that is made is made again."""
    raw = scope.job.record.get(field.name, MISSING) if field.in_data is not None else field.find(scope)
    if raw is MISSING:
        return field.default
    scope.explained[field.name] = {}  # items are explained as they are read
    try:
        return field.convert(raw, scope)
    except (Unfit, Misread):
        return field.default
