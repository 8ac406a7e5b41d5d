"""`mef-bridge deliveries`: what became of notifications to Buyers, and those that wait or are over sent now."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated

import typer

from bridge.app.process import now
from bridge.cli.acts import DryRunOption, NoteOption, writing
from bridge.cli.chosen import BuyerOption, EventTypeOption, ListenerOption, SinceOption, UntilOption, chosen
from bridge.cli.database import with_store
from bridge.cli.given import given_settings
from bridge.cli.messages import print_lines
from bridge.cli.options import ConfigOption, JsonOption
from bridge.cli.rows import print_facts, print_json, print_retried, print_rows, when
from bridge.errors import PermanentError
from bridge.flows.audit import named
from bridge.flows.facts import attempt_facts, delivery_facts, group_facts, pending_facts
from bridge.flows.operator import Pending, Retried, described, tried
from bridge.flows.ports.webhook_delivery import (
    Attempt,
    DeliveryFilter,
    DeliveryGroup,
    DeliveryReport,
    DeliveryState,
    is_under_way,
)
from bridge.settings import Settings
from bridge.store import SqlStore

COLUMNS = ("no.", "event time", "state", "event", "resource", "eventId", "Buyer", "to", "attempts", "next attempt")
ATTEMPT_COLUMNS = ("at", "answer", "error", "took", "answer began")
GROUP_COLUMNS = ("Buyer", "listener", "event", "count", "first event", "last event", "to")
SAY_WHICH = "say which: --buyer, --listener, --event-type, --from, --to, or --all"
AllOption = Annotated[bool, typer.Option("--all", help="All in that state.")]


class Over(StrEnum):
    """States of notifications that may be sent again."""

    DISCARDED = DeliveryState.DISCARDED.value
    DELIVERED = DeliveryState.DELIVERED.value


def list_deliveries(
    config: ConfigOption = None,
    state: Annotated[DeliveryState | None, typer.Option(help="Only those in this state; discarded: given up.")] = None,
    buyer: BuyerOption = None,
    listener: ListenerOption = None,
    event_type: EventTypeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List the newest notifications: where they go, how the last attempt ended, when the next is due or what they wait
    behind. Reads only.
    """
    wanted = chosen(state, buyer, listener, event_type, since, until)
    found = with_store(given_settings(config), lambda store: store.backlog.reports(wanted, limit), read_only=True)
    if as_json:
        print_json(map(delivery_facts, found))
    else:
        print_rows(COLUMNS, map(_row, found))


def show_delivery(
    number: Annotated[int, typer.Argument(help="Its number.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one notification with every attempt at it: when, what was answered, and how the answer began. Reads only."""

    async def read(store: SqlStore) -> tuple[DeliveryReport | None, Sequence[Attempt]]:
        return await store.backlog.report(number), await store.backlog.attempts(number)

    report, attempts = with_store(given_settings(config), read, read_only=True)
    if report is None:
        raise PermanentError(f"there is no notification {number}")
    if as_json:
        print_facts({**delivery_facts(report), "attempts": [attempt_facts(each) for each in attempts]}, as_json=True)
        return
    print_lines(f"{name}: {text}" for name, text in zip(COLUMNS, _row(report), strict=True) if text)
    print_rows(ATTEMPT_COLUMNS, map(_attempt, attempts))


def retry_deliveries(
    numbers: Annotated[
        list[int] | None, typer.Argument(help="Numbers of notifications that wait, or were given up.")
    ] = None,
    config: ConfigOption = None,
    buyer: BuyerOption = None,
    listener: ListenerOption = None,
    event_type: EventTypeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    everything: Annotated[bool, typer.Option("--all", help="All that wait for their next attempt.")] = False,
    dry_run: DryRunOption = False,
    note: NoteOption = "",
    as_json: JsonOption = False,
) -> None:
    """Send notifications now that wait for their next attempt, or (by number) were given up: with the eventId they had,
    and all attempts before them.

    By Buyer, listener, event type and time only those that wait are meant; `deliveries replay` sends again what is
    over. What is behind another follows it by itself. A running bridge begins at once.
    """
    wanted = chosen(DeliveryState.PENDING, buyer, listener, event_type, since, until)
    by_filter = everything or wanted != DeliveryFilter(state=DeliveryState.PENDING)
    if bool(numbers) == by_filter:
        raise PermanentError(f"name the notifications, or {SAY_WHICH}")
    settings = given_settings(config)
    if numbers:
        _retry_numbers(settings, numbers, note, dry_run=dry_run, as_json=as_json)
    else:
        _retry_chosen(settings, wanted, note, dry_run=dry_run, as_json=as_json)


def _retry_numbers(settings: Settings, numbers: Sequence[int], note: str, *, dry_run: bool, as_json: bool) -> None:
    if dry_run:
        raise PermanentError("--dry-run goes with a filter; `deliveries show` tells how one is")

    async def work(store: SqlStore) -> Sequence[Retried]:
        async with writing(store, "retry", named("deliveries", numbers), note) as result:
            told = await store.backlog.retry(numbers, now())
            result.text = tried(told)
            return told

    print_retried(with_store(settings, work, read_only=False), as_json=as_json)


def _retry_chosen(settings: Settings, wanted: DeliveryFilter, note: str, *, dry_run: bool, as_json: bool) -> None:
    async def hasten(store: SqlStore) -> int:
        async with writing(store, "retry", f"deliveries {described(wanted)}", note) as result:
            count = await store.backlog.hasten(wanted, now())
            result.text = f"{count} tried now"
            return count

    async def work(store: SqlStore) -> tuple[Sequence[DeliveryGroup], Pending, int]:
        groups, pending = await store.backlog.groups(wanted), await store.backlog.pending(wanted, now())
        return groups, pending, 0 if dry_run else await hasten(store)

    groups, pending, done = with_store(settings, work, read_only=dry_run)
    if as_json:
        print_json([{"groups": list(map(group_facts, groups)), **pending_facts(pending), "retried": done}])
        return
    print_rows(GROUP_COLUMNS, map(_group, groups))
    tried = f"{pending.later} would be tried now" if dry_run else f"{done} are tried now"
    typer.echo("; ".join([tried, *_left(pending)]))


def _left(pending: Pending) -> Iterator[str]:
    """Say what a retry leaves as it is, and why."""
    texts = [
        (pending.due, "are due already"),
        (pending.under_way, "are under way"),
        (pending.behind, "wait behind these or others, and follow them"),
        (pending.suspended, "wait for a disabled listener: `mef-bridge listeners resume`"),
    ]
    yield from (f"{count} {text}" for count, text in texts if count)


def replay_deliveries(
    config: ConfigOption = None,
    state: Annotated[Over, typer.Option(help="Those given up, or those that were delivered.")] = Over.DISCARDED,
    buyer: BuyerOption = None,
    listener: ListenerOption = None,
    event_type: EventTypeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    everything: AllOption = False,
    dry_run: DryRunOption = False,
    note: NoteOption = "",
) -> None:
    """Send again what is over, by Buyer, listener, event type and time, oldest first, with the eventId it had.

    Within a resource the order is kept: what is sent again leaves before what is still to be sent. What goes to a
    disabled listener waits until that is resumed. A running bridge begins at once.
    """
    wanted = chosen(DeliveryState(state.value), buyer, listener, event_type, since, until)
    if not everything and wanted == DeliveryFilter(state=wanted.state):
        raise PermanentError(SAY_WHICH)
    settings = given_settings(config)
    groups = with_store(settings, lambda store: store.backlog.groups(wanted), read_only=True)
    print_rows(GROUP_COLUMNS, map(_group, groups))
    if dry_run:
        return

    async def work(store: SqlStore) -> int:
        async with writing(store, "replay", f"deliveries {described(wanted)}", note) as result:
            count = await store.backlog.replay(wanted, now())
            result.text = f"{count} sent again"
            return count

    count = with_store(settings, work, read_only=False)
    left = sum(group.count for group in groups) - count
    typer.echo(f"{count} will be sent again" + (f"; {left} have no listener any more" if left > 0 else ""))


def _row(report: DeliveryReport) -> list[str]:
    return [
        str(report.number),
        when(report.event_time),
        report.state.value + (", listener disabled" if report.is_suspended else ""),
        report.event_type.value,
        report.resource_id,
        report.event_id,
        report.buyer,
        report.callback or "(listener removed)",
        _last(report),
        _next(report),
    ]


def _next(report: DeliveryReport) -> str:
    if report.behind is not None:
        return f"waits behind {report.behind}"
    if report.last is not None and is_under_way(report.last):
        return ""
    return when(report.next_attempt_at)


def _last(report: DeliveryReport) -> str:
    if report.last is None:
        return "never tried"
    return f"{report.attempts} attempts, last: {_outcome(report.last)}"


def _outcome(attempt: Attempt) -> str:
    return str(attempt.status or attempt.error or "under way, or its process died")


def _attempt(attempt: Attempt) -> list[str]:
    error = attempt.error if attempt.status is not None and attempt.error is not None else ""
    return [
        f"{attempt.at:%Y-%m-%dT%H:%M:%S.%fZ}",
        _outcome(attempt),
        error,
        f"{attempt.elapsed:.3f} s",
        attempt.excerpt,
    ]


def _group(group: DeliveryGroup) -> list[str]:
    return [
        group.buyer,
        group.listener,
        group.event_type.value,
        str(group.count),
        when(group.first),
        when(group.last),
        group.callback or "(listener removed)",
    ]
