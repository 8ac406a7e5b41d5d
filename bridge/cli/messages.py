"""`mef-bridge messages`: what the WFM has said and what became of it."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from bridge.app.process import now
from bridge.cli.about import AboutOption
from bridge.cli.acts import said_why, writing
from bridge.cli.chosen_messages import (
    ReasonOption,
    ReceivedSinceOption,
    ReceivedUntilOption,
    RuleOption,
    chosen_messages,
)
from bridge.cli.database import with_store
from bridge.cli.given import given_settings
from bridge.cli.options import ConfigOption, JsonOption
from bridge.domain.model import Outcome
from bridge.errors import PermanentError
from bridge.flows.audit import named
from bridge.flows.ports.journal_entry import JournalEntry, MessageGroup, RecordedEntry
from bridge.flows.trace import moment
from bridge.store import SqlStore


def list_messages(
    config: ConfigOption = None,
    outcome: Annotated[Outcome | None, typer.Option(help="Only messages with this outcome, such as parked.")] = None,
    about: AboutOption = None,
    rule: RuleOption = None,
    reason: ReasonOption = None,
    since: ReceivedSinceOption = None,
    until: ReceivedUntilOption = None,
    count: Annotated[bool, typer.Option("--count", help="Only count them, by outcome and reason, most first.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List the newest messages with what the bridge did and why. Reads only."""

    async def read(store: SqlStore) -> tuple[Sequence[MessageGroup], Sequence[RecordedEntry]]:
        wanted = await chosen_messages(store, about, rule, reason, since, until, outcome)
        if count:
            return await store.journal.groups(wanted), ()
        return (), await store.journal.chosen(wanted, limit)

    groups, entries = with_store(given_settings(config), read, read_only=True)
    if count:
        print_groups(groups, as_json=as_json)
    elif as_json:
        print_lines(json.dumps(_facts(recorded)) for recorded in entries)
    elif sys.stdout.isatty():
        _print_table(entries)
    else:
        print_lines(map(_line, entries))


def discard_messages(
    numbers: Annotated[list[int], typer.Argument(help="Numbers of parked entries.")],
    note: Annotated[str, typer.Option("--note", help="Why; it is kept with the message.")],
    config: ConfigOption = None,
) -> None:
    """Set parked messages aside for good, with a note: they count as ignored, and no replay takes them up again."""
    why = said_why(note)

    async def work(store: SqlStore) -> dict[int, str]:
        async with writing(store, "discard", named("messages", numbers), why) as result:
            left = [number for number in numbers if not await store.journal.discard(number, why)]
            result.text = f"{len(numbers) - len(left)} discarded" + (f", {len(left)} not parked" if left else "")
            return {number: await _not_parked(store, number) for number in left}

    left = with_store(given_settings(config), work, read_only=False)
    for number in numbers:
        typer.echo(f"{number}: {left.get(number, 'discarded')}", err=number in left)
    if left:
        raise typer.Exit(1)


async def _not_parked(store: SqlStore, number: int) -> str:
    """Say why a message could not be set aside."""
    found = await store.journal.find(number)
    return "does not exist" if found is None else f"is {found.entry.outcome}, not parked"


def show_message(
    number: Annotated[int, typer.Argument(help="Its number in the journal.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one message in full: as it came, what became of it, and how that was found. Reads only."""
    recorded = with_store(given_settings(config), lambda store: store.journal.find(number), read_only=True)
    if recorded is None:
        raise PermanentError(f"there is no entry {number}")
    facts = _facts(recorded) | _details(recorded.entry)
    print_lines([json.dumps(facts)] if as_json else _pages(facts))


def print_lines(lines: Iterable[str]) -> None:
    """Print lines of any length and content as they are."""
    for line in lines:
        typer.echo(line)


def print_groups(groups: Iterable[MessageGroup], *, as_json: bool = False) -> None:
    """Print how many messages came to what, and why; one line for each."""
    print_lines(json.dumps(_group_facts(group)) if as_json else _group_line(group) for group in groups)


def _group_facts(group: MessageGroup) -> dict[str, object]:
    moments = {"first": group.first.isoformat(), "last": group.last.isoformat()}
    return {
        "count": group.number,
        "pack": group.pack,
        "outcome": group.outcome.value,
        "reason": group.reason,
        **moments,
    }


def _group_line(group: MessageGroup) -> str:
    span = f"{moment(group.first)}..{moment(group.last)}"
    return "\t".join([str(group.number), group.pack, group.outcome.value, span, one_line(group.reason)]).rstrip()


def why(entry: JournalEntry) -> str:
    """Say what a message changed, or why it changed nothing."""
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


def one_line(text: str) -> str:
    """Write a text of several lines in one."""
    return " ".join(text.split())


def _remark(entry: JournalEntry) -> str:
    return one_line("; ".join(filter(None, [_age(entry), why(entry)])))


def _line(recorded: RecordedEntry) -> str:
    entry = recorded.entry
    named = [entry.job.key if entry.job else "-", entry.message or "-", entry.outcome.value, entry.rule or "-"]
    fields = [str(recorded.number), moment(entry.raw.received_at), *map(one_line, named), _remark(entry)]
    return "\t".join(fields).rstrip()


def _print_table(entries: Sequence[RecordedEntry]) -> None:
    """Two columns and what belongs to each below it, so that 80 characters are enough and nothing is cut."""
    from rich.console import Console  # not before it is needed: it is slow to import
    from rich.table import Table
    from rich.text import Text

    table = Table("no.", "message", show_lines=True)
    for recorded in entries:
        entry = recorded.entry
        job = f"job {entry.job.key}" if entry.job else "no job"
        head = f"{entry.outcome}  {moment(entry.raw.received_at)}  {job}  {entry.message or ''}"
        lines = [head, *filter(None, [entry.rule and f"rule {entry.rule}", _remark(entry)])]
        table.add_row(str(recorded.number), Text("\n".join(lines), overflow="fold"))
    Console().print(table)


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
