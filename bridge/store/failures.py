"""What a database driver's exception means to us. Said once, here.

No answer, or an answer that another try may change (a deadlock, a lock not had in time), is `StoreUnavailable`. A
constraint that two may race for is `ConflictError`; any other broken constraint is our own `StoreDefect`. Anything else
is a defect too, and passes unchanged.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bridge.errors import BridgeError, ConflictError, StoreDefect, StoreUnavailable

# Primary result codes of SQLite (sqlite.org/rescode.html): busy, locked, read-only, I/O error, corrupt, full, cannot
# open, locking protocol, not a database.
_SQLITE_TROUBLE = frozenset({5, 6, 8, 10, 11, 13, 14, 15, 26})

# SQLSTATE classes of PostgreSQL (appendix A): connection, authorisation, transaction rollback (deadlock), no such
# database, resources, lock not available, operator intervention, system error.
_POSTGRES_TROUBLE = ("08", "28", "40", "3D", "53", "55P03", "57", "58")

# What two requests may race for, as each database names it: an open Appointment, a booking under way (R20), a command
# or a listener whose id comes from a request that is tried again.
_RACES = {
    "uq_appointments_one_open": "appointments.work_order_id",
    "uq_commands_one_booking": "commands.work_order_id",
    "pk_commands": "commands.id",
    "pk_subscriptions": "subscriptions.id",
}
_RACES_IN_SQLITE = frozenset(f"UNIQUE constraint failed: {column}" for column in _RACES.values())


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
        return _broken_constraint(failure)
    if isinstance(failure, PoolTimeout | OSError) or _is_trouble(failure):
        return StoreUnavailable(f"the database does not answer: {getattr(failure, 'orig', None) or failure!r}")
    return None


def _broken_constraint(failure: IntegrityError) -> BridgeError:
    kind = ConflictError if _is_race(failure.orig) else StoreDefect
    return kind(f"the database refused a change: {failure.orig}")


def _is_race(refusal: BaseException | None) -> bool:
    """SQLite names the column, never the index; the driver of PostgreSQL's own error is the cause of SQLAlchemy's."""
    name = getattr(refusal.__cause__ if refusal else None, "constraint_name", None)
    return name in _RACES or str(refusal) in _RACES_IN_SQLITE


def _is_trouble(failure: Exception) -> bool:
    if isinstance(failure, DBAPIError) and failure.connection_invalidated:
        return True
    cause = getattr(failure, "orig", failure)
    sqlite_code = getattr(cause, "sqlite_errorcode", None)
    if sqlite_code is not None:
        return sqlite_code & 0xFF in _SQLITE_TROUBLE
    return (getattr(cause, "sqlstate", None) or "").startswith(_POSTGRES_TROUBLE)
