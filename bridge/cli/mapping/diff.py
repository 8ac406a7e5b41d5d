"""`mef-bridge mapping diff`: what Buyers and the WFM would see otherwise if another pack ran. It changes nothing."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.app.process import now
from bridge.cli.mapping.directories import directory_of
from bridge.cli.options import ConfigOption
from bridge.errors import PermanentError
from bridge.mapping.loader import load_pack
from bridge.packtools.difference import Change, changes, outcomes
from bridge.packtools.replay import Asked, Event, Message, events_of
from bridge.packtools.sandbox import RawMessage

if TYPE_CHECKING:
    from bridge.store import SqlStore


class NoMessages(PermanentError):
    """There is nothing to replay."""


def run(
    old: Annotated[Path, typer.Argument(help="Directory of the pack that runs.", callback=directory_of)],
    new: Annotated[Path, typer.Argument(help="Directory of the pack that may run instead.", callback=directory_of)],
    messages: Annotated[
        Path | None, typer.Option(help="Replay the files of this directory, by name; default: the bridge's journal.")
    ] = None,
    config: ConfigOption = None,
    last: Annotated[int, typer.Option(min=1, help="Replay at most so many of the newest messages.")] = 10_000,
    limit: Annotated[int, typer.Option(min=1, help="Print at most so many differences.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print the differences as JSON.")] = False,
) -> None:
    """Replay what was recorded through two packs; exit code 1 if Buyers or the WFM would see anything otherwise."""
    before, after = load_pack(old), load_pack(new)
    replayed: Sequence[Event] = _files(messages) if messages is not None else _journal(config, before.name, last)
    if not replayed:
        raise NoMessages("there are no messages to replay")
    found = list(changes(before, after, replayed))
    if as_json:
        typer.echo(json.dumps({"changes": [asdict(change) for change in found]}, indent=2, ensure_ascii=False))
    else:
        _tell(found, limit)
        typer.echo(f"{_count(replayed)}, {len(found)} differences: {before.version} -> {after.version}")
        for pack in (before, after):
            became = outcomes(pack, replayed)
            typer.echo(f"with {pack.version}: {', '.join(f'{count} {outcome}' for outcome, count in became.items())}")
    if found:
        raise typer.Exit(1)


def _files(directory: Path) -> list[Message]:
    moment = now()
    paths = sorted(path for path in directory.glob("*") if path.is_file())
    return [Message(path.name, RawMessage(body=path.read_bytes()), moment) for path in paths]


def _journal(config: Path | None, pack: str, last: int) -> Sequence[Event]:
    from bridge.cli.database import with_store  # not before it is needed: SQL is slow to import
    from bridge.cli.given import given_settings

    settings = given_settings(config)
    try:
        return with_store(settings, lambda store: _recorded(store, pack, last), read_only=True)
    except PermanentError as error:
        raise NoMessages(f"{error}; --messages DIR replays the files of a directory instead") from error


async def _recorded(store: "SqlStore", pack: str, last: int) -> Sequence[Event]:
    entries = [one for one in await store.journal.latest(limit=last) if one.entry.raw.pack == pack]
    oldest = min((one.entry.raw.received_at for one in entries), default=now())
    return events_of(entries, await store.commands.since(pack, oldest))


def _count(replayed: Sequence[Event]) -> str:
    asked = sum(isinstance(event, Asked) for event in replayed)
    heard = sum(isinstance(event, Message) for event in replayed)
    return f"{heard} messages" + (f", {asked} commands" if asked else "")


def _tell(found: Sequence[Change], limit: int) -> None:
    for change in islice(found, limit):
        typer.echo(f"{change.event}  job {change.job or '-'}  {change.what}")
        typer.echo(f"  - {json.dumps(change.old, ensure_ascii=False)}")
        typer.echo(f"  + {json.dumps(change.new, ensure_ascii=False)}")
