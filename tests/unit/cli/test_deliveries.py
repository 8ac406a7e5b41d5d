"""`mef-bridge deliveries` and `listeners`: an operator sees what was given up or waits, and has it sent again."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import structlog

from bridge.app import listener_access
from bridge.cli import rows
from bridge.delivery.signing import Ed25519Key, read_key
from bridge.domain.model import BuyerId, Notification
from bridge.flows.ports.subscription import Subscription, SubscriptionId
from bridge.flows.ports.webhook_delivery import Attempt, DeliverySettlement, DeliveryState
from bridge.mef.enums import Api, EventType, Irp
from bridge.store import open_store
from tests.unit.cli.conftest import Home

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
BUYER = BuyerId("acme-buyer")
CALLBACK = "https://buyer.example.com/" + "x" * 100
LISTENER = Subscription(
    id=SubscriptionId("sub-1"),
    api=Api.WORK_ORDER,
    irp=Irp.SONATA,
    buyer=BUYER,
    callback=CALLBACK,
    query=None,
    event_types=frozenset({EventType.WORK_ORDER_CREATE}),
    created_at=NOW,
)

Run = Callable[..., tuple[int, str, str]]


async def _give_up() -> None:
    """Give up the second of two attempts at one notification; the first one's process died."""
    store = await open_store("sqlite:///bridge.sqlite3", new_id=lambda: "event-1")
    await store.listeners.add(LISTENER)
    async with store.transaction() as tx:
        await tx.notify([Notification(EventType.WORK_ORDER_CREATE, "wo-1", BUYER)], NOW, "corr-1")
    await store.deliveries.claim(NOW, NOW, 1)
    (claimed,) = await store.deliveries.claim(NOW + timedelta(minutes=1), NOW + timedelta(minutes=2), 1)
    failed = Attempt(at=claimed.claimed_at, status=500, error="given up", elapsed=0.1, excerpt="it broke")
    await store.deliveries.settle(
        DeliverySettlement(number=claimed.number, listener=LISTENER.id, attempt=failed, state=DeliveryState.DISCARDED)
    )
    await store.close()


@pytest.fixture
def run(home: Home) -> Run:
    """Runs a command on a database of its own; gives its exit code and what it printed."""
    return home


async def _fail() -> None:
    """Announce two events of one resource; the first attempt at the first one fails."""
    ids = iter(("event-1", "event-2"))
    store = await open_store("sqlite:///bridge.sqlite3", new_id=lambda: next(ids))
    await store.listeners.add(LISTENER)
    created = Notification(EventType.WORK_ORDER_CREATE, "wo-1", BUYER)
    async with store.transaction() as tx:
        await tx.notify([created, created], NOW, "corr-1")
    (claimed,) = await store.deliveries.claim(NOW, NOW + timedelta(minutes=2), 1)
    failed = Attempt(at=claimed.claimed_at, status=503, error=None, elapsed=0.1)
    await store.deliveries.settle(
        DeliverySettlement(
            number=claimed.number,
            listener=LISTENER.id,
            attempt=failed,
            state=DeliveryState.PENDING,
            next_attempt_at=datetime(2999, 1, 1, tzinfo=UTC),
        )
    )
    await store.close()


@pytest.fixture
def waiting(run: Run) -> Run:
    """The same, where one notification waits for its next attempt, and another behind it."""
    asyncio.run(_fail())
    return run


@pytest.fixture
def given_up(run: Run) -> Run:
    """The same, where a notification was given up."""
    asyncio.run(_give_up())
    return run


def test_without_a_database_there_is_nothing_to_list(run: Run) -> None:
    assert run("deliveries", "list")[2].startswith("there is no database")


def test_what_was_given_up_is_listed_whole_and_sent_again_once(given_up: Run) -> None:
    listed = given_up("deliveries", "list", "--state", "discarded")[1].strip().split("\t")
    assert listed == [
        "1",
        "2026-03-05T12:00:00Z",
        "discarded",
        "workOrderCreateEvent",
        "wo-1",
        "event-1",
        "acme-buyer",
        CALLBACK,
        "2 attempts, last: 500",
    ]
    assert given_up("deliveries", "retry", "1") == (0, "1: will be sent again\n", "")
    (line,) = given_up("deliveries", "list", "--json")[1].splitlines()
    assert {name: json.loads(line)[name] for name in ("eventId", "state", "attemptCount", "waitsBehind")} == {
        "eventId": "event-1",
        "state": "pending",
        "attemptCount": 0,
        "waitsBehind": None,
    }
    assert given_up("deliveries", "retry", "2") == (1, "", "2: does not exist\n")
    code, out, _ = given_up("deliveries", "retry", "2", "--json")
    assert (code, json.loads(out)) == (1, {"number": 2, "outcome": "unknown", "waitsBehind": None})


def test_what_waits_is_tried_now_by_number_and_by_filter(waiting: Run) -> None:
    listed = [line.split("\t") for line in waiting("deliveries", "list")[1].splitlines()]
    assert [fields[8:] for fields in listed] == [
        ["never tried", "waits behind 1"],
        ["1 attempts, last: 503", "2999-01-01T00:00:00Z"],
    ]
    group = f"acme-buyer\tsub-1\tworkOrderCreateEvent\t2\t2026-03-05T12:00:00Z\t2026-03-05T12:00:00Z\t{CALLBACK}\n"
    rest = "; 1 wait behind these or others, and follow them\n"
    chosen = ("deliveries", "retry", "--buyer", "acme-buyer")
    assert waiting(*chosen, "--dry-run") == (0, f"{group}1 would be tried now{rest}", "")
    assert waiting("deliveries", "retry", "2") == (1, "", "2: waits behind 1, and follows it\n")
    assert waiting(*chosen, "--note", "he says it is mended") == (0, f"{group}1 are tried now{rest}", "")
    told = json.loads(waiting(*chosen, "--json")[1])
    assert [told[name] for name in ("retried", "later", "due", "behind")] == [0, 0, 1, 1]
    assert waiting("deliveries", "retry", "1") == (0, "1: is due now\n", "")


@pytest.mark.parametrize("which", [(), ("1", "--all")])
def test_a_retry_must_say_what_is_meant(which: tuple[str, ...], waiting: Run) -> None:
    assert waiting("deliveries", "retry", *which)[2].startswith("name the notifications, or say which: --buyer")


def test_on_a_screen_a_list_is_a_table_with_a_head(waiting: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr(rows, "sys", SimpleNamespace(stdout=SimpleNamespace(isatty=lambda: True)))
    out = waiting("deliveries", "list")[1]
    assert "next attempt" in out.splitlines()[1]
    assert "waits behind 1" in out


def test_every_attempt_at_a_notification_is_shown(given_up: Run) -> None:
    *facts, first, second = given_up("deliveries", "show", "1")[1].splitlines()
    assert facts[:3] == ["no.: 1", "event time: 2026-03-05T12:00:00Z", "state: discarded"]
    assert first.split("\t") == [
        "2026-03-05T12:00:00.000000Z",
        "the outcome was not recorded in time: the bridge stopped, or the database was away",
        "",
        "0.000 s",
    ]
    assert second.split("\t") == ["2026-03-05T12:01:00.000000Z", "500", "given up", "0.100 s", "it broke"]
    shown = json.loads(given_up("deliveries", "show", "1", "--json")[1])
    assert [each["excerpt"] for each in shown["attempts"]] == ["", "it broke"]
    assert given_up("deliveries", "show", "2")[2] == "there is no notification 2\n"


@pytest.mark.parametrize(
    "which",
    [
        ("--buyer", "acme-buyer"),
        ("--listener", "sub-1"),
        ("--event-type", "workOrderCreateEvent"),
        ("--from", "2026-03-05"),
        ("--from", "2026-03-05T13:00+01:00", "--to", "2026-03-05T12:00:01"),
        ("--all",),
    ],
)
def test_a_replay_is_previewed_and_then_done(which: tuple[str, ...], given_up: Run) -> None:
    group = f"acme-buyer\tsub-1\tworkOrderCreateEvent\t1\t2026-03-05T12:00:00Z\t2026-03-05T12:00:00Z\t{CALLBACK}\n"
    assert given_up("deliveries", "replay", *which, "--dry-run") == (0, group, "")
    assert given_up("deliveries", "replay", *which) == (0, group + "1 will be sent again\n", "")
    assert given_up("deliveries", "replay", *which) == (0, "0 will be sent again\n", "")


@pytest.mark.parametrize(
    "which",
    [
        ("--buyer", "other-buyer"),
        ("--listener", "sub-2"),
        ("--event-type", "workOrderStateChangeEvent"),
        ("--from", "2026-03-05T12:00:01Z"),
        ("--to", "2026-03-05T12:00:00Z"),
        ("--all", "--state", "delivered"),
    ],
)
def test_a_replay_takes_nothing_else(which: tuple[str, ...], given_up: Run) -> None:
    assert given_up("deliveries", "replay", *which) == (0, "0 will be sent again\n", "")


def test_a_replay_of_everything_must_be_meant(given_up: Run) -> None:
    code, out, err = given_up("deliveries", "replay")
    assert (code, out) == (1, "")
    assert err == "say which: --buyer, --listener, --event-type, --from, --to, or --all\n"


def test_a_moment_that_is_none_is_said(given_up: Run) -> None:
    assert given_up("deliveries", "replay", "--from", "yesterday") == (
        1,
        "",
        "--from: expected a date or a moment such as 2026-03-05T14:30Z, got 'yesterday'\n",
    )


def test_a_listener_is_paused_seen_and_resumed(given_up: Run) -> None:
    assert given_up("listeners", "pause", "sub-1", "--note", "it loops") == (0, "sub-1: paused\n", "")
    assert given_up("listeners", "pause", "sub-1")[2] == (
        "listener sub-1 is disabled already: an operator paused it: it loops\n"
    )
    assert given_up("deliveries", "replay", "--all")[0] == 0
    listed = given_up("listeners", "list", "--disabled")[1].strip().split("\t")
    assert listed[:4] == ["sub-1", "acme-buyer", "workOrder", CALLBACK]
    assert listed[4].startswith("disabled 20")
    assert listed[4].endswith("Z: an operator paused it: it loops")
    assert listed[5] == "1 waiting, since 2026-03-05T12:00:00Z"
    assert given_up("deliveries", "list")[1].split("\t")[2] == "pending, listener disabled"
    assert given_up("listeners", "resume", "sub-1") == (0, "sub-1: resumed; 1 notifications will be sent\n", "")
    assert given_up("listeners", "list", "--disabled") == (0, "", "")
    for verb in (("list",), ("show", "sub-1")):
        shown = json.loads(given_up("listeners", *verb, "--json")[1])
        assert (shown["eventTypes"], shown["disabledAt"], shown["waiting"]) == (["workOrderCreateEvent"], None, 1)


def test_a_listener_is_removed_with_a_note_after_a_look(waiting: Run) -> None:
    remove = ("listeners", "remove", "sub-1", "--note")
    assert waiting(*remove, " ")[2] == "--note: say why, whoever reads it later has nothing else\n"
    assert waiting(*remove, "gone", "--dry-run")[1] == "sub-1: would be removed; 2 notifications would be given up\n"
    assert waiting(*remove, "gone") == (0, "sub-1: removed; 2 notifications were given up\n", "")
    assert waiting(*remove, "gone")[2] == "there is no listener sub-1\n"
    assert waiting("deliveries", "retry", "1")[2] == "1: has no listener any more\n"


def test_a_ping_says_what_it_does_and_what_came_of_it(given_up: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def answered(status: int | None) -> Attempt:
        return Attempt(at=NOW, status=status, error=None if status else "no answer within 10 s", elapsed=0.25)

    for status, code, text in [
        (405, 0, "reached: 405 to OPTIONS after 0.250 s; no event was sent"),
        (401, 1, "reached, and it refuses us: 401 (credentials?) after 0.250 s"),
        (None, 1, "not reached: no answer within 10 s"),
    ]:
        monkeypatch.setattr(listener_access, "ping_listener", lambda *_, status=status: answered(status))
        assert given_up("listeners", "ping", "sub-1") == (code, f"sub-1: {text}\n", "")
        told = json.loads(given_up("listeners", "ping", "sub-1", "--json")[1])
        assert (told["status"], told["isReached"]) == (status, code == 0)
    structlog.reset_defaults()


def test_a_listener_that_fails_is_seen_to(given_up: Run) -> None:
    assert given_up("listeners", "list")[1].split("\t")[4] == "failing since 2026-03-05T12:01:00Z"


@pytest.mark.parametrize("verb", ["show", "pause", "resume", "ping"])
def test_a_listener_that_does_not_exist_is_said(verb: str, given_up: Run) -> None:
    assert given_up("listeners", verb, "sub-2") == (1, "", "there is no listener sub-2\n")


@pytest.mark.parametrize("kind", [(), ("--ed25519",)])
def test_a_signing_key_is_made_and_its_public_half_told_apart(kind: tuple[str, ...], run: Run) -> None:
    code, out, err = run("listeners", "key", *kind)
    key = read_key(out.strip())
    assert code == 0
    assert err == (f"{key.public}  for the Buyer\n" if isinstance(key, Ed25519Key) else "")
    assert isinstance(key, Ed25519Key) is bool(kind)


def test_each_act_is_in_the_audit_log_with_its_note_and_what_came_of_it(waiting: Run) -> None:
    waiting("deliveries", "retry", "1", "2", "--note", "he is back")
    waiting("deliveries", "retry", "--buyer", "acme-buyer", "--dry-run")
    waiting("deliveries", "retry", "--buyer", "acme-buyer", "--from", "2026-03-05")
    waiting("deliveries", "replay", "--all")
    waiting("listeners", "pause", "sub-1", "--note", "it loops")
    waiting("listeners", "resume", "sub-1")
    waiting("listeners", "resume", "sub-2")
    waiting("listeners", "remove", "sub-1", "--note", "gone")

    async def read() -> list[tuple[str, str, str, str]]:
        store = await open_store("sqlite:///bridge.sqlite3", new_id=lambda: "id")
        acts = [recorded.entry for recorded in await store.audit.latest()]
        await store.close()
        assert {(act.role, bool(act.who)) for act in acts} == {("command line", True)}
        return [(act.act, act.thing, act.note, act.outcome) for act in reversed(acts)]

    assert asyncio.run(read()) == [
        ("retry", "deliveries 1, 2", "he is back", "1 tried now, 1 not"),
        ("retry", "deliveries pending of Buyer acme-buyer from 2026-03-05T00:00:00+00:00", "", "0 tried now"),
        ("replay", "deliveries discarded", "", "0 sent again"),
        ("pause", "listener sub-1", "it loops", "done"),
        ("resume", "listener sub-1", "", "2 to be sent"),
        ("resume", "listener sub-2", "", "refused: there is no listener sub-2"),
        ("remove", "listener sub-1", "gone", "2 given up"),
    ]
