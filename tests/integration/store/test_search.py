"""What operators find and do on both databases: WorkOrders of all Buyers, and the audit log."""

from dataclasses import replace
from datetime import timedelta

from bridge.domain.model import BuyerId, JobRef, Outcome, WorkOrderId
from bridge.flows.ports.audit_entry import AuditEntry
from bridge.flows.ports.journal_entry import MessageFilter
from bridge.flows.ports.work_order_search import WorkOrderSearch
from bridge.mef.enums import WorkOrderState
from bridge.store import SqlStore, new_store
from tests.integration.store.conftest import OpenStore
from tests.integration.store.values import NOW, details, entry, job, save, ticket, work_order

ACT = AuditEntry(at=NOW, who="ada", role="operator", act="replay", thing="message 7", note="new\x00code \u241b")


async def test_an_act_is_kept_with_what_came_of_it(store: SqlStore) -> None:
    first = await store.audit.begin(ACT)
    second = await store.audit.begin(ACT)
    await store.audit.end(first, "1 applied")
    acts = await store.audit.latest()
    assert [(act.number, act.entry.outcome) for act in acts] == [(second, ""), (first, "1 applied")]
    assert acts[1].entry.note == ACT.note
    assert acts[1].entry.at == NOW
    assert [act.number for act in await store.audit.latest(before=second)] == [first]
    assert [act.number for act in await store.audit.latest(limit=1)] == [second]


async def test_work_orders_of_all_buyers_are_found_the_newest_first(store: SqlStore) -> None:
    old = work_order(details=details(entities=[ticket("TT-2"), ticket("TT-1")]))
    late = NOW + timedelta(seconds=1)
    new = work_order(buyer=BuyerId("other"), state=WorkOrderState.COMPLETED, created_at=late, changed_at=late)
    await save(store, job(old), job(new))
    elsewhere = replace(entry().raw, pack="other-pack")
    async with store.transaction() as tx:
        await tx.record(
            [
                entry(Outcome.PARKED, job=old.job),
                entry(Outcome.PARKED, job=old.job),
                entry(Outcome.APPLIED, job=new.job),
                entry(Outcome.PARKED, job=JobRef("other-pack", new.job.key), raw=elsewhere),
            ]
        )
    found = await store.search.work_orders(WorkOrderSearch(), 10)
    assert [(hit.id, hit.parked, hit.changed_at) for hit in found] == [
        (new.id, 0, late),
        (old.id, 2, NOW),
    ]
    assert found[1].tickets == ("TT-1", "TT-2")
    assert await _ids(store, WorkOrderSearch(buyer=BuyerId("other"))) == [new.id]
    assert await _ids(store, WorkOrderSearch(state=WorkOrderState.OPEN)) == [old.id]
    assert await _ids(store, WorkOrderSearch(jobs=[old.job])) == [old.id]
    assert await _ids(store, WorkOrderSearch(jobs=[])) == []
    assert await _ids(store, WorkOrderSearch(), limit=1) == [new.id]


async def test_a_search_goes_on_behind_a_work_order(store: SqlStore) -> None:
    buyers = [BuyerId(f"buyer-{number % 3}") for number in range(10)]
    orders = [
        work_order(id=f"wo-{number}", buyer=buyer, created_at=NOW + timedelta(seconds=number // 2))
        for number, buyer in enumerate(buyers)
    ]
    await save(store, *map(job, orders))
    newest = [each.id for each in reversed(orders)]
    found: list[str] = []
    for wanted in ({}, {"state": WorkOrderState.OPEN}):
        found = await _ids(store, WorkOrderSearch(**wanted), limit=4)
        while page := await _ids(store, WorkOrderSearch(**wanted, before=found[-1]), limit=4):
            found += page
        assert found == newest
    mine = [each.id for each in reversed(orders) if each.buyer == buyers[1]]
    assert await _ids(store, WorkOrderSearch(buyer=buyers[1])) == mine
    assert await _ids(store, WorkOrderSearch(buyer=buyers[1], before=mine[0])) == mine[1:]
    assert await _ids(store, WorkOrderSearch(buyer=BuyerId("nobody"))) == []
    assert await _ids(store, WorkOrderSearch(before=WorkOrderId("nothing"))) == []


async def _ids(store: SqlStore, wanted: WorkOrderSearch, limit: int = 10) -> list[str]:
    return [hit.id for hit in await store.search.work_orders(wanted, limit)]


async def test_messages_are_chosen_by_pack(store: SqlStore) -> None:
    async with store.transaction() as tx:
        await tx.record([entry(), entry(raw=replace(entry().raw, pack="other-pack"), job=None)])
    found = await store.journal.chosen(MessageFilter(pack="other-pack"), 10)
    assert [each.entry.raw.pack for each in found] == ["other-pack"]


async def test_other_processes_with_a_pack_are_known_until_they_leave(open_: OpenStore, url: str) -> None:
    store = await open_()
    other = new_store(url, new_id=lambda: "process-2", instance="bridge-2")
    await other.open()
    other.processes.packs = lambda: {"acme-wfm": "2"}
    other.processes.deployed = lambda: {"acme-wfm": "1"}
    await other.processes.tell()
    assert await store.processes.going_by("acme-wfm") == [("bridge-2", "2", "1")]
    assert await store.processes.going_by("other-pack") == []
    other.processes.packs = lambda: {"acme-wfm": "3"}
    assert await other.processes.going_by("acme-wfm") == [("bridge-2", "3", "1")]
    assert await store.processes.going_by("acme-wfm") == [("bridge-2", "2", "1")]
    await other.close()
    assert await store.processes.going_by("acme-wfm") == []
