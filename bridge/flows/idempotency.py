"""A request with an `Idempotency-Key` is carried out once, however often it is sent.

The key is claimed before anything is done, together with the id that the effect will have (of the command to the WFM,
or of the listener). So a crash at any point can be told apart: if nothing is stored under that id, nothing was done;
if something is, the retry takes its answer from there and does nothing again. A claim whose process has died is taken
over.

A key is used up by what was done under it. An answer of 5xx leaves the request to be tried again, and a request that
was refused before anything was done leaves its key free.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import structlog

from bridge.domain.model import CommandId, CommandState
from bridge.errors import TransientError
from bridge.flows.ports.clock import Clock
from bridge.flows.ports.keyed_request import KeyedRequest, RequestKey, StoredAnswer
from bridge.flows.ports.stores import Store
from bridge.flows.ports.transaction import Transaction
from bridge.flows.refusals import KeyReused, StillUnderWay

log = structlog.get_logger(__name__)

CAME_TO_NOTHING = frozenset({CommandState.EXPIRED, CommandState.COMPENSATED, CommandState.FAILED})
"""A retry asks the WFM anew: the Buyer was told that nothing was done, and a late booking is taken back."""

Work = Callable[[str], Awaitable[StoredAnswer]]
"""Carries a request out; is given the id for its effect, under which an earlier try may have done it already."""


class Once(NamedTuple):
    """An answer; `replayed` says that it was stored, and nothing was done for it now."""

    answer: StoredAnswer
    replayed: bool


class Idempotency:
    """The use case. `lease` is longer than any request takes; `keep` is how long a key is remembered."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        new_id: Callable[[], str],
        *,
        instance: str,
        lease: timedelta,
        keep: timedelta,
    ) -> None:
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._instance = instance
        self._lease = lease
        self._keep = keep
        self._working: set[str] = set()

    async def once(self, key: RequestKey, fingerprint: str, work: Work) -> Once:
        """Do the work, or answer as it was answered before; raises `KeyReused` or `StillUnderWay`."""
        claim = self._new_id()
        self._working.add(claim)
        try:
            request = await self._claim(self._first(key, fingerprint, claim))
            if request.answer is not None:
                return Once(request.answer, replayed=True)
            answer = await work(request.effect)
            await self._settle(request, answer)
            return Once(answer, replayed=False)
        finally:
            self._working.discard(claim)

    async def forget_expired(self) -> int:
        """Delete the keys whose time is up; return how many there were."""
        return await self._store.requests.forget_until(self._clock())

    def _first(self, key: RequestKey, fingerprint: str, claim: str) -> KeyedRequest:
        now = self._clock()
        return KeyedRequest(
            key=key,
            fingerprint=fingerprint,
            effect=self._new_id(),
            instance=self._instance,
            claim=claim,
            claimed_until=now + self._lease,
            expires_at=now + self._keep,
        )

    async def _claim(self, first: KeyedRequest) -> KeyedRequest:
        """Return the request as it is now ours, or as it was answered."""
        async with self._store.transaction() as tx:
            stored = await tx.lock_request(first)
            if stored.claim == first.claim:
                return first
            if self._is_under_way(stored):
                raise KeyReused if stored.fingerprint != first.fingerprint else StillUnderWay
            if stored.expires_at <= self._clock():
                return await _save(tx, first)
            if stored.fingerprint != first.fingerprint:
                raise KeyReused
            if stored.answer is not None:
                return stored
            return await _save(tx, replace(first, effect=await self._effect(tx, stored, first)))

    def _is_under_way(self, stored: KeyedRequest) -> bool:
        """Tell whether somebody works on it. Of our own claims we know; those of others are good for their lease."""
        if stored.claim is None:
            return False
        if stored.instance == self._instance:
            return stored.claim in self._working
        return stored.claimed_until > self._clock()

    async def _effect(self, tx: Transaction, stored: KeyedRequest, first: KeyedRequest) -> str:
        """Take up the effect of the earlier try, unless it came to nothing."""
        settled = await tx.command_result(CommandId(stored.effect))
        came_to_nothing = settled is not None and settled[0] in CAME_TO_NOTHING
        log.info("request.retried", operation=stored.key.operation, effect=stored.effect, anew=came_to_nothing)
        return first.effect if came_to_nothing else stored.effect

    async def _settle(self, request: KeyedRequest, answer: StoredAnswer) -> None:
        """Keep the answer. Without a database the Buyer is answered all the same: a retry finds what was done."""
        try:
            async with self._store.transaction() as tx:
                await self._keep_answer(tx, request, answer)
        except TransientError as trouble:
            log.warning("request.not_kept", operation=request.key.operation, trouble=str(trouble))

    async def _keep_answer(self, tx: Transaction, request: KeyedRequest, answer: StoredAnswer) -> None:
        if answer.status >= 500:
            await tx.save_request(replace(request, claim=None))
        elif answer.status < 400 or await tx.command(CommandId(request.effect)) is not None:
            await tx.save_request(replace(request, claim=None, answer=answer))
        else:
            await tx.forget_request(request.key)


async def _save(tx: Transaction, request: KeyedRequest) -> KeyedRequest:
    await tx.save_request(request)
    return request
