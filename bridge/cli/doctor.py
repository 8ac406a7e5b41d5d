"""`mef-bridge doctor`: whether a set-up will do, thing by thing, with what to do."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bridge.app.doctor import Diagnosis, Verdict, examine
from bridge.cli.options import ConfigOption, JsonOption
from bridge.settings import DEFAULT_FILE, InvalidSettings, Settings, load_settings
from bridge.telemetry import configure_logging

_MARKS = {Verdict.RIGHT: ("✓", "green"), Verdict.WRONG: ("✗", "bold red"), Verdict.UNSEEN: ("–", "yellow")}


def doctor(
    config: ConfigOption = None,
    management: Annotated[
        str | None, typer.Option(help="URL of RabbitMQ's management plugin; default port 15672 of its host.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Look at a set-up: settings, packs, Buyers, database, RabbitMQ, clock. Exit code 1 if something is wrong.

    Changes nothing, and may be used while the bridge runs.
    """
    configure_logging("console", "error")
    found = asyncio.run(_tell(_diagnoses(config, management), Console(highlight=False), as_json=as_json))
    wrong = sum(diagnosis.is_wrong for diagnosis in found)
    if not as_json:
        typer.echo(f"\n{len(found)} things looked at, {wrong or 'none'} to be mended")
    if wrong:
        raise typer.Exit(1)


async def _diagnoses(config: Path | None, management: str | None) -> AsyncIterator[Diagnosis]:
    try:
        settings = load_settings(config)
    except InvalidSettings as invalid:
        yield Diagnosis("settings", Verdict.WRONG, str(invalid))
        return
    yield Diagnosis("settings", Verdict.RIGHT, _origin(settings))
    async for diagnosis in examine(settings, management):
        yield diagnosis


def _origin(settings: Settings) -> str:
    file = settings.file
    if file is None:
        return f"there is no {DEFAULT_FILE.absolute()}: defaults, and variables"
    return f"{file.absolute()}, mode {settings.mode}, instance {settings.instance}"


async def _tell(diagnoses: AsyncIterator[Diagnosis], console: Console, *, as_json: bool) -> list[Diagnosis]:
    """Print each as it comes: some take seconds."""
    found = []
    async for diagnosis in diagnoses:
        found.append(diagnosis)
        if as_json:
            typer.echo(json.dumps({"what": diagnosis.what, "verdict": diagnosis.verdict, "says": diagnosis.says}))
        else:
            _print(console, diagnosis)
    return found


def _print(console: Console, diagnosis: Diagnosis) -> None:
    mark, style = _MARKS[diagnosis.verdict]
    first, *others = diagnosis.says.splitlines()
    console.print(f"{mark} {diagnosis.what:<18} {first}", style=style, markup=False, soft_wrap=True)
    for line in others:
        console.print(f"{'':<21}{line}", style=style, markup=False, soft_wrap=True)
