"""`mef-bridge outbox`: messages for the WFM that were decided on, and those that wait tried now."""

from collections.abc import Sequence
from typing import Annotated

import typer

from bridge.app.process import now
from bridge.cli.about import AboutOption, jobs_about
from bridge.cli.acts import DryRunOption, NoteOption, writing
from bridge.cli.database import with_store
from bridge.cli.given import given_settings
from bridge.cli.options import ConfigOption, JsonOption
from bridge.cli.rows import print_facts, print_json, print_retried, print_rows, when
from bridge.errors import PermanentError
from bridge.flows.audit import named
from bridge.flows.facts import outbox_content, outbox_facts
from bridge.flows.operator import OutboxFilter, Retried, tried
from bridge.flows.ports.outbox_entry import OutboxReport, OutboxState
from bridge.store import SqlStore

COLUMNS = ("no.", "state", "job", "exchange", "routing key", "message id", "attempts", "next attempt", "error")
MOST = 100_000  # of one retry

PackOption = Annotated[str | None, typer.Option("--pack", help="Only those of this pack.")]


def list_outbox(
    config: ConfigOption = None,
    state: Annotated[OutboxState | None, typer.Option(help="Only those in this state.")] = None,
    pack: PackOption = None,
    about: AboutOption = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List the newest messages for the WFM: where they go, what went wrong, when they are due or what they wait behind.
    Reads only.
    """
    found = with_store(given_settings(config), lambda store: _reports(store, state, pack, about, limit), read_only=True)
    if as_json:
        print_json(map(outbox_facts, found))
    else:
        print_rows(COLUMNS, map(_row, found))


def show_outbox(
    number: Annotated[int, typer.Argument(help="Its number.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one message for the WFM in full. Reads only."""
    report = with_store(given_settings(config), lambda store: store.outbox.report(number), read_only=True)
    if report is None:
        raise PermanentError(f"there is no message {number} in the outbox")
    print_facts({**outbox_facts(report), **outbox_content(report)}, as_json=as_json)


def retry_outbox(
    numbers: Annotated[list[int] | None, typer.Argument(help="Numbers of messages that wait.")] = None,
    config: ConfigOption = None,
    pack: PackOption = None,
    about: AboutOption = None,
    everything: Annotated[bool, typer.Option("--all", help="All that wait for their next attempt.")] = False,
    dry_run: DryRunOption = False,
    note: NoteOption = "",
    as_json: JsonOption = False,
) -> None:
    """Send messages for the WFM now that wait for their next attempt.

    They are tried again by themselves, at least once a minute. What is behind another of its job follows it. A running
    bridge begins at once.
    """
    if bool(numbers) == any((everything, pack, about)):
        raise PermanentError("name the messages, or say which: --pack, --about, or --all")
    settings = given_settings(config)

    async def chosen(store: SqlStore) -> Sequence[int]:
        found = await _reports(store, OutboxState.PENDING, pack, about, MOST)
        return [each.number for each in found if each.behind is None and not each.is_under_way]

    wanted = numbers or with_store(settings, chosen, read_only=True)
    if dry_run:
        typer.echo(f"{len(wanted)} would be tried now")
        return

    async def work(store: SqlStore) -> Sequence[Retried]:
        async with writing(store, "retry", named("outbox", wanted), note) as result:
            told = await store.outbox.retry(wanted, now())
            result.text = tried(told)
            return told

    print_retried(with_store(settings, work, read_only=False), as_json=as_json)


async def _reports(
    store: SqlStore, state: OutboxState | None, pack: str | None, about: str | None, limit: int
) -> Sequence[OutboxReport]:
    wanted = OutboxFilter(state=state, pack=pack, jobs=await jobs_about(store, about))
    return await store.outbox.reports(wanted, limit)


def _row(report: OutboxReport) -> list[str]:
    message = report.message
    return [
        str(report.number),
        report.state.value,
        "" if message.job is None else message.job.key,
        message.exchange,
        message.routing_key,
        message.message_id,
        str(report.attempts),
        _next(report),
        report.error or "",
    ]


def _next(report: OutboxReport) -> str:
    if report.behind is not None:
        return f"waits behind {report.behind}"
    return "under way" if report.is_under_way else when(report.next_attempt_at)
