"""`mef-bridge mapping diff`: what Buyers would see otherwise if another pack ran. It reads, and changes nothing."""

import asyncio
import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from bridge.app import new_id, now
from bridge.cli.serve import ConfigOption
from bridge.errors import PermanentError
from bridge.flows.effects import messages_for
from bridge.flows.ports import RecordedEntry
from bridge.mapping.difference import Change, Message, changes
from bridge.mapping.job_book import WfmWords
from bridge.mapping.loader import load_pack
from bridge.settings import Settings, load_settings
from bridge.store import open_existing


class NoMessages(PermanentError):
    """There is nothing to replay."""


def run(
    old: Annotated[Path, typer.Argument(help="Directory of the pack that runs.")],
    new: Annotated[Path, typer.Argument(help="Directory of the pack that may run instead.")],
    messages: Annotated[
        Path | None, typer.Option(help="Replay the files of this directory, by name; default: the bridge's journal.")
    ] = None,
    config: ConfigOption = None,
    last: Annotated[int, typer.Option(min=1, help="Replay at most so many of the newest messages.")] = 10_000,
    limit: Annotated[int, typer.Option(min=1, help="Print at most so many differences.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print the differences as JSON.")] = False,
) -> None:
    """Replay recorded messages through two packs; exit code 1 if Buyers would see anything otherwise."""
    before, after = load_pack(old), load_pack(new)
    replayed = _files(messages) if messages is not None else _journal(load_settings(config), before.name, last)
    if not replayed:
        raise NoMessages("there are no messages to replay")
    found = list(changes(before, after, replayed, messages_for))
    if as_json:
        typer.echo(json.dumps({"changes": [_plain(change) for change in found]}, indent=2, ensure_ascii=False))
    else:
        _tell(found, limit)
        typer.echo(f"{len(replayed)} messages, {len(found)} differences: {before.version} -> {after.version}")
    if found:
        raise typer.Exit(1)


def _files(directory: Path) -> list[Message]:
    moment = now()
    paths = sorted(path for path in directory.glob("*") if path.is_file())
    return [Message(path.name, WfmWords(body=path.read_bytes()), moment) for path in paths]


def _journal(settings: Settings, pack: str, last: int) -> list[Message]:
    entries = asyncio.run(_recorded(settings, last))
    found = {
        (entry.raw.body, entry.raw.received_at): _recorded_message(recorded)
        for recorded in reversed(entries)
        if (entry := recorded.entry).raw.pack == pack
    }
    return list(found.values())  # the parts of one message have an entry each


def _recorded_message(recorded: RecordedEntry) -> Message:
    raw = recorded.entry.raw
    words = WfmWords(body=raw.body, routing_key=raw.routing_key, headers=raw.headers)
    return Message(f"no. {recorded.number}", words, raw.received_at)


async def _recorded(settings: Settings, last: int) -> Sequence[RecordedEntry]:
    store = await open_existing(settings.database.url.get_secret_value(), new_id=new_id, read_only=True)
    try:
        return await store.journal(limit=last)
    finally:
        await store.close()


def _tell(found: Sequence[Change], limit: int) -> None:
    for change in islice(found, limit):
        typer.echo(f"{change.message}  job {change.job or '-'}  {change.what}")
        typer.echo(f"  - {json.dumps(change.old, ensure_ascii=False)}")
        typer.echo(f"  + {json.dumps(change.new, ensure_ascii=False)}")


def _plain(change: Change) -> dict[str, object]:
    return {
        "message": change.message,
        "job": change.job,
        "what": change.what,
        "old": change.old,
        "new": change.new,
    }
