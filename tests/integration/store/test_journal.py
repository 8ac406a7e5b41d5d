"""The journal keeps every message and what became of it; the inbox recognises a redelivery."""

from dataclasses import replace

import pytest

from bridge.domain.model import JobRef, MessageId, Outcome, Transition
from bridge.flows.ports.journal_entry import JournalEntry
from bridge.store import SqlStore
from tests.integration.store.values import NOW, PACK, at, entry, job, load, rolled_back, save, work_order

HOPS = (Transition("workOrder", "wo-1", None, "open"), Transition("workOrder", "wo-1", "open", "planned"))


async def test_an_entry_comes_back_as_it_was_recorded(store: SqlStore) -> None:
    recorded = entry(
        reason="said \x00 so",
        rule="scheduled",
        transitions=HOPS,
        flags=("ambiguous time",),
        explanation={"fields": [{"STAT": "SCHD"}], "big": 2**70},
    )
    recorded = replace(recorded, raw=replace(recorded.raw, body=b"\x00\xff\xfe", received_at=NOW))
    async with store.transaction() as tx:
        await tx.record([recorded])
    assert [found.entry for found in await store.journal.latest()] == [recorded]


async def test_an_entry_may_have_neither_message_nor_job(store: SqlStore) -> None:
    recorded = entry(Outcome.PARKED, message=None, job=None)
    async with store.transaction() as tx:
        await tx.record([recorded])
    assert [found.entry for found in await store.journal.latest()] == [recorded]


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.PARKED])
async def test_a_recorded_message_is_recognised_whatever_became_of_it(store: SqlStore, outcome: Outcome) -> None:
    recorded = entry(outcome, message=MessageId("E-1"))
    async with store.transaction() as tx:
        await tx.record([recorded])
        assert await tx.seen(PACK, [MessageId("E-1"), MessageId("E-2")]) == {"E-1"}
    async with store.transaction() as tx:
        assert await tx.seen(PACK, {MessageId("E-1")}) == {"E-1"}
        assert await tx.seen("another-pack", {MessageId("E-1")}) == set()


async def test_a_parked_message_is_not_recognised_and_its_next_entry_supersedes_it(store: SqlStore) -> None:
    """The pack may have been fixed meanwhile: what is sent again must not be dropped as a duplicate."""
    parked = entry(Outcome.PARKED, message=MessageId("E-1"), reason="no such code")
    applied = replace(parked, outcome=Outcome.APPLIED, reason="")
    async with store.transaction() as tx:
        await tx.record([parked, other := entry(Outcome.PARKED)])
    async with store.transaction() as tx:
        assert await tx.seen(PACK, [MessageId("E-1")]) == set()
        await tx.record([entry(), applied])
    async with store.transaction() as tx:
        assert await tx.seen(PACK, [MessageId("E-1")]) == {"E-1"}
        await tx.record([entry()])
    _, found, _, kept, first = await store.journal.latest()
    by = f"superseded by entry {found.number}; was: no such code"
    assert [found.entry, kept.entry] == [applied, other]
    assert first.entry == replace(parked, outcome=Outcome.SUPERSEDED, reason=by)


async def test_a_message_parked_again_leaves_one_parked_entry(store: SqlStore) -> None:
    parked = entry(Outcome.PARKED, message=MessageId("E-1"))
    for _ in range(3):
        async with store.transaction() as tx:
            assert await tx.seen(PACK, [MessageId("E-1")]) == set()
            await tx.record([parked])
    assert [found.entry.outcome for found in await store.journal.latest()] == ["parked", "superseded", "superseded"]


async def test_what_waited_and_is_parked_in_the_end_may_be_sent_again(store: SqlStore) -> None:
    waits = entry(Outcome.WAITING, message=MessageId("E-1"))
    async with store.transaction() as tx:
        await tx.record([waits])
    number = (await store.journal.latest())[0].number
    async with store.transaction() as tx:
        await tx.resolve_waiting({number: replace(waits, outcome=Outcome.PARKED)})
        assert await tx.seen(PACK, [MessageId("E-1")]) == set()


async def test_a_message_recorded_twice_has_one_key_and_two_entries(store: SqlStore) -> None:
    recorded = entry()
    for _ in range(2):
        async with store.transaction() as tx:
            await tx.record([recorded, recorded])
    assert len(await store.journal.latest()) == 4


async def test_the_journal_shows_the_newest_first_and_may_be_narrowed(store: SqlStore) -> None:
    outcomes = [Outcome.APPLIED, Outcome.PARKED, Outcome.STALE, Outcome.PARKED]
    entries = [entry(outcome) for outcome in outcomes]
    async with store.transaction() as tx:
        await tx.record(entries[:1])
        await tx.record(entries[1:])
    shown = await store.journal.latest()
    assert [found.entry for found in shown] == entries[::-1]
    assert [found.number for found in shown] == sorted((found.number for found in shown), reverse=True)
    assert [found.entry for found in await store.journal.latest(Outcome.PARKED)] == [entries[3], entries[1]]
    assert [found.entry for found in await store.journal.latest(limit=2)] == [entries[3], entries[2]]


async def test_what_waits_for_a_job_comes_in_order_of_arrival(store: SqlStore) -> None:
    first, other, second = (
        entry(Outcome.WAITING, raw=replace(entry().raw, received_at=at(hours=h))) for h in (2, 1, 0)
    )
    second = replace(second, job=first.job)
    assert first.job is not None
    applied = entry(job=first.job)
    async with store.transaction() as tx:
        await tx.record([first, other, applied, second])
        assert [found.entry for found in (await tx.waiting([first.job]))[first.job]] == [first, second]


async def test_what_waits_for_several_jobs_is_told_apart_by_pack_and_key(store: SqlStore) -> None:
    one, two, nobody = entry(Outcome.WAITING), entry(Outcome.WAITING), entry()
    assert one.job is not None
    assert two.job is not None
    assert nobody.job is not None
    namesake = JobRef("other-pack", one.job.key)
    other = replace(one, message=MessageId("E-other"), raw=replace(one.raw, pack="other-pack"), job=namesake)
    async with store.transaction() as tx:
        await tx.record([one, two, nobody, other])
        waiting = await tx.waiting([one.job, two.job, nobody.job])
        assert {ref: [each.entry for each in found] for ref, found in waiting.items()} == {
            one.job: [one],
            two.job: [two],
        }
        assert [each.entry for each in (await tx.waiting([namesake]))[namesake]] == [other]


async def test_what_waited_is_resolved_in_place(store: SqlStore) -> None:
    waits = entry(Outcome.WAITING, reason="no such job yet")
    other = replace(entry(Outcome.WAITING), job=waits.job)
    assert waits.job is not None
    async with store.transaction() as tx:
        await tx.record([waits, other])
    resolved = replace(
        waits,
        outcome=Outcome.APPLIED,
        reason="",
        rule="scheduled",
        pack_version="2",
        transitions=HOPS,
        flags=("late",),
        explanation={"rule": "scheduled"},
    )
    async with store.transaction() as tx:
        number = (await tx.waiting([waits.job]))[waits.job][0].number
        await tx.resolve_waiting({number: resolved})
        assert [found.entry for found in (await tx.waiting([waits.job]))[waits.job]] == [other]
    assert [(found.number, found.entry) for found in await store.journal.latest(Outcome.APPLIED)] == [
        (number, resolved)
    ]


async def test_resolving_nothing_changes_nothing(store: SqlStore) -> None:
    async with store.transaction() as tx:
        await tx.record([entry(Outcome.WAITING)])
        await tx.resolve_waiting({})
    assert [found.entry.outcome for found in await store.journal.latest()] == [Outcome.WAITING]


async def test_a_rolled_back_message_is_not_recognised(store: SqlStore) -> None:
    recorded = entry(message=MessageId("E-1"))
    async with rolled_back(store) as tx:
        await tx.record([recorded])
        assert await tx.seen(PACK, [MessageId("E-1")]) == {"E-1"}
    async with store.transaction() as tx:
        assert await tx.seen(PACK, [MessageId("E-1")]) == set()


async def test_a_job_holds_messages_until_the_last_of_them_is_resolved(store: SqlStore) -> None:
    order = work_order()
    await save(store, job(order), job(work_order()))
    held = replace(entry(Outcome.WAITING), job=order.job, due_at=at(minutes=5))
    other = replace(entry(Outcome.WAITING), job=order.job)
    assert not (await load(store, order.job)).holds
    async with store.transaction() as tx:
        await tx.record([held, other])
    assert (await load(store, order.job)).holds
    assert [found.entry for found in await store.journal.latest()] == [other, held]
    async with store.transaction() as tx:
        number = (await tx.waiting([order.job]))[order.job][0].number
        await tx.resolve_waiting({number: replace(held, outcome=Outcome.APPLIED, due_at=None)})
    assert not (await load(store, order.job)).holds


async def test_jobs_with_messages_that_are_due_come_once_and_the_longest_due_first(store: SqlStore) -> None:
    moments = [at(minutes=3), at(minutes=1), at(minutes=2), at(minutes=4)]
    one, two, twice, later = (replace(entry(Outcome.WAITING), due_at=due) for due in moments)
    twice = replace(twice, job=one.job)
    elsewhere = replace(one, raw=replace(one.raw, pack="other-pack"), message=MessageId("E-other"))
    async with store.transaction() as tx:
        await tx.record([one, two, twice, later, elsewhere, entry(Outcome.WAITING)])
    assert one.job is not None
    assert await store.journal.due_jobs({one.job.pack}, at(minutes=3)) == [two.job, one.job]
    assert await store.journal.due_jobs({one.job.pack}, at(seconds=59)) == []
    assert await store.journal.due_jobs({"other-pack"}, at(minutes=3)) == [JobRef("other-pack", one.job.key)]
    assert await store.journal.due_jobs(set(), at(minutes=3)) == []


async def test_what_held_is_counted_by_rule_since_a_moment(store: SqlStore) -> None:
    def heard(rule: str | None, hours: float, pack: str = PACK) -> JournalEntry:
        one = entry(rule=rule, job=None)
        return replace(one, raw=replace(one.raw, pack=pack, received_at=at(hours=hours)))

    async with store.transaction() as tx:
        await tx.record([heard("created", 0), heard("created", 1), heard("created", 2), heard(None, 2)])
        await tx.record([heard("done", 1), heard("created", 2, "other-pack")])
    assert sorted(await store.journal.rules(PACK, at(hours=1))) == [
        ("created", 2, at(hours=2)),
        ("done", 1, at(hours=1)),
    ]
