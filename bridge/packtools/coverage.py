"""What of a pack its cases have used: rules, the codes of fields, the rows of the tables that fields look up."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from bridge.mapping.document import FieldSpec, PackDocument
from bridge.mapping.reading.references import codes
from bridge.packtools.sandbox import Happened

Kind = Literal["rules", "codes", "rows"]


@dataclass(frozen=True, slots=True)
class Covered:
    """How much of one thing was used."""

    what: str
    used: tuple[str, ...]
    unused: tuple[str, ...]

    @property
    def percent(self) -> float:
        """The part that was used; 100 of nothing."""
        every = len(self.used) + len(self.unused)
        return 100 * len(self.used) / every if every else 100.0


class Coverage:
    """Collects what happened in the cases of one pack."""

    def __init__(self, document: PackDocument) -> None:
        self._document = document
        self._rules: set[str] = set()
        self._specs = dict(_specs(document))
        self._values: dict[str, set[str]] = {name: set() for name in self._specs}

    def add(self, happened: Happened) -> None:
        """Count what one message used."""
        if happened.rule is not None:
            self._rules.add(happened.rule)
        self.add_explained(happened.explanation.get("fields"))

    def add_explained(self, fields: object) -> None:
        """Count the codes of the fields that an explanation tells of."""
        self._add_values("", fields)

    def _add_values(self, prefix: str, fields: object) -> None:
        for name, field in fields.items() if isinstance(fields, Mapping) else ():
            if not isinstance(field, Mapping):
                continue
            if isinstance(field.get("value"), str):
                self._values.setdefault(prefix + name, set()).add(field["value"])
            for item in field.get("items", {}).values():
                self._add_values(f"{name}.", item)

    def rules(self) -> Covered:
        """Say which rules decided."""
        return _covered("rules", [rule.rule for rule in self._document.rules], self._rules)

    def of(self, kind: Kind) -> Covered:
        """Say it of all rules, codes or rows together."""
        parts = {"rules": [self.rules()], "codes": self.codes(), "rows": self._rows()}[kind]
        used = tuple(one for part in parts for one in part.used)
        unused = tuple(one for part in parts for one in part.unused)
        return Covered(kind, used, unused)

    def all(self) -> tuple[Covered, ...]:
        """Say it of the rules, then of each field's codes and each table's rows, in the order of the pack."""
        return (self.rules(), *self.codes(), *self._rows())

    def codes(self) -> list[Covered]:
        """Say which codes of each closed field came."""
        return [
            _covered(f"codes of field {name}", spec.values, self._values[name])
            for name, spec in self._specs.items()
            if spec.values is not None
        ]

    def _rows(self) -> list[Covered]:
        used: dict[str, set[str]] = {}
        for name, spec in self._specs.items():
            if spec.table is not None:
                used.setdefault(spec.table, set()).update(self._values[name])
        tables = self._document.tables
        return [_covered(f"rows of table {name}", codes(tables[name]), values) for name, values in used.items()]


def _specs(document: PackDocument) -> Iterator[tuple[str, FieldSpec]]:
    """Give all fields, those of items behind the name of the list: `technicians.state`."""
    for name, spec in document.fields.items():
        yield name, spec
        for inner, one in spec.fields.items():
            yield f"{name}.{inner}", one


def _covered(what: str, every: Collection[str], used: set[str]) -> Covered:
    return Covered(what, tuple(one for one in every if one in used), tuple(one for one in every if one not in used))
