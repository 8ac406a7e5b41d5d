"""What operators find and do on both databases: WorkOrders of all Buyers, and the audit log."""

from dataclasses import replace
from datetime import timedelta

from bridge.domain.model import BuyerId, JobRef, Outcome
from bridge.flows.ports import AuditEntry, MessageFilter, WorkOrderSearch
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


async def test_work_orders_of_all_buyers_are_found_what_changed_last_first(store: SqlStore) -> None:
    old = work_order(details=details(entities=[ticket("TT-2"), ticket("TT-1")]))
    new = work_order(buyer=BuyerId("other"), state=WorkOrderState.COMPLETED, changed_at=NOW + timedelta(seconds=1))
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
        (new.id, 0, NOW + timedelta(seconds=1)),
        (old.id, 2, NOW),
    ]
    assert found[1].tickets == ("TT-1", "TT-2")
    assert await _ids(store, WorkOrderSearch(buyer=BuyerId("other"))) == [new.id]
    assert await _ids(store, WorkOrderSearch(state=WorkOrderState.OPEN)) == [old.id]
    assert await _ids(store, WorkOrderSearch(jobs=[old.job])) == [old.id]
    assert await _ids(store, WorkOrderSearch(jobs=[])) == []
    assert await _ids(store, WorkOrderSearch(), limit=1) == [new.id]


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
