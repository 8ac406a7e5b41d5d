"""Requests with an `Idempotency-Key`: who works on one, and how it was answered."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, select

from bridge.flows.ports import KeyedRequest, RequestKey, StoredAnswer
from bridge.store.rows import Row
from bridge.store.session import Session
from bridge.store.tables import requests


async def lock(session: Session, first: KeyedRequest) -> KeyedRequest:
    """Store the request if its key is new; lock and read what is stored then. Others wait until we commit."""
    await session.insert_new(requests, [_row(first)])
    found = await session.row(select(requests).where(_is(first.key)).with_for_update())
    return first if found is None else _request(found)


async def save(session: Session, request: KeyedRequest) -> None:
    """Overwrite the request with this key."""
    await session.upsert(requests, [_row(request)])


async def forget(session: Session, key: RequestKey) -> None:
    """Delete the request with this key."""
    await session.run(requests.delete().where(_is(key)))


async def forget_until(session: Session, until: datetime) -> int:
    """Delete the requests that expire until then; return how many there were."""
    return await session.run(requests.delete().where(requests.c.expires_at <= until))


def _is(key: RequestKey) -> ColumnElement[bool]:
    columns = requests.c
    return and_(columns.requester == key.requester, columns.operation == key.operation, columns.key == key.key)


def _row(request: KeyedRequest) -> dict[str, Any]:
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
        "headers": json.dumps(dict(answer.headers)) if answer else None,
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
        answer=None if row["status"] is None else StoredAnswer(row["status"], json.loads(row["headers"]), row["body"]),
    )
