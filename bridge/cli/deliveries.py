"""`mef-bridge deliveries`: what became of notifications to Buyers, and those that are over sent again."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from bridge.app.process import now
from bridge.cli.chosen import BuyerOption, EventTypeOption, ListenerOption, SinceOption, UntilOption, chosen
from bridge.cli.database import with_store
from bridge.cli.given import given_settings
from bridge.cli.messages import print_lines
from bridge.cli.options import ConfigOption, JsonOption
from bridge.errors import PermanentError
from bridge.flows.ports import Attempt, DeliveryFilter, DeliveryGroup, DeliveryReport, DeliveryState
from bridge.store import SqlStore


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
    """List the newest notifications, one a line: where they go, and how the last attempt ended. Reads only."""
    wanted = chosen(state, buyer, listener, event_type, since, until)
    found = with_store(given_settings(config), lambda store: store.backlog.reports(wanted, limit), read_only=True)
    print_lines(json.dumps(asdict(report), default=str) if as_json else _line(report) for report in found)


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
        print_lines([json.dumps({**asdict(report), "tries": [asdict(each) for each in attempts]}, default=str)])
    else:
        print_lines([_line(report), *map(_attempt, attempts)])


def retry_deliveries(
    numbers: Annotated[list[int], typer.Argument(help="Numbers of given-up notifications.")],
    config: ConfigOption = None,
) -> None:
    """Send given-up notifications again, with the eventId they had, and all attempts before them.

    A running bridge takes them up when it looks next, within half a minute.
    """
    settings = given_settings(config)
    again = with_store(settings, lambda store: store.backlog.retry(numbers, now()), read_only=False)
    for number in numbers:
        known = number in again
        typer.echo(
            f"{number}: {'will be sent again' if known else 'is not given up, or has no listener'}", err=not known
        )
    if len(again) < len(set(numbers)):
        raise typer.Exit(1)


def replay_deliveries(
    config: ConfigOption = None,
    state: Annotated[Over, typer.Option(help="Those given up, or those that were delivered.")] = Over.DISCARDED,
    buyer: BuyerOption = None,
    listener: ListenerOption = None,
    event_type: EventTypeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    everything: Annotated[bool, typer.Option("--all", help="All in that state.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent again.")] = False,
) -> None:
    """Send again what is over, by Buyer, listener, event type and time, oldest first, with the eventId it had.

    Within a resource the order is kept: what is sent again leaves before what is still to be sent. What goes to a
    disabled listener waits until that is enabled. A running bridge begins within half a minute.
    """
    wanted = chosen(DeliveryState(state.value), buyer, listener, event_type, since, until)
    if not everything and wanted == DeliveryFilter(state=wanted.state):
        raise PermanentError("say which: --buyer, --listener, --event-type, --from, --to, or --all")
    settings = given_settings(config)
    groups = with_store(settings, lambda store: store.backlog.groups(wanted), read_only=True)
    print_lines(map(_group, groups))
    if dry_run:
        return
    count = with_store(settings, lambda store: store.backlog.replay(wanted, now()), read_only=False)
    left = sum(group.count for group in groups) - count
    typer.echo(f"{count} will be sent again" + (f"; {left} have no listener any more" if left > 0 else ""))


def _line(report: DeliveryReport) -> str:
    fields = [
        str(report.number),
        f"{report.event_time:%Y-%m-%dT%H:%M:%SZ}",
        report.state.value + (", listener disabled" if report.is_suspended else ""),
        report.event_type.value,
        report.resource_id,
        report.event_id,
        report.callback or "(listener removed)",
        _last(report),
    ]
    return "\t".join(" ".join(field.split()) for field in fields)


def _last(report: DeliveryReport) -> str:
    if report.last is None:
        return "never tried"
    return f"{report.attempts} attempts, last: {_outcome(report.last)}"


def _outcome(attempt: Attempt) -> str:
    return str(attempt.status or attempt.error or "under way, or its process died")


def _attempt(attempt: Attempt) -> str:
    return "\t".join(filter(None, _attempt_fields(attempt)))


def _attempt_fields(attempt: Attempt) -> Iterator[str]:
    yield f"{attempt.at:%Y-%m-%dT%H:%M:%S.%fZ}"
    yield _outcome(attempt)
    if attempt.status is not None and attempt.error is not None:
        yield attempt.error
    yield f"{attempt.elapsed:.3f} s"
    yield attempt.excerpt


def _group(group: DeliveryGroup) -> str:
    fields = [
        group.buyer,
        group.listener,
        group.event_type.value,
        str(group.count),
        f"{group.first:%Y-%m-%dT%H:%M:%SZ}",
        f"{group.last:%Y-%m-%dT%H:%M:%SZ}",
        group.callback or "(listener removed)",
    ]
    return "\t".join(fields)
