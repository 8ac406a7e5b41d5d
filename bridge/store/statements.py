"""Statements as a driver takes them: compiled once, and bound and read without SQLAlchemy.

SQLAlchemy looks a statement up, binds its parameters by name, runs the driver in a greenlet and wraps each row. Where
one event makes some twenty statements of a row or two, that was most of what the event cost.

A list of keys (`expanding`) is one parameter: PostgreSQL takes it as an array, SQLite as JSON. So the text does not
depend on how many there are, and is planned once.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

import orjson
from sqlalchemy import Dialect, Executable, TextClause

from bridge.store.columns import Convert

_PARAMETER: Final = re.compile(r"\$(\d+)")
_LIST: Final = re.compile(r"(NOT )?IN \(__\[POSTCOMPILE_(\w+)\]\)")

_FLOAT8: Final = 701
"""PostgreSQL's number of the type of all our numbers that are not whole; it matters to no other type."""


class Statement:
    """A statement for one driver: its `sql`, what makes its parameters, and what reads its rows."""

    def __init__(self, statement: Executable, dialect: Dialect, given: Sequence[str] | None) -> None:
        """`given` names the columns that an INSERT or UPDATE gets values for."""
        compiled: Any = statement.compile(dialect=dialect, column_keys=given)  # type: ignore[attr-defined]
        self._fixed: Mapping[str, Any] = compiled.params
        lists = {compiled.bind_names[each] for each in compiled.post_compile_params}
        names: list[str] = list(compiled.positiontup or ())
        if dialect.name == "postgresql":  # its parameters have numbers, lists after all others
            names.sort(key=lists.__contains__)
            self.sql = _LIST.sub(lambda found: _array(found, names), str(compiled))
        else:
            self.sql = _LIST.sub(r"\1IN (SELECT value FROM json_each(?))", str(compiled))
        self._writers = [(name, _writer(compiled.binds[name].type, dialect, of_list=name in lists)) for name in names]
        self._names, self._readers = _columns_of(statement, dialect)

    @property
    def width(self) -> int:
        """How many parameters it has."""
        return len(self._writers)

    def bind(self, values: Mapping[str, Any] | None) -> list[Any]:
        """Put values, by name, in the order of the parameters. What has no value is part of the statement itself."""
        given = self._fixed if not values else {**self._fixed, **values}
        return [given[name] if write is None else write(given[name]) for name, write in self._writers]

    def read(self, rows: Sequence[Any]) -> list[dict[str, Any]]:
        """Give the driver's rows by the names of the columns, with values as our columns have them."""
        found: list[dict[str, Any]] = []
        for values in rows:
            row = dict(zip(self._names, values, strict=True))
            for name, convert in self._readers:
                row[name] = convert(row[name])
            found.append(row)
        return found


class Together:
    """Several INSERTs as one statement of PostgreSQL's, which checks what they refer to at its end.

    Its rows are the numbers that the database gave to the rows of those `numbered`, each after the place of its INSERT.
    """

    def __init__(self, parts: Sequence[Statement], numbered: Collection[int]) -> None:
        texts, before = [], 0
        for part in parts:
            texts.append(_shifted(part.sql, before))
            before += part.width
        numbers = [f"SELECT {place} AS part, number FROM part{place}" for place in sorted(numbered)]  # noqa: S608
        last = f"{' UNION ALL '.join(numbers)} ORDER BY part, number" if numbers else texts.pop()
        beside = ", ".join(f"part{place} AS ({text})" for place, text in enumerate(texts))
        self.sql = f"WITH {beside} {last}" if beside else last


def _shifted(sql: str, by: int) -> str:
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by}", sql)


class Statements:
    """The statements of one database, each compiled when it is first run, and kept as long as it lives."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._known: WeakKeyDictionary[Executable, dict[tuple[str, ...], Statement]] = WeakKeyDictionary()
        self._together: dict[tuple[Statement, ...], Together] = {}

    def of(self, statement: Executable, values: Collection[str]) -> Statement:
        """Give a statement that gets these values."""
        forms = self._known.setdefault(statement, {})
        given = tuple(values) if statement.is_dml else ()
        if given not in forms:
            forms[given] = Statement(statement, self._dialect, list(given) if statement.is_dml else None)
        return forms[given]

    def together(self, parts: Sequence[Statement], numbered: Collection[int]) -> Together:
        """Give INSERTs as one; `numbered` are the places of those whose rows have a number."""
        key = tuple(parts)
        if key not in self._together:
            self._together[key] = Together(key, numbered)
        return self._together[key]


def _array(found: re.Match[str], names: Sequence[str]) -> str:
    place = names.index(found[2]) + 1
    return f"<> ALL (${place})" if found[1] else f"= ANY (${place})"


def _writer(type_: Any, dialect: Dialect, *, of_list: bool) -> Convert | None:
    """Give what writes a value, or a list of such: PostgreSQL takes it as it is, SQLite as JSON."""
    write: Convert | None = type_.dialect_impl(dialect).bind_processor(dialect)
    if not of_list:
        return write
    if dialect.name == "postgresql":
        return list if write is None else lambda values: [write(value) for value in values]
    if write is None:
        return lambda values: orjson.dumps(list(values)).decode()
    return lambda values: orjson.dumps([write(value) for value in values]).decode()


def _columns_of(statement: Any, dialect: Dialect) -> tuple[list[str], list[tuple[str, Convert]]]:
    """Name the columns that a statement gives, and say what reads those that are not what the driver gives."""
    columns = () if isinstance(statement, TextClause) else list(statement.exported_columns)
    readers = [(each.name, each.type.dialect_impl(dialect).result_processor(dialect, _FLOAT8)) for each in columns]
    return [each.name for each in columns], [(name, read) for name, read in readers if read is not None]
