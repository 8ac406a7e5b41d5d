"""`mef-bridge mapping explain`: why a pack makes of a message what it does."""

import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bridge.app.process import now
from bridge.cli.mapping.directories import PackArgument
from bridge.domain.model import CommandKind
from bridge.errors import PermanentError
from bridge.mapping.checks.proofs.situations import MefState, mef_states
from bridge.mapping.document.layers import read_pack
from bridge.mapping.loader import make_pack
from bridge.mapping.pack import Pack
from bridge.mef.models import TimePeriod
from bridge.mef.moments import parse_moment
from bridge.packtools.case_files import load_cases
from bridge.packtools.cases import Case
from bridge.packtools.cases_run import play
from bridge.packtools.explanation import Explanation, explain, explain_in, explain_reply
from bridge.packtools.explanation_text import as_text, reply_as_text
from bridge.packtools.sandbox import RawMessage


class WrongInput(PermanentError):
    """What was given on the command line can't be used."""


def run(
    pack: PackArgument,
    message: Annotated[
        Path, typer.Argument(help="File with the body of the message, or a case of the pack; - reads standard input.")
    ],
    step: Annotated[
        int | None,
        typer.Option(min=1, help="The file is a case; explain the message of this step, after those before."),
    ] = None,
    state: Annotated[
        str, typer.Option(help="What the Buyer sees before: a WorkOrder state, or planned/confirmed with a status.")
    ] = "",
    after: Annotated[
        list[Path] | None,
        typer.Option(
            help="File with a message that came before, at the time that it tells; may be repeated, in their order."
        ),
    ] = None,
    routing_key: Annotated[
        list[str] | None, typer.Option(help="Routing key of all the messages, or FILE:KEY of one; may be repeated.")
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(help="Header of all the messages, NAME=VALUE, or of one, FILE:NAME=VALUE; may be repeated."),
    ] = None,
    reply: Annotated[CommandKind | None, typer.Option(help="The message is the WFM's reply to this command.")] = None,
    period: Annotated[
        list[str] | None,
        typer.Option(
            help="A period that a Buyer searches, START/END in RFC 3339; may be repeated. For --reply search."
        ),
    ] = None,
    time: Annotated[
        datetime | None,
        typer.Option(help="When the message comes, UTC; default: when it says that it happened, or now."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Tell of fields that say little, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the explanation as JSON.")] = False,
) -> None:
    """Explain a message: each field, each rule with the cell that failed, the hops, what is seen and what is sent.

    With --reply, explain a reply: what it means, and which slots a Buyer would see. With --step, explain a message of a
    case.
    """
    if period and reply is not CommandKind.SEARCH:
        raise WrongInput("--period is for --reply search")
    if reply is not None and (state or after or routing_key or header or step):
        raise WrongInput("--state, --after, --routing-key, --header and --step are for messages, not for --reply")
    if state and after:
        raise WrongInput("--state and --after both say what was before; write one of them")
    if step is not None and (state or after or routing_key or header or time):
        raise WrongInput("a case says itself what was before its steps, and what stands beside a message")
    if reply is not None:
        explained = explain_reply(_pack(pack), reply, _read(message), list(map(_period, period or ())))
        typer.echo(_json(explained) if as_json else reply_as_text(explained))
        return
    if step is not None:
        book, words, moment = play(_case(pack, message), _pack(pack), step)
        _tell(explain_in(book, words, moment), every=every, as_json=as_json)
        return
    *before, words = _messages([*(after or ()), message], routing_key or (), header or ())
    at = time.replace(tzinfo=now().tzinfo) if time is not None else None
    _tell(explain(_pack(pack), words, _state(state), now(), before, at=at), every=every, as_json=as_json)


def _pack(directory: Path) -> Pack:
    """Load a pack that may have gaps yet: what becomes of a message in one is what people want to see."""
    return make_pack(read_pack(directory))


def _tell(parts: list[Explanation], *, every: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(_json(parts[0] if len(parts) == 1 else parts))
    else:
        typer.echo("\n\n".join(as_text(part, every=every) for part in parts))


def _case(pack: Path, file: Path) -> Case:
    cases = load_cases(pack)
    found = next((case for path, case in cases if path.resolve() == file.resolve()), None)
    if found is None:
        raise WrongInput(f"{file} is no case of {pack}; there is {', '.join(str(path) for path, _ in cases)}")
    return found


def _messages(paths: Sequence[Path], routing_keys: Sequence[str], headers: Sequence[str]) -> list[RawMessage]:
    """Read the messages, with what stands beside each."""
    of_file = _of_file(paths)
    keys, pairs = [of_file(text) for text in routing_keys], [of_file(text) for text in headers]
    return [
        RawMessage(
            body=_read(path),
            routing_key=next((text for file, text in reversed(keys) if file in (None, path)), ""),
            headers=dict(_header(text) for file, text in pairs if file in (None, path)),
        )
        for path in paths
    ]


def _of_file(paths: Sequence[Path]) -> Callable[[str], tuple[Path | None, str]]:
    """Make a function that tells of which file something is said, None where of all of them."""

    def split(text: str) -> tuple[Path | None, str]:
        name, colon, rest = text.partition(":")
        file = next((path for path in paths if name in (str(path), path.name)), None) if colon else None
        return (file, rest) if file is not None else (None, text)

    return split


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
