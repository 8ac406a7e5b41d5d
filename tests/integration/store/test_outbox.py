"""Messages for the WFM leave in order for each job, and independently otherwise."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bridge.domain.model import JobRef
from bridge.flows.operator import OutboxFilter, Retried, RetryOutcome
from bridge.flows.ports.outbox_entry import OutboxEntry, OutboxState
from bridge.store import SqlStore
from tests.integration.store.conftest import Execute, OpenStore
from tests.integration.store.values import NOW, PACK, at, message, rolled_back, send

LEASE = at(seconds=60)


async def claim(store: SqlStore, limit: int = 100, now: Any = NOW) -> list[OutboxEntry]:
    return list(await store.outbox.claim(now, now + timedelta(seconds=60), limit))


async def test_a_message_comes_out_as_it_went_in(store: SqlStore) -> None:
    sent = [message("J-1", body=b"\x00\xff", headers={"a": "b"}), message(None, reply_expected=True)]
    await send(store, *sent)
    claimed = await claim(store)
    assert [(entry.message, entry.attempts) for entry in claimed] == [(sent[0], 0), (sent[1], 0)]


async def test_the_messages_of_a_job_leave_one_by_one_in_order(store: SqlStore) -> None:
    queued = [message("J-1") for _ in range(3)]
    await send(store, *queued[:2])
    await send(store, queued[2])
    sent = []
    while claimed := await claim(store):
        sent += [entry.message for entry in claimed]
        await store.outbox.settle(claimed[0].number, sent=True, error=None, next_attempt_at=None)
    assert sent == queued


async def test_jobs_do_not_wait_for_each_other_and_messages_of_no_job_for_nobody(store: SqlStore) -> None:
    queued = [message("J-1"), message("J-1"), message("J-2"), message(), message(), message("J-1", pack="other-pack")]
    queued[5] = replace(queued[5], job=queued[0].job._replace(pack="other-pack") if queued[0].job else None)
    await send(store, *queued)
    assert [entry.message for entry in await claim(store)] == [queued[0], *queued[2:]]


async def test_a_failed_message_is_tried_again_before_its_followers(store: SqlStore, sql: Execute) -> None:
    await send(store, message("J-1"), message("J-1"))
    (first,) = await claim(store)
    await store.outbox.settle(first.number, sent=False, error="no confirm", next_attempt_at=at(seconds=5))
    assert await sql("SELECT error, state FROM outbox ORDER BY number LIMIT 1") == [("no confirm", "pending")]
    assert await claim(store) == []
    assert await claim(store, now=at(seconds=5)) == [replace(first, attempts=1)]


async def test_a_message_that_was_given_up_is_on_record_and_blocks_nobody(store: SqlStore, sql: Execute) -> None:
    await send(store, message("J-1"), message("J-1"))
    (first,) = await claim(store)
    await store.outbox.settle(first.number, sent=False, error="not routed", next_attempt_at=None)
    (second,) = await claim(store)
    assert second.number > first.number
    assert await sql("SELECT state, error, attempts FROM outbox ORDER BY number LIMIT 1") == [
        ("given up", "not routed", 1)
    ]


async def test_a_sent_message_forgets_its_error(store: SqlStore, sql: Execute) -> None:
    await send(store, message())
    (first,) = await claim(store)
    await store.outbox.settle(first.number, sent=False, error="no confirm", next_attempt_at=NOW)
    await store.outbox.settle(first.number, sent=True, error=None, next_attempt_at=None)
    assert await sql("SELECT state, error, attempts FROM outbox") == [("sent", None, 2)]
    assert await claim(store, now=at(days=1)) == []


async def test_what_is_still_on_its_way_is_held_for_longer_and_what_has_left_is_not(store: SqlStore) -> None:
    await send(store, message("J-1"), message("J-1"))
    (first,) = await claim(store)
    await store.outbox.hold(first.number, at(minutes=5))
    assert await claim(store, now=LEASE) == []
    assert await claim(store, now=at(minutes=5)) == [first]
    await store.outbox.settle(first.number, sent=True, error=None, next_attempt_at=None)
    await store.outbox.hold(first.number, at(minutes=10))
    assert [entry.number for entry in await claim(store, now=at(days=1))] == [first.number + 1]


async def test_a_claim_is_a_lease(store: SqlStore) -> None:
    await send(store, message())
    claimed = await claim(store)
    assert await claim(store, now=LEASE - timedelta(microseconds=1)) == []
    assert await claim(store, now=LEASE) == claimed


async def test_two_claims_never_hand_out_the_same_message(open_: OpenStore) -> None:
    stores = [await open_(), await open_()]
    await send(stores[0], *(message() for _ in range(40)))
    found = await asyncio.gather(*(claim(stores[number % 2], 5) for number in range(10)))
    claimed = [entry.number for part in found for entry in part]
    while rest := await claim(stores[0]):
        claimed += [entry.number for entry in rest]
    assert len(claimed) == len(set(claimed)) == 40


async def test_a_claim_takes_no_more_than_its_limit_oldest_first(store: SqlStore) -> None:
    queued = [message() for _ in range(3)]
    await send(store, *queued)
    assert [[entry.message for entry in await claim(store, 2)] for _ in range(2)] == [queued[:2], queued[2:]]


async def test_the_next_message_is_the_earliest_that_may_be_claimed(store: SqlStore) -> None:
    assert await store.outbox.next_at() is None
    await send(store, message())
    due = await store.outbox.next_at()
    assert due is not None
    assert due <= NOW
    (first,) = await claim(store)
    assert await store.outbox.next_at() == LEASE
    await store.outbox.settle(first.number, sent=False, error="x", next_attempt_at=at(seconds=5))
    assert await store.outbox.next_at() == at(seconds=5)
    await store.outbox.settle(first.number, sent=True, error=None, next_attempt_at=None)
    assert await store.outbox.next_at() is None


async def test_the_sender_is_woken_by_a_commit_and_by_a_settlement_that_lets_the_next_one_go(store: SqlStore) -> None:
    woken: list[str] = []
    store.outbox.on_due = lambda: woken.append("outbox")
    store.deliveries.on_due = lambda: woken.append("deliveries")
    await send(store, message("J-1"), message("J-1"))
    assert woken == ["outbox"]
    for _ in range(2):
        (first,) = await claim(store)
        await store.outbox.settle(first.number, sent=True, error=None, next_attempt_at=None)
    assert woken == ["outbox", "outbox"]


class Taker:
    """A sender of this process with room for so many messages."""

    lease = timedelta(seconds=60)

    def __init__(self, left: int) -> None:
        self.left = left
        self.taken: list[OutboxEntry] = []

    def room(self) -> int:
        return self.left

    def take(self, claimed: Sequence[OutboxEntry]) -> None:
        self.taken += claimed


async def test_what_a_commit_makes_due_is_handed_over_claimed_as_far_as_there_is_room(store: SqlStore) -> None:
    woken: list[str] = []
    store.outbox.on_due = lambda: woken.append("outbox")
    store.outbox.taker = taker = Taker(2)
    queued = [message("J-1"), message("J-1"), message("J-2"), message("J-3")]
    await send(store, *queued)
    assert [entry.message for entry in taker.taken] == [queued[0], queued[2]]
    assert [report.message for report in await store.outbox.reports()] == queued[::-1]
    assert woken == ["outbox"]
    assert [entry.message for entry in await claim(store)] == [queued[3]]
    store.outbox.taker = Taker(0)
    await store.outbox.settle(taker.taken[0].number, sent=True, error=None, next_attempt_at=None)
    assert [entry.message for entry in await claim(store)] == [queued[1]]


async def test_what_is_handed_over_is_claimed_by_nobody_until_its_lease_ends(store: SqlStore) -> None:
    store.outbox.taker = taker = Taker(1)
    await send(store, message("J-1"))
    assert await claim(store) == []
    assert await claim(store, now=LEASE) == taker.taken


async def test_nothing_is_handed_over_of_a_transaction_that_fails(store: SqlStore) -> None:
    store.outbox.taker = taker = Taker(1)
    async with rolled_back(store) as tx:
        await tx.send([message("J-1")])
    assert taker.taken == []


async def test_a_rolled_back_transaction_sends_nothing(store: SqlStore) -> None:
    async with rolled_back(store) as tx:
        await tx.send([message()])
    assert await claim(store) == []


async def test_a_report_tells_how_far_a_message_is_and_what_went_wrong(store: SqlStore) -> None:
    queued = [message("J-1"), message("J-1"), message("J-2")]
    await send(store, *queued)
    first, other = await claim(store)
    await store.outbox.settle(first.number, sent=False, error="no confirm", next_attempt_at=at(seconds=5))
    await store.outbox.settle(other.number, sent=True, error=None, next_attempt_at=None)
    reports = await store.outbox.reports()
    assert [report.message for report in reports] == queued[::-1]
    assert [(r.state, r.attempts, r.next_attempt_at, r.attempted_at, r.error) for r in reports] == [
        (OutboxState.SENT, 1, None, NOW, None),
        (OutboxState.PENDING, 0, None, None, None),
        (OutboxState.PENDING, 1, at(seconds=5), NOW, "no confirm"),
    ]
    assert [(r.behind, r.is_under_way) for r in reports] == [(None, False), (first.number, False), (None, False)]
    assert await store.outbox.reports(OutboxFilter(state=OutboxState.SENT)) == reports[:1]
    assert await store.outbox.reports(OutboxFilter(state=OutboxState.PENDING, pack=PACK)) == reports[1:]
    assert await store.outbox.reports(OutboxFilter(pack="other")) == []
    assert await store.outbox.reports(OutboxFilter(jobs=[JobRef(PACK, "J-2")])) == reports[:1]
    assert await store.outbox.reports(OutboxFilter(state=OutboxState.GIVEN_UP)) == []
    assert await store.outbox.report(first.number) == reports[2]
    assert await store.outbox.report(first.number + 100) is None
    assert await store.outbox.reports(limit=1) == reports[:1]


async def test_a_retry_brings_forward_what_waits_for_its_next_attempt_and_tells_of_the_rest(store: SqlStore) -> None:
    await send(store, message("J-1"), message("J-1"), message("J-2"), message("J-3"))
    failed, gone, flying = await claim(store)
    await store.outbox.settle(failed.number, sent=False, error="no confirm", next_attempt_at=at(seconds=50))
    await store.outbox.settle(gone.number, sent=True, error=None, next_attempt_at=None)
    woken: list[int] = []
    store.outbox.on_due = lambda: woken.append(1)
    behind, unknown = failed.number + 1, flying.number + 1
    told = await store.outbox.retry([failed.number, behind, gone.number, flying.number, unknown], NOW)
    assert told == [
        Retried(number=failed.number, outcome=RetryOutcome.DUE),
        Retried(number=behind, outcome=RetryOutcome.BEHIND, behind=failed.number),
        Retried(number=gone.number, outcome=RetryOutcome.OVER),
        Retried(number=flying.number, outcome=RetryOutcome.UNDER_WAY),
        Retried(number=unknown, outcome=RetryOutcome.UNKNOWN),
    ]
    assert woken == [1]
    assert await claim(store) == [replace(failed, attempts=1)]
