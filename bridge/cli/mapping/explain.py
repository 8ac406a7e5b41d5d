"""`mef-bridge mapping explain`: why a pack makes of a message what it does."""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bridge.app.process import now
from bridge.cli.mapping.directories import PackArgument
from bridge.domain.model import CommandKind
from bridge.errors import PermanentError
from bridge.mapping.checks.proofs.situations import MefState, mef_states
from bridge.mapping.loader import load_pack
from bridge.mef.models import TimePeriod
from bridge.mef.moments import parse_moment
from bridge.packtools.explanation import Explanation, as_text, explain, explain_reply, reply_as_text
from bridge.packtools.sandbox import RawMessage


class WrongInput(PermanentError):
    """What was given on the command line can't be used."""


def run(
    pack: PackArgument,
    message: Annotated[Path, typer.Argument(help="File with the body of the message; - reads standard input.")],
    state: Annotated[
        str, typer.Option(help="What the Buyer sees before: a WorkOrder state, or planned/confirmed with a status.")
    ] = "",
    after: Annotated[
        list[Path] | None,
        typer.Option(help="File with a message that came before; may be repeated, in the order in which they came."),
    ] = None,
    routing_key: Annotated[str, typer.Option(help="Routing key of the message.")] = "",
    header: Annotated[
        list[str] | None, typer.Option(help="Header of the message, name=value; may be repeated.")
    ] = None,
    reply: Annotated[CommandKind | None, typer.Option(help="The message is the WFM's reply to this command.")] = None,
    period: Annotated[
        list[str] | None,
        typer.Option(
            help="A period that a Buyer searches, START/END in RFC 3339; may be repeated. For --reply search."
        ),
    ] = None,
    time: Annotated[datetime | None, typer.Option(help="The clock's time, UTC; default now.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the explanation as JSON.")] = False,
) -> None:
    """Explain a message: each field, each rule with the cell that failed, the hops, what is seen and what is sent.

    With --reply, explain a reply: what it means, and which slots a Buyer would see.
    """
    if period and reply is not CommandKind.SEARCH:
        raise WrongInput("--period is for --reply search")
    if reply is not None and (state or after or routing_key or header):
        raise WrongInput("--state, --after, --routing-key and --header are for messages, not for --reply")
    if state and after:
        raise WrongInput("--state and --after both say what was before; write one of them")
    if reply is not None:
        explained = explain_reply(load_pack(pack), reply, _read(message), list(map(_period, period or ())))
        typer.echo(_json(explained) if as_json else reply_as_text(explained))
        return
    headers = dict(map(_header, header or ()))
    *before, words = (
        RawMessage(body=_read(path), routing_key=routing_key, headers=headers) for path in [*(after or ()), message]
    )
    moment = time.replace(tzinfo=now().tzinfo) if time is not None else now()
    parts = explain(load_pack(pack), words, _state(state), moment, before)
    typer.echo(_json(parts[0] if len(parts) == 1 else parts) if as_json else "\n\n".join(map(as_text, parts)))


def _json(explained: Explanation | list[Explanation]) -> str:
    return json.dumps(explained, indent=2, ensure_ascii=False)


def _read(path: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise WrongInput(f"{path}: {error.strerror or error}") from error


def _header(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise WrongInput(f"--header {text}: write name=value")
    return name, value


def _period(text: str) -> TimePeriod:
    start, end = map(parse_moment, text.partition("/")[::2])
    if start is None or end is None or end <= start:
        example = "2026-03-06T08:00:00Z/2026-03-06T18:00:00Z"
        raise WrongInput(f"--period {text}: write its start and a later end, such as {example}")
    return TimePeriod(start_date_time=start, end_date_time=end)


def _state(text: str) -> MefState:
    states = {"/".join(part for part in state if part): state for state in mef_states()}
    if text not in states:
        raise WrongInput(f"--state {text}: there is {', '.join(filter(None, states))}")
    return states[text]
