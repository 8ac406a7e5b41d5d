"""A Buyer's list: its filters as statements that are built once for each combination of them, and its pages.

A short list is counted with each page, in the same round trip: no more than `COUNTED` rows of it are looked at. Of a
longer one a survey says how long it is, and where a page begins (`surveys.py`).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Generic, NamedTuple, TypeVar

from sqlalchemy import BigInteger, ColumnElement, Select, Table, bindparam, func, literal_column, select, tuple_

from bridge.batcher import Batcher
from bridge.flows.ports.buyer_views import Page
from bridge.store.direct import Direct, Rows
from bridge.store.filters import SEVERAL, Filter, Given
from bridge.store.session import Database
from bridge.store.surveys import STEP, Key, Surveys

V = TypeVar("V")

COUNTED: Final = 100
"""So long a list is counted with each page, and its pages are found by their offset."""


AT_ONCE: Final = 16
"""Pages of one kind that are read by one statement at most."""


class _Shape(NamedTuple):
    """The statements of one combination of filters.

    `counted` reads a page and counts up to `COUNTED` rows and one, `some` only counts so; `first` and `after` read a
    page from the beginning or a key on; `keys` is a survey, `rest` and `rest_after` count what is behind its last key.
    """

    counted: Direct
    some: Direct
    first: Direct
    after: Direct
    keys: Direct
    rest: Direct
    rest_after: Direct


class Listing(Generic[V]):
    """The list of a table, oldest first. `make` reads a row of `columns`."""

    def __init__(
        self,
        database: Database,
        table: Table,
        columns: Sequence[ColumnElement[Any]],
        filters: Mapping[str, Filter],
        make: Callable[[Sequence[Any]], V],
    ) -> None:
        self._database = database
        self._table = table
        self._columns = columns
        self._filters = filters
        self._make = make
        self._shapes: dict[frozenset[str], _Shape] = {}
        self._surveys = Surveys()
        self._pages: dict[Direct, Batcher[Given, Rows]] = {}
        self._one_survey = asyncio.Semaphore(1)

    async def close(self) -> None:
        """End what is under way."""
        await self._surveys.close()
        for pages in self._pages.values():
            await pages.stop()

    async def page(self, given: Given, offset: int, limit: int) -> Page[V]:
        """Read a page, and tell how long the list is."""
        asked = frozenset(given.items())

        async def take() -> tuple[int, Sequence[Key]]:
            return await self._survey(given)

        survey = self._surveys.known(asked, take)
        if survey is None and offset <= COUNTED:
            page = await self._counted(given, offset, limit)
            if page.total <= COUNTED:
                return page
            survey = await self._surveys.taken(asked, take)
            return Page(page.items, max(survey.total, offset + len(page.items)))
        survey = survey or await self._surveys.taken(asked, take)
        key, skipped = survey.before(offset)
        shape = self._shape(given)
        where = {"_created_at": key.created_at, "_id": key.id} if key else {}
        rows = await self._rows(shape.after if key else shape.first, given, _skip=skipped, _most=limit, **where)
        items = tuple(map(self._make, rows))
        return Page(items, max(survey.total, offset + len(items)) if items else survey.total)

    async def _counted(self, given: Given, offset: int, limit: int) -> Page[V]:
        """Read a page and count the list; a total of more than `COUNTED` only says that there are more."""
        shape = self._shape(given)
        rows = await self._rows(shape.counted, given, _skip=offset, _most=limit)
        if rows:
            return Page(tuple(self._make(row) for row in rows), rows[0][-1])
        ((total,),) = await self._fetch(shape.some, given)
        return Page((), total)

    async def _survey(self, given: Given) -> tuple[int, Sequence[Key]]:
        shape = self._shape(given)
        async with self._one_survey:
            keys = [Key(*row) for row in await self._fetch(shape.keys, given)]
            last = {"_created_at": keys[-1].created_at, "_id": keys[-1].id} if keys else {}
            ((rest,),) = await self._fetch(shape.rest_after if keys else shape.rest, given, **last)
        return len(keys) * STEP + rest, keys

    async def _rows(self, query: Direct, given: Given, **values: Any) -> Rows:
        """Read a page, together with those that are asked for at the same time by the same filters."""
        pages = self._pages.get(query)
        if pages is None:
            pages = self._pages[query] = Batcher(partial(self._fetch_pages, query), max_items=AT_ONCE)
        return await pages.submit({**given, **values})

    async def _fetch_pages(self, query: Direct, asked: Sequence[Given]) -> Sequence[Rows]:
        joined = self._database.dialect.name == "postgresql" and len(asked) > 1 and not SEVERAL & asked[0].keys()
        if joined:
            return query.rows_of_many(await self._database.fetch(query.bind_many(asked)), len(asked))
        found = await self._database.fetch_each([query.bind(values) for values in asked])
        return [query.read(rows) for rows in found]

    async def _fetch(self, query: Direct, given: Given, **values: Any) -> Rows:
        return query.read(await self._database.fetch(query.bind({**given, **values})))

    def _shape(self, given: Given) -> _Shape:
        names = frozenset(given)
        shape = self._shapes.get(names)
        if shape is None:
            shape = self._shapes[names] = self._made(sorted(names))
        return shape

    def _made(self, names: Sequence[str]) -> _Shape:
        table, dialect = self._table, self._database.dialect
        own = [self._filters[name](name, dialect.name == "postgresql") for name in names]
        order = table.c.created_at, table.c.id
        later = tuple_(*order) > tuple_(
            bindparam("_created_at", type_=table.c.created_at.type), bindparam("_id", type_=table.c.id.type)
        )
        rows = (
            select(*self._columns, table.c.created_at)
            .where(*own)
            .order_by(*order)
            .offset(bindparam("_skip", type_=BigInteger()))
            .limit(bindparam("_most", type_=BigInteger()))
        )
        rest: Select[Any] = select(literal_column("1")).select_from(table).where(*own)
        some = _count(rest.limit(literal_column(str(COUNTED + 1))))
        placed = select(*order, func.row_number().over(order_by=order).label("place")).where(*own).subquery("placed")
        keys = (
            select(placed.c.created_at, placed.c.id)
            .where(placed.c.place % literal_column(str(STEP)) == literal_column("0"))
            .order_by(placed.c.place)
        )
        queries = (
            rows.add_columns(some.scalar_subquery().label("total")),
            some,
            rows,
            rows.where(later),
            keys,
            _count(rest),
            _count(rest.where(later)),
        )
        return _Shape(*(Direct(query, dialect, ("created_at", "id")) for query in queries))


def _count(rows: Select[Any]) -> Select[Any]:
    return select(func.count()).select_from(rows.subquery("counted"))
