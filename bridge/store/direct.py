"""Reads on the driver itself: statements compiled once, and run without BEGIN and COMMIT.

A statement sees one moment of the database by itself, on both databases. SQLAlchemy would bind its parameters by name,
begin a transaction, wrap each row and commit: where one row is read, that is most of the cost.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import BindParameter, Dialect, Select, literal_column
from sqlalchemy.sql.visitors import replacement_traverse

from bridge.store.columns import Convert
from bridge.store.lender import Bound

Rows = Sequence[tuple[Any, ...]]


class Direct:
    """A query for the driver of one database: its text, and what makes its parameters and reads its rows."""

    def __init__(self, query: Select[Any], dialect: Dialect, order: Sequence[str] = ()) -> None:
        """`order` names the columns by which the rows are ordered."""
        compiled: Any = query.compile(dialect=dialect)
        self._query, self._dialect, self._order = query, dialect, order
        self._types: dict[str, Any] = {name: bind.type for name, bind in compiled.binds.items()}
        names: Sequence[str] = compiled.positiontup or ()
        self._sql = str(compiled)
        self._fixed: Mapping[str, Any] = compiled.params
        self._writers = [
            (name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in names
        ]
        columns: list[Any] = list(query.selected_columns)
        readers = [each.type.dialect_impl(dialect).result_processor(dialect, None) for each in columns]
        self._readers = [(place, read) for place, read in enumerate(readers) if read is not None]

    def bind_many(self, asked: Sequence[Mapping[str, Any]]) -> Bound:
        """Put several sets of values into one statement of PostgreSQL's. Its rows begin with the number of their set,
        from 1 on, and are those of `rows_of_many`.
        """
        sql, writers = self._many
        return Bound(sql, [[_converted(write, values[name]) for values in asked] for name, write in writers])

    def rows_of_many(self, rows: Sequence[Sequence[Any]], count: int) -> list[Rows]:
        """Give the rows of each set."""
        found: list[list[Sequence[Any]]] = [[] for _ in range(count)]
        for number, *values in rows:
            found[number - 1].append(values)
        return [self.read(each) for each in found]

    @cached_property
    def _many(self) -> tuple[str, Sequence[tuple[str, Convert | None]]]:
        """The statement with columns of a list in place of its parameters, and what writes those."""
        types = {name: self._types[name].compile(self._dialect) for name, _ in self._writers}
        inner: Any = replacement_traverse(self._query, {}, _column_for)
        arrays = ", ".join(f"${place}::{type_}[]" for place, type_ in enumerate(types.values(), 1))
        names = ", ".join([*types, "number"])
        order = ", ".join(f"page.{name}" for name in self._order)
        page = str(inner.compile(dialect=self._dialect))
        sql = (
            f"SELECT asked.number, page.* FROM unnest({arrays}) WITH ORDINALITY AS asked({names}) "  # noqa: S608
            f"CROSS JOIN LATERAL ({page}) AS page ORDER BY asked.number, {order}"
        )
        return sql, list(dict(self._writers).items())

    def bind(self, values: Mapping[str, Any]) -> Bound:
        """Put values, by name, in the order of the parameters. What has no value is part of the query itself."""
        given = {**self._fixed, **values}
        return Bound(self._sql, [_converted(write, given[name]) for name, write in self._writers])

    def read(self, rows: Sequence[Sequence[Any]]) -> Rows:
        """Give the rows with values as our columns have them."""
        found = []
        for row in rows:
            values = list(row)
            for place, convert in self._readers:
                values[place] = convert(values[place])
            found.append(tuple(values))
        return found


def _column_for(element: Any, **_: Any) -> Any:
    return literal_column(f"asked.{element.key}", element.type) if isinstance(element, BindParameter) else None


def _converted(convert: Convert | None, value: Any) -> Any:
    return value if convert is None else convert(value)
