"""`mef-bridge commands` and `outbox`: what the WFM was asked, what came of it, and what waits tried now."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bridge.domain.model import CommandState, MessageId
from bridge.store import SqlStore
from tests.integration.store.values import NOW, PACK, booking, entry, job, message, save, work_order
from tests.unit.cli.conftest import Home

ORDER = work_order()
LATER = datetime(2999, 1, 1, tzinfo=UTC)


def test_commands_in_flight_are_told_from_those_that_are_settled(home: Home) -> None:
    pending, refused = booking(ORDER), booking(ORDER, state=CommandState.REFUSED)
    no = {"appointment": None, "problems": [{"code": "otherIssue", "reason": "nobody is free", "path": "/"}]}

    async def ask(store: SqlStore) -> None:
        await save(store, job(ORDER))
        async with store.transaction() as tx:
            await tx.load_jobs([ORDER.job])
            await tx.add_commands([pending])
            await tx.settle_command(refused, no)

    home.store(ask)
    listed = [line.split("\t") for line in home("commands", "list")[1].splitlines()]
    assert {line[0]: line[3] for line in listed} == {pending.id: "pending", refused.id: "refused"}
    assert {line[0]: line[8:] for line in listed} == {
        pending.id: [],
        refused.id: ["the WFM refused; otherIssue: nobody is free"],
    }
    assert all(line[7].endswith(" s") for line in listed)
    (told,) = map(json.loads, home("commands", "list", "--in-flight", "--json")[1].splitlines())
    assert (told["id"], told["job"], told["kind"], told["settledAt"]) == (pending.id, ORDER.job.key, "book", None)
    for which, count in [
        (("--state", "refused"), 1),
        (("--kind", "cancel"), 0),
        (("--buyer", ORDER.buyer), 2),
        (("--about", ORDER.id), 2),
    ]:
        assert len(home("commands", "list", *which)[1].splitlines()) == count
    assert home("commands", "list", "--about", "X-1")[2].startswith("nothing on record has the id 'X-1'")


def test_a_command_is_shown_with_its_replies_and_what_takes_it_back(home: Home) -> None:
    late = booking(ORDER, state=CommandState.EXPIRED)

    async def ask(store: SqlStore) -> None:
        await save(store, job(ORDER))
        async with store.transaction() as tx:
            await tx.load_jobs([ORDER.job])
            await tx.settle_command(late, {})
            yes = entry(message=MessageId("r-1"), job=ORDER.job, rule="commands.book")
            reply = replace(yes.raw, correlation_id=f"{late.id}@other")
            await tx.record([replace(yes, raw=reply), entry(job=ORDER.job)])
            back = message(ORDER.job.key, correlation_id=f"{late.id}:compensation")
            await tx.send([back, message(ORDER.job.key)])

    home.store(ask)
    told = json.loads(home("commands", "show", late.id, "--json")[1])
    assert [each["rule"] for each in told["replies"]] == ["commands.book"]
    assert [each["correlationId"] for each in told["sent"]] == [f"{late.id}:compensation"]
    assert f"id: {late.id}\n" in home("commands", "show", late.id)[1]
    assert home("commands", "show", "X-1") == (1, "", "there is no command X-1\n")


def test_what_waits_in_the_outbox_is_seen_and_tried_now(home: Home) -> None:
    async def fail(store: SqlStore) -> None:
        async with store.transaction() as tx:
            await tx.send([message("J-1", message_id="m-1"), message("J-1", message_id="m-2"), message("J-2")])
        first, other = await store.outbox.claim(NOW, NOW + timedelta(minutes=1), 9)
        await store.outbox.settle(first.number, sent=False, error="not routed", next_attempt_at=LATER)
        await store.outbox.settle(other.number, sent=True, error=None, next_attempt_at=None)

    home.store(fail)
    listed = [line.split("\t") for line in home("outbox", "list", "--state", "pending")[1].splitlines()]
    where = ["pending", "J-1", "acme.wfm.commands", "cmd.ticket"]
    assert listed == [
        ["2", *where, "m-2", "0", "waits behind 1"],
        ["1", *where, "m-1", "1", "2999-01-01T00:00:00Z", "not routed"],
    ]
    told = json.loads(home("outbox", "show", "2", "--json")[1])
    assert (told["waitsBehind"], told["routingKey"], told["body"]) == (1, "cmd.ticket", '{"CMD":"TTSTAT"}')
    assert home("outbox", "show", "9") == (1, "", "there is no message 9 in the outbox\n")
    assert home("outbox", "retry")[2].startswith("name the messages")
    assert home("outbox", "retry", "--pack", PACK, "--dry-run") == (0, "1 would be tried now\n", "")
    assert home("outbox", "retry", "2", "3") == (1, "", "2: waits behind 1, and follows it\n3: has left already\n")
    assert home("outbox", "retry", "--all", "--note", "the exchange is there again") == (0, "1: is due now\n", "")
