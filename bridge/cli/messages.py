"""`mef-bridge messages`: what the WFM has said and what became of it; and parked messages applied anew."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bridge.app import load_packs, new_id, now
from bridge.cli.serve import ConfigOption
from bridge.domain.model import Outcome
from bridge.errors import PermanentError
from bridge.flows.applier import Applier
from bridge.flows.errors import NotReplayable
from bridge.flows.job_updates import JobUpdates
from bridge.flows.ports import JournalEntry, RecordedEntry
from bridge.settings import Settings, load_settings
from bridge.store import SqlStore, open_existing
from bridge.telemetry import configure_logging

T = TypeVar("T")

MOST_AT_ONCE = 1_000_000

app = typer.Typer(help="The journal of WFM messages.", no_args_is_help=True)
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line, for other programs.")]


@app.callback()
def _messages() -> None:
    """The journal of WFM messages."""


@app.command("list")
def list_messages(
    config: ConfigOption = None,
    outcome: Annotated[Outcome | None, typer.Option(help="Only messages with this outcome, such as parked.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List the newest messages with what the bridge did and why. Reads only."""
    entries = with_store(load_settings(config), lambda store: store.journal.latest(outcome, limit), read_only=True)
    if as_json:
        print_lines(json.dumps(_facts(recorded)) for recorded in entries)
    elif sys.stdout.isatty():
        Console().print(_table(entries))
    else:
        print_lines(map(_line, entries))


@app.command("show")
def show_message(
    number: Annotated[int, typer.Argument(help="Its number in the journal.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one message in full: as it came, what became of it, and how that was found. Reads only."""
    recorded = with_store(load_settings(config), lambda store: store.journal.find(number), read_only=True)
    if recorded is None:
        raise PermanentError(f"there is no entry {number}")
    facts = _facts(recorded) | _details(recorded.entry)
    print_lines([json.dumps(facts)] if as_json else _pages(facts))


@app.command("replay")
def replay_messages(
    numbers: Annotated[list[int] | None, typer.Argument(help="Numbers of parked entries.")] = None,
    all_parked: Annotated[bool, typer.Option("--all-parked", help="All of them, oldest first.")] = False,
    config: ConfigOption = None,
) -> None:
    """Apply parked messages anew, by the packs as they are now. The bridge may run meanwhile.

    What follows from them is in the database at once; a running bridge sends it when it looks next.
    """
    if bool(numbers) == all_parked:
        raise PermanentError("name the entries to replay, or say --all-parked")
    settings = load_settings(config)
    configure_logging(settings.log.format, settings.log.level)
    failed = with_store(settings, lambda store: _replay(settings, store, numbers or []), read_only=False)
    if failed:
        raise typer.Exit(1)


def with_store(settings: Settings, work: Callable[[SqlStore], Awaitable[T]], *, read_only: bool) -> T:
    """Do something with the database of a bridge, which may be running."""

    async def opened() -> T:
        store = await open_existing(settings.database.url.get_secret_value(), new_id=new_id, read_only=read_only)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(opened())


def print_lines(lines: Iterable[str]) -> None:
    """Print lines of any length and content as they are."""
    for line in lines:
        typer.echo(line)


async def _replay(settings: Settings, store: SqlStore, numbers: Sequence[int]) -> int:
    """Replay one by one; return how many could not be."""
    seller_of = {pack: seller.id for seller in settings.sellers for pack in seller.packs}
    updates = JobUpdates(store, Applier(load_packs(settings), now, new_id, sellers=seller_of))
    wanted = numbers or [parked.number for parked in reversed(await store.journal.latest(Outcome.PARKED, MOST_AT_ONCE))]
    failed = 0
    for number in wanted:
        try:
            entries = await updates.replay(number)
        except NotReplayable as refused:
            failed += 1
            typer.echo(f"{number}: {refused}", err=True)
        else:
            typer.echo(f"{number}: {'; '.join(map(_became, entries)) or 'was taken before, in another message'}")
    return failed


def _became(entry: JournalEntry) -> str:
    return " ".join(filter(None, [entry.outcome.value, _why(entry)]))


def _why(entry: JournalEntry) -> str:
    hops = ", ".join(f"{hop.resource} {hop.source or 'new'} → {hop.target}" for hop in entry.transitions)
    return hops or entry.reason


def _age(entry: JournalEntry) -> str:
    """Say how long a message has been waiting."""
    if entry.outcome is not Outcome.WAITING:
        return ""
    return f"waiting for {_duration(now() - entry.raw.received_at)}"


def _duration(span: timedelta) -> str:
    hours, minutes = divmod(max(0, int(span.total_seconds())) // 60, 60)
    return f"{hours // 24} d {hours % 24} h" if hours >= 24 else f"{hours} h {minutes} min"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _remark(entry: JournalEntry) -> str:
    return _one_line("; ".join(filter(None, [_age(entry), _why(entry)])))


def _line(recorded: RecordedEntry) -> str:
    entry = recorded.entry
    named = [entry.job.key if entry.job else "-", entry.message or "-", entry.outcome.value, entry.rule or "-"]
    fields = [str(recorded.number), _moment(entry.raw.received_at), *map(_one_line, named), _remark(entry)]
    return "\t".join(fields).rstrip()


def _table(entries: Sequence[RecordedEntry]) -> Table:
    """Two columns and what belongs to each below it, so that 80 characters are enough and nothing is cut."""
    table = Table("no.", "message", show_lines=True)
    for recorded in entries:
        entry = recorded.entry
        job = f"job {entry.job.key}" if entry.job else "no job"
        head = f"{entry.outcome}  {_moment(entry.raw.received_at)}  {job}  {entry.message or ''}"
        lines = [head, *filter(None, [entry.rule and f"rule {entry.rule}", _remark(entry)])]
        table.add_row(str(recorded.number), Text("\n".join(lines), overflow="fold"))
    return table


def _facts(recorded: RecordedEntry) -> dict[str, object]:
    entry = recorded.entry
    return {
        "number": recorded.number,
        "received": entry.raw.received_at.isoformat(),
        "pack": entry.raw.pack,
        "job": entry.job.key if entry.job else None,
        "message": entry.message,
        "outcome": entry.outcome.value,
        "rule": entry.rule,
        "reason": entry.reason,
        "heldUntil": entry.due_at.isoformat() if entry.due_at is not None else None,
        "transitions": [asdict(hop) for hop in entry.transitions],
    }


def _details(entry: JournalEntry) -> dict[str, object]:
    raw = entry.raw
    return {
        "packVersion": entry.pack_version,
        "flags": list(entry.flags),
        "correlationId": raw.correlation_id,
        "routingKey": raw.routing_key,
        "headers": dict(raw.headers),
        "body": raw.body.decode("utf-8", "backslashreplace"),
        "explanation": dict(entry.explanation),
    }


def _pages(facts: Mapping[str, object]) -> Iterator[str]:
    for name, value in facts.items():
        text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)
        yield f"{name}: {text}"
