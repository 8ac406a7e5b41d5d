"""Requests with an `Idempotency-Key`: who works on one, and how it was answered."""

from datetime import datetime

from sqlalchemy import and_, bindparam, delete, select

from bridge.flows.ports.keyed_request import KeyedRequest, RequestKey, StoredAnswer
from bridge.store.columns import Row
from bridge.store.session import Database, Session, insert_new, upsert
from bridge.store.tables import requests

_IS_KEY = and_(*(column == bindparam(f"of_{column.name}") for column in requests.primary_key))
_STORE_NEW = insert_new(requests)
_LOCK = select(requests).where(_IS_KEY).with_for_update()
_SAVE = upsert(requests)
_FORGET = delete(requests).where(_IS_KEY)
_FORGET_UNTIL = delete(requests).where(requests.c.expires_at <= bindparam("until", type_=requests.c.expires_at.type))


class Requests:
    """The requests as they are kept for a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def forget_until(self, until: datetime) -> int:
        """Delete those that expire until then; return how many there were."""
        async with self._database.write() as session:
            return await session.run(_FORGET_UNTIL, {"until": until})


# Within a unit of work


async def lock(session: Session, first: KeyedRequest) -> KeyedRequest:
    """Store the request if its key is new; lock and read what is stored then. Others wait until we commit."""
    await session.run(_STORE_NEW, _row(first))
    found = await session.row(_LOCK, _key(first.key))
    return first if found is None else _request(found)


async def save(session: Session, request: KeyedRequest) -> None:
    """Overwrite the request with this key."""
    await session.run(_SAVE, _row(request))


async def forget(session: Session, key: RequestKey) -> None:
    """Delete the request with this key."""
    await session.run(_FORGET, _key(key))


def _key(key: RequestKey) -> dict[str, str]:
    return {"of_requester": key.requester, "of_operation": key.operation, "of_key": key.key}


def _row(request: KeyedRequest) -> dict[str, object]:
    answer = request.answer
    return {
        **request.key._asdict(),
        "fingerprint": request.fingerprint,
        "effect": request.effect,
        "instance": request.instance,
        "claim": request.claim,
        "claimed_until": request.claimed_until,
        "expires_at": request.expires_at,
        "status": answer.status if answer else None,
        "headers": answer.headers if answer else None,
        "body": answer.body if answer else None,
    }


def _request(row: Row) -> KeyedRequest:
    return KeyedRequest(
        key=RequestKey(row["requester"], row["operation"], row["key"]),
        fingerprint=row["fingerprint"],
        effect=row["effect"],
        instance=row["instance"],
        claim=row["claim"],
        claimed_until=row["claimed_until"],
        expires_at=row["expires_at"],
        answer=None if row["status"] is None else StoredAnswer(row["status"], row["headers"], row["body"]),
    )
