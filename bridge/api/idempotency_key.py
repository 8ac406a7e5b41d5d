"""The `Idempotency-Key` header: a POST that is sent again is not done again.

The header, and 409 and 422, are those of draft-ietf-httpapi-idempotency-key-header.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import orjson
from aiohttp import web

from bridge.api.body import parse_object, read_raw
from bridge.api.failures import RequestFailed, failure_of, invalid_body, invalid_query, plain, unprocessable
from bridge.api.responses import failure
from bridge.domain.model import Problem
from bridge.errors import BridgeError
from bridge.flows.idempotency import Once, Work
from bridge.flows.ports.keyed_request import RequestKey, StoredAnswer
from bridge.flows.refusals import KeyReused, StillUnderWay
from bridge.mef.enums import Error422Code

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
_GOOD: Final = re.compile(r"[!-~]([ -~]{0,253}[!-~])?")  # 1 to 255 printable ASCII characters, no space at the ends
_KEPT: Final = ("Content-Type", "Location", "Retry-After")


class Requests(Protocol):
    """Carries a request with a key out once; raises `KeyReused` or `StillUnderWay`."""

    async def once(self, key: RequestKey, fingerprint: str, work: Work) -> Once: ...


def key_of(request: web.Request) -> str | None:
    """Read the key; None where there is none, 400 where it is none."""
    keys = request.headers.getall(HEADER, ())
    if not keys:
        return None
    if len(keys) > 1 or not _GOOD.fullmatch(keys[0]):
        raise invalid_query(f"{HEADER} must be one key of 1 to 255 printable ASCII characters.")
    return keys[0]


async def answer_once(
    requests: Requests, key: RequestKey, request: web.Request, operation: Callable[[str], Awaitable[web.Response]]
) -> web.Response:
    """Answer a request with a key: by the operation, which is given the id for its effect, or as before."""

    async def work(effect: str) -> StoredAnswer:
        try:
            return _stored(await operation(effect))
        except BridgeError as error:
            failed = failure_of(error, request.method)
            if failed is None:
                raise
            return _stored(failure(failed))

    fingerprint = await _fingerprint(request)
    try:
        once = await requests.once(key, fingerprint, work)
    except KeyReused as error:
        raise _reused(str(error), key) from error
    except StillUnderWay as error:
        raise plain(409, str(error), {"Retry-After": "1"}) from error
    return _response(once)


async def _fingerprint(request: web.Request) -> str:
    """Tell one request from another: by reference point, object, parties and the JSON of its body."""
    digest = hashlib.sha256()
    for part in (request.rel_url.raw_path_qs.encode(), _canonical(await read_raw(request))):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def _canonical(raw: bytes) -> bytes:
    try:
        return orjson.dumps(parse_object(raw), option=orjson.OPT_SORT_KEYS)
    except RequestFailed:
        return raw


def _reused(reason: str, key: RequestKey) -> RequestFailed:
    """422, as the draft says; the hub has none."""
    if key.operation.endswith("/hub"):
        return invalid_body(reason)
    return unprocessable((Problem(Error422Code.OTHER_ISSUE, reason),))


def _stored(response: web.Response) -> StoredAnswer:
    headers = {name: response.headers[name] for name in _KEPT if name in response.headers}
    return StoredAnswer(response.status, headers, response.body if isinstance(response.body, bytes) else b"")


def _response(once: Once) -> web.Response:
    headers = {**once.answer.headers, **({REPLAYED: "true"} if once.replayed else {})}
    return web.Response(status=once.answer.status, body=once.answer.body or None, headers=headers)
