"""Metrics as Prometheus reads them: what was counted, and what is seen when they are asked for."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from bridge.admin.metrics import MOST_REASONS, Metrics, Observed
from bridge.domain.model import (
    BuyerId,
    Command,
    CommandId,
    CommandKind,
    CommandState,
    JobRef,
    Outcome,
    WorkOrderId,
)
from bridge.flows.ports.database_figures import Backed, Figures
from bridge.flows.ports.journal_entry import JournalEntry, WfmMessage
from bridge.flows.ports.subscription import SubscriptionId

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
BUYER = BuyerId("acme-buyer")
NOTHING = Figures(
    parked={},
    waiting={},
    backed=[],
    discarded={},
    disabled_listeners=0,
    outbox=0,
    first_outbox=None,
    pending_commands=0,
    to_take_back=0,
)


def observed(figures: Figures | None = NOTHING, **changes: Any) -> Observed:
    seen: dict[str, Any] = {
        "now": NOW,
        "checks": {"database": True, "broker": True},
        "outbox_age": 0.0,
        "oldest_uncommitted": 0.5,
        "depths": {"acme-wfm": 7},
        "dead_letters": 2,
        "stands_by": 0,
        "given_up": 0,
        "loop_lag": 0.01,
        "packs": {"acme-wfm": "1+ab"},
    }
    return Observed(figures=figures, **(seen | changes))


def entry(outcome: Outcome, rule: str | None = None) -> JournalEntry:
    raw = WfmMessage(pack="acme-wfm", body=b"{}", correlation_id="c", received_at=NOW)
    return JournalEntry(message=None, job=None, raw=raw, outcome=outcome, rule=rule)


def booking(state: CommandState) -> Command:
    return Command(
        id=CommandId("c-1"),
        kind=CommandKind.BOOK,
        job=JobRef("acme-wfm", "J-1"),
        work_order=WorkOrderId("wo-1"),
        buyer=BUYER,
        state=state,
        created_at=NOW,
        expires_at=NOW + timedelta(seconds=10),
    )


def read(metrics: Metrics, seen: Observed) -> Mapping[tuple[str, ...], float]:
    """Read all samples as Prometheus does, by name and the values of their labels in the order of these."""
    families = text_string_to_metric_families(metrics.render(seen).decode())
    return {
        (one.name, *(value for _, value in sorted(one.labels.items()))): one.value
        for family in families
        for one in family.samples
    }


def test_messages_are_counted_by_pack_outcome_and_rule() -> None:
    metrics = Metrics("0.1", "bridge-1")
    for one in (entry(Outcome.APPLIED, "planned"), entry(Outcome.APPLIED, "planned"), entry(Outcome.PARKED)):
        metrics.recorded(one)
    found = read(metrics, observed())
    assert found["mef_bridge_messages_total", "applied", "acme-wfm", "planned"] == 2
    assert found["mef_bridge_messages_total", "parked", "acme-wfm", ""] == 1


def test_commands_are_counted_and_the_wfms_reply_is_timed() -> None:
    metrics = Metrics("0.1", "bridge-1")
    metrics.settled(booking(CommandState.ACCEPTED), NOW + timedelta(seconds=2))
    metrics.settled(booking(CommandState.EXPIRED), NOW + timedelta(seconds=10))
    found = read(metrics, observed())
    assert found["mef_bridge_commands_total", "book", "acme-wfm", "accepted"] == 1
    assert found["mef_bridge_commands_total", "book", "acme-wfm", "expired"] == 1
    assert found["mef_bridge_wfm_reply_seconds_count", "book", "acme-wfm"] == 1, "what was never answered took no time"
    assert found["mef_bridge_wfm_reply_seconds_sum", "book", "acme-wfm"] == 2


def test_what_is_seen_at_the_moment_is_told() -> None:
    figures = Figures(
        parked={("acme-wfm", 'field status ($.STAT): came "A"'): 2, ("acme-wfm", 'field status ($.STAT): came "B"'): 3},
        waiting={"acme-wfm": 4},
        backed=[Backed(BUYER, SubscriptionId("l-1"), 110, NOW - timedelta(minutes=2))],
        discarded={BUYER: 5},
        disabled_listeners=1,
        outbox=6,
        first_outbox=17,
        pending_commands=8,
        to_take_back=9,
    )
    found = read(Metrics("0.1", "bridge-1"), observed(figures, outbox_age=12.5))
    expected = {
        ("mef_bridge_info", "bridge-1", "0.1"): 1,
        ("mef_bridge_ready",): 1,
        ("mef_bridge_check", "database"): 1,
        ("mef_bridge_oldest_uncommitted_seconds",): 0.5,
        ("mef_bridge_inbound_queue_messages", "acme-wfm"): 7,
        ("mef_bridge_dead_letters",): 2,
        ("mef_bridge_loop_lag_seconds",): 0.01,
        ("mef_bridge_pack_info", "acme-wfm", "1+ab"): 1,
        ("mef_bridge_parked_messages", "acme-wfm", "field status"): 5,
        ("mef_bridge_waiting_messages", "acme-wfm"): 4,
        ("mef_bridge_pending_deliveries", "acme-buyer", "l-1"): 110,
        ("mef_bridge_oldest_undelivered_seconds", "acme-buyer", "l-1"): 120,
        ("mef_bridge_discarded_deliveries", "acme-buyer"): 5,
        ("mef_bridge_disabled_listeners",): 1,
        ("mef_bridge_outbox_messages",): 6,
        ("mef_bridge_outbox_oldest_seconds",): 12.5,
        ("mef_bridge_pending_commands",): 8,
        ("mef_bridge_bookings_to_take_back",): 9,
    }
    assert {name: found.get(name) for name in expected} == expected


def test_without_the_database_its_gauges_are_missing_and_the_others_are_there() -> None:
    found = read(Metrics("0.1", "bridge-1"), observed(None, checks={"database": "read-only", "broker": True}))
    assert found["mef_bridge_ready",] == 0
    assert found["mef_bridge_check", "database"] == 0
    assert found["mef_bridge_check", "broker"] == 1
    assert not [name for name in found if name[0] == "mef_bridge_outbox_messages"]


def test_a_queue_that_rabbitmq_does_not_tell_of_has_no_depth() -> None:
    found = read(Metrics("0.1", "bridge-1"), observed(depths={"acme-wfm": None}))
    assert not [name for name in found if name[0] == "mef_bridge_inbound_queue_messages"]


def test_however_many_reasons_there_are_a_label_has_only_so_many_values() -> None:
    parked = {("acme-wfm", f"reason {number}"): 1 + (number < MOST_REASONS) for number in range(MOST_REASONS + 30)}
    figures = replace(NOTHING, parked=parked)
    found = read(Metrics("0.1", "bridge-1"), observed(figures))
    told = {name[2]: value for name, value in found.items() if name[0] == "mef_bridge_parked_messages"}
    assert len(told) == MOST_REASONS + 1
    assert told["others"] == 30
    assert sum(told.values()) == sum(parked.values())
