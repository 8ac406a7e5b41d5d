"""`mef-bridge deliveries`: what became of notifications to Buyers, and those given up sent again."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from bridge.app.process import now
from bridge.cli.database import with_store
from bridge.cli.messages import print_lines
from bridge.cli.options import ConfigOption, JsonOption
from bridge.flows.ports import DeliveryReport, DeliveryState
from bridge.settings import load_settings


def list_deliveries(
    config: ConfigOption = None,
    state: Annotated[DeliveryState | None, typer.Option(help="Only those in this state; discarded: given up.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List the newest notifications, one a line: where they go, and how the last attempt ended. Reads only."""
    found = with_store(load_settings(config), lambda store: store.deliveries.reports(state, limit), read_only=True)
    print_lines(json.dumps(asdict(report), default=str) if as_json else _line(report) for report in found)


def retry_deliveries(
    numbers: Annotated[list[int], typer.Argument(help="Numbers of given-up notifications.")],
    config: ConfigOption = None,
) -> None:
    """Send given-up notifications again, with the eventId they had, and all attempts before them.

    A running bridge takes them up when it looks next, within half a minute.
    """
    settings = load_settings(config)
    again = with_store(settings, lambda store: store.deliveries.retry(numbers, now()), read_only=False)
    for number in numbers:
        known = number in again
        typer.echo(
            f"{number}: {'will be sent again' if known else 'is not given up, or has no listener'}", err=not known
        )
    if len(again) < len(set(numbers)):
        raise typer.Exit(1)


def _line(report: DeliveryReport) -> str:
    fields = [
        str(report.number),
        f"{report.event_time:%Y-%m-%dT%H:%M:%SZ}",
        report.state.value,
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
    return f"{report.attempts} attempts, last: {report.last.status or report.last.error}"
