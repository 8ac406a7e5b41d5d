"""`mef-bridge commands`: what Buyers had the WFM asked, and what came of it."""

from datetime import datetime
from typing import Annotated

import typer

from bridge.app.process import now
from bridge.cli.about import AboutOption, jobs_about
from bridge.cli.chosen import BuyerOption
from bridge.cli.database import with_store
from bridge.cli.given import given_settings
from bridge.cli.options import ConfigOption, JsonOption
from bridge.cli.rows import print_facts, print_json, print_rows, when
from bridge.domain.model import BuyerId, CommandId, CommandKind, CommandState
from bridge.errors import PermanentError
from bridge.flows.command_stories import command_story
from bridge.flows.facts import command_facts, story_facts
from bridge.flows.operator import CommandFilter, CommandStory
from bridge.flows.ports.job_trace import TracedCommand
from bridge.flows.trace import came_of
from bridge.store import SqlStore

COLUMNS = ("id", "asked at", "kind", "state", "Buyer", "job", "WorkOrder", "waits or took", "what came of it")


def list_commands(
    config: ConfigOption = None,
    in_flight: Annotated[
        bool, typer.Option("--in-flight", help="Only those that wait for a reply, or are being taken back.")
    ] = False,
    state: Annotated[CommandState | None, typer.Option(help="Only those in this state.")] = None,
    kind: Annotated[CommandKind | None, typer.Option(help="Only those of this kind.")] = None,
    buyer: BuyerOption = None,
    about: AboutOption = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List the newest commands of Buyers towards the WFM: state, age, job, and what came of each. Reads only.

    What follows from decisions (notes, ticket states, cancellations that take a booking back) is in `outbox list`.
    """

    async def read(store: SqlStore) -> list[TracedCommand]:
        jobs = await jobs_about(store, about)
        of = None if buyer is None else BuyerId(buyer)
        wanted = CommandFilter(in_flight=in_flight, state=state, kind=kind, buyer=of, jobs=jobs)
        return list(await store.commands.reports(wanted, limit))

    found = with_store(given_settings(config), read, read_only=True)
    if as_json:
        print_json(map(command_facts, found))
    else:
        at = now()
        print_rows(COLUMNS, (_row(each, at) for each in found))


def show_command(
    id_: Annotated[str, typer.Argument(metavar="ID", help="Its id, as `commands list` shows it.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one command: what was asked, the WFM's replies, what came of it, and what takes it back. Reads only."""

    async def read(store: SqlStore) -> CommandStory:
        command = await store.commands.report(CommandId(id_))
        if command is None:
            raise PermanentError(f"there is no command {id_}")
        return command_story(command, await store.traces.read(command.command.job))

    print_facts(story_facts(with_store(given_settings(config), read, read_only=True)), as_json=as_json)


def _row(traced: TracedCommand, at: datetime) -> list[str]:
    command = traced.command
    return [
        command.id,
        when(command.created_at),
        command.asked_as.value,
        command.state.value,
        command.buyer,
        command.job.key,
        command.work_order,
        _span(traced, at),
        "; ".join(came_of(traced)),
    ]


def _span(traced: TracedCommand, at: datetime) -> str:
    """Say for how long it has waited for its reply, or how long that took."""
    until = at if traced.command.is_pending else traced.settled_at
    return "" if until is None else f"{(until - traced.command.created_at).total_seconds():.1f} s"
