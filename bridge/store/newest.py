"""The newest rows of a table, whoever's they are, at the same cost however many there are.

No index has all rows by their age: each begins with whose they are, as Buyers ask. So the newest of each group are
found by that index, a group for each value of its first columns, and of these the newest of all. Which Buyers there are
is found by the index, too, from one to the next.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    func,
    literal,
    literal_column,
    select,
    true,
    tuple_,
    union_all,
)

Values = Collection[str] | str | None
"""Of a column of the index: the values that there may be, the one that is asked for, or None for whatever there is."""


def newest(
    table: Table, groups: dict[str, Values], limit: int, *, lateral: bool, before: tuple[Any, str] | None = None
) -> Select[Any]:
    """Choose rows, newest first by `created_at` and `id`, which an index has in this order behind the `groups`.

    `before` is the `created_at` and the `id` of the row to go on behind.
    """
    first, *others = [_group(table, name, values) for name, values in groups.items()]
    of_groups: FromClause = first
    for other in others:
        of_groups = of_groups.join(other, true())
    inner = table.alias("one")
    same = [inner.c[name] == each.c[name] for name, each in zip(groups, [first, *others], strict=True)]
    found = select(inner.c.id, inner.c.created_at).where(*same)
    if before is not None:
        at, id_ = before
        key = tuple_(literal(at, type_=table.c.created_at.type), literal(id_, type_=table.c.id.type))
        found = found.where(tuple_(inner.c.created_at, inner.c.id) < key)
    found = found.order_by(inner.c.created_at.desc(), inner.c.id.desc()).limit(limit)
    found = found.correlate(first, *others)
    if lateral:
        each = found.lateral("each")
        of_each: FromClause = of_groups.join(each, true())
    else:  # as SQLite says it
        each = table.alias("each")  # type: ignore[assignment]
        of_each = of_groups.join(each, each.c.id.in_(found.with_only_columns(inner.c.id)))
    chosen = (
        select(each.c.id)
        .select_from(of_each)
        .order_by(each.c.created_at.desc(), each.c.id.desc())
        .limit(limit)
        .subquery("newest")
    )
    rows = select(table).join(chosen, chosen.c.id == table.c.id)
    return rows.order_by(table.c.created_at.desc(), table.c.id.desc())


def _group(table: Table, name: str, values: Values) -> FromClause:
    if values is None:
        return _there(table, name)
    if isinstance(values, str):
        return select(literal(values, type_=table.c[name].type).label(name)).subquery(f"the_{name}")
    each = [select(literal_column(f"'{value}'", table.c[name].type).label(name)) for value in values]
    return union_all(*each).subquery(f"each_{name}")


def _there(table: Table, name: str) -> FromClause:
    """Find the values of an index's first column, each from the one before."""
    smallest: ColumnElement[Any] = func.min(table.c[name], type_=table.c[name].type)
    known = select(smallest.label(name)).cte(f"known_{name}", recursive=True)
    following = select(smallest).where(table.c[name] > known.c[name]).correlate(known).scalar_subquery()
    known = known.union_all(select(following).where(known.c[name].is_not(None)))
    return select(known.c[name]).where(known.c[name].is_not(None)).subquery(f"any_{name}")
