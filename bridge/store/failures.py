"""What a database driver's exception means to us. Said once, here.

No answer, or an answer that another try may change (a deadlock, a lock not had in time), is `StoreUnavailable`; a
broken constraint is `ConflictError`; anything else is a defect and passes unchanged.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bridge.errors import BridgeError, ConflictError, StoreUnavailable

# Primary result codes of SQLite (sqlite.org/rescode.html): busy, locked, read-only, I/O error, corrupt, full, cannot
# open, locking protocol, not a database.
_SQLITE_TROUBLE = frozenset({5, 6, 8, 10, 11, 13, 14, 15, 26})

# SQLSTATE classes of PostgreSQL (appendix A): connection, authorisation, transaction rollback (deadlock), no such
# database, resources, lock not available, operator intervention, system error.
_POSTGRES_TROUBLE = ("08", "28", "40", "3D", "53", "55P03", "57", "58")


@contextmanager
def translated() -> Iterator[None]:
    """Run database calls, and only those: raises our errors from the driver's."""
    try:
        yield
    except (DBAPIError, PoolTimeout, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as failure:
        ours = _classify(failure)
        if ours is None:
            raise
        raise ours from failure


def _classify(failure: Exception) -> BridgeError | None:
    if isinstance(failure, IntegrityError):
        return ConflictError(f"the database refused a change: {failure.orig}")
    if isinstance(failure, PoolTimeout | OSError) or _is_trouble(failure):
        return StoreUnavailable(f"the database does not answer: {getattr(failure, 'orig', None) or failure!r}")
    return None


def _is_trouble(failure: Exception) -> bool:
    if isinstance(failure, DBAPIError) and failure.connection_invalidated:
        return True
    cause = getattr(failure, "orig", failure)
    sqlite_code = getattr(cause, "sqlite_errorcode", None)
    if sqlite_code is not None:
        return sqlite_code & 0xFF in _SQLITE_TROUBLE
    return (getattr(cause, "sqlstate", None) or "").startswith(_POSTGRES_TROUBLE)
