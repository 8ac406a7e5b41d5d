"""`mef-bridge mapping new`: a pack to begin with, guessed from sample messages."""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from bridge.errors import PermanentError
from bridge.mapping.loader import PACK_FILE
from bridge.mapping.starter import starter


class CantBegin(PermanentError):
    """The pack can't be written, or the samples not be read."""


def run(
    name: Annotated[str, typer.Argument(help="Name of the pack: lower-case letters, digits and dashes.")],
    samples: Annotated[list[Path], typer.Option("--from", help="A sample message (JSON), or a folder of them.")],
    directory: Annotated[Path, typer.Option("--in", help="Where the pack's directory is made.")] = Path("mappings"),
) -> None:
    """Write a commented starter pack from sample messages; what cannot be guessed is a TODO in it."""
    target = directory / name / PACK_FILE
    if target.exists():
        raise CantBegin(f"{target} exists already")
    text = starter(name, [message for path in samples for message in _messages(path)])
    target.parent.mkdir(parents=True, exist_ok=True)
    (target.parent / "cases").mkdir(exist_ok=True)
    target.write_text(text)
    typer.echo(f"{target}: {text.count('TODO')} TODOs. Next: mef-bridge mapping check {target.parent}")


def _messages(path: Path) -> list[object]:
    paths = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not paths:
        raise CantBegin(f"{path}: there are no messages (*.json)")
    return [_message(each) for each in paths]


def _message(path: Path) -> object:
    try:
        data = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise CantBegin(f"{path}: {error}") from error
    if not isinstance(data, dict):
        raise CantBegin(f"{path}: expected one message, a JSON object")
    return data
