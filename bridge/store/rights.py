"""What the user of the URL may do in PostgreSQL. What is missing is told before any work begins, with the GRANT."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import bindparam, text

from bridge.errors import PermanentError
from bridge.store.schema_session import SchemaSession
from bridge.store.tables import metadata

_TABLES: Final = [table.name for table in metadata.sorted_tables]
# The schema that new tables come into; NULL if no schema of the search path may be used.
_HOME: Final = text(
    "SELECT current_user::text AS user, current_schema()::text AS schema, "
    "coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create"
)
_OTHERS_TABLES: Final = text(
    "SELECT tablename::text AS name, tableowner::text AS owner FROM pg_tables "
    "WHERE schemaname = current_schema() AND tablename IN :names AND NOT pg_has_role(tableowner, 'USAGE') "
    "ORDER BY tablename"
).bindparams(bindparam("names", expanding=True))
_MISSING: Final = text(
    "SELECT name, privilege "
    "FROM unnest(CAST(:names AS text[])) AS name, unnest(CAST(:privileges AS text[])) AS privilege "
    "WHERE NOT has_table_privilege(to_regclass(quote_ident(name)), privilege) ORDER BY name, privilege"
)
_NO_SEQUENCE: Final = text(
    "SELECT name FROM unnest(CAST(:names AS text[])) AS name "
    "WHERE to_regclass(quote_ident(name)) IS NOT NULL "
    "AND NOT has_sequence_privilege(pg_get_serial_sequence(quote_ident(name), 'number'), 'USAGE') ORDER BY name"
)
_NUMBERED: Final = [table.name for table in metadata.sorted_tables if "number" in table.c]
CHANGES: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
READS: Final = ("SELECT",)


async def may_make_tables(session: SchemaSession) -> None:
    """Raise `PermanentError` unless the tables can be made, or those that are there be changed."""
    (home,) = await session.rows(_HOME)
    user, schema = home["user"], home["schema"]
    if schema is None:
        raise PermanentError(
            f'user {user!r} may use no schema of its search_path: GRANT USAGE, CREATE ON SCHEMA public TO "{user}", or '
            "name another in database.url (?search_path=…)"
        )
    if not home["may_create"]:
        raise PermanentError(
            f'user {user!r} has no right to make tables in schema {schema!r}: GRANT USAGE, CREATE ON SCHEMA "{schema}" '
            f'TO "{user}"'
        )
    others = await session.rows(_OTHERS_TABLES, {"names": _TABLES})
    if others:
        raise PermanentError(
            f"the tables must be brought up to date, which only their owner {others[0]['owner']!r} may, not {user!r}: "
            "let the owner run mef-bridge serve once, or GRANT the owner's role"
        )


async def may_use_tables(session: SchemaSession, privileges: Sequence[str] = CHANGES) -> None:
    """Raise `PermanentError` unless the tables that are there can be used."""
    await _refuse_missing(session, _TABLES, privileges)
    if privileges == CHANGES:
        without = await session.rows(_NO_SEQUENCE, {"names": _NUMBERED})
        await _refuse(session, {row["name"]: ["USAGE of its sequence"] for row in without})


async def may_read(session: SchemaSession, table: str) -> None:
    """Raise `PermanentError` if the table is there and cannot be read."""
    await _refuse_missing(session, [table], READS)


async def _refuse_missing(session: SchemaSession, tables: Sequence[str], privileges: Sequence[str]) -> None:
    missing: dict[str, list[str]] = {}
    for row in await session.rows(_MISSING, {"names": list(tables), "privileges": list(privileges)}):
        missing.setdefault(row["name"], []).append(row["privilege"])
    await _refuse(session, missing)


async def _refuse(session: SchemaSession, missing: Mapping[str, Sequence[str]]) -> None:
    if not missing:
        return
    (home,) = await session.rows(_HOME)
    table, lacking = next(iter(missing.items()))
    more = f" and {len(missing) - 1} other tables" if len(missing) > 1 else ""
    raise PermanentError(
        f"user {home['user']!r} lacks {', '.join(lacking)} on table {table!r}{more}: GRANT SELECT, INSERT, UPDATE, "
        f'DELETE ON ALL TABLES IN SCHEMA "{home["schema"]}" TO "{home["user"]}", and USAGE ON ALL SEQUENCES'
    )
