"""Inserts of any number of rows in one statement, built once: what a batch of messages writes, table by table.

SQLAlchemy binds each value of each row by its name, and PostgreSQL's driver speaks to the server for each row. Here
rows are turned into columns, and each is bound by its type's own processor: PostgreSQL takes them as arrays, SQLite row
by row, but by position.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Table, bindparam, column, func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import ARRAY, Insert

from bridge.store.session import Session, insert

_SQLITE = sqlite.dialect(paramstyle="qmark")


def _as_it_is(statement: Insert) -> Insert:
    return statement


class Bulk:
    """An INSERT into all columns of a table but those that the database fills (`without`).

    `conflict` adds what is to be done with rows that are there; it may bring no parameters.
    """

    def __init__(
        self, table: Table, conflict: Callable[[Insert], Insert] = _as_it_is, *, without: Collection[str] = ()
    ) -> None:
        self._table = table
        self._conflict = conflict
        self._columns = [each for each in table.c if each.name not in without]

    async def run(self, session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows, in their order, each with a value for each column."""
        if not rows:
            return
        columns = [[row[each.name] for row in rows] for each in self._columns]
        if session.is_postgres:
            names = [each.name for each in self._columns]
            await session.run(self._of_arrays, dict(zip(names, columns, strict=True)))
            return
        sql, processors = self._of_rows
        bound = [
            values if process is None else map(process, values)
            for process, values in zip(processors, columns, strict=True)
        ]
        await session.run_plain(sql, list(zip(*bound, strict=True)))

    @cached_property
    def _of_arrays(self) -> Insert:
        arrays = [bindparam(each.name, type_=ARRAY(each.type, dimensions=1)) for each in self._columns]
        names = [column(each.name, each.type) for each in self._columns]
        new = func.unnest(*arrays).table_valued(*names, with_ordinality="arrival", name="new").render_derived()
        rows = select(*(new.c[each.name] for each in self._columns)).order_by(new.c.arrival)
        return self._conflict(insert(self._table).from_select([each.name for each in self._columns], rows))

    @cached_property
    def _of_rows(self) -> tuple[str, Sequence[Callable[[Any], Any] | None]]:
        statement = self._conflict(
            insert(self._table).values({each.name: bindparam(each.name) for each in self._columns})
        )
        processors = [each.type.dialect_impl(_SQLITE).bind_processor(_SQLITE) for each in self._columns]
        return str(statement.compile(dialect=_SQLITE)), processors
