"""Which messages a command is about: options that several verbs have, and the filter that they make."""

from typing import Annotated

import typer

from bridge.cli.about import jobs_about
from bridge.cli.chosen import moment
from bridge.domain.model import Outcome
from bridge.flows.ports.journal_entry import MessageFilter
from bridge.store import SqlStore

RuleOption = Annotated[str | None, typer.Option("--rule", help="Only those for which this rule held.")]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Only those whose reason has this text in it.")]
ReceivedSinceOption = Annotated[
    str | None,
    typer.Option("--from", help="Only those that came from then on: 2026-03-05, or 2026-03-05T14:30Z (UTC)."),
]
ReceivedUntilOption = Annotated[str | None, typer.Option("--to", help="Only those that came before then.")]


async def chosen_messages(
    store: SqlStore,
    about: str | None,
    rule: str | None,
    reason: str | None,
    since: str | None,
    until: str | None,
    outcome: Outcome | None = None,
) -> MessageFilter:
    """Make the filter; raises `PermanentError` for a moment that is none, and for an id that nothing has."""
    return MessageFilter(
        outcome=outcome,
        jobs=await jobs_about(store, about),
        rule=rule,
        reason=reason,
        since=moment("--from", since),
        until=moment("--to", until),
    )
