"""`mef-bridge mapping new`: a pack to begin with, guessed from sample messages."""

import re
from pathlib import Path
from typing import Annotated

import typer

from bridge.app.process import now
from bridge.errors import PermanentError
from bridge.mapping.loader import PACK_FILE, load_pack
from bridge.packtools.case_files import CASES
from bridge.packtools.starter import Sample, Unusable, samples_case, starter

SAMPLES_CASE = "samples.yaml"


class CantBegin(PermanentError):
    """The pack can't be written, or the samples not be read."""


def run(
    name: Annotated[str, typer.Argument(help="Name of the pack: lower-case letters, digits and dashes.")],
    samples: Annotated[list[Path], typer.Option("--from", help="A sample message (JSON or XML), or a folder of them.")],
    directory: Annotated[Path, typer.Option("--in", help="Where the pack's directory is made.")] = Path("mappings"),
) -> None:
    """Write a commented starter pack from sample messages, and a case of them; what cannot be guessed is a TODO."""
    target = directory / name
    todos = begin(target, samples)
    typer.echo(f"{target / PACK_FILE}: {todos} TODOs. Next: mef-bridge mapping check {target}")


def begin(target: Path, samples: list[Path]) -> int:
    """Write a pack and its case into a directory, which names it; count its TODOs. Raises `CantBegin`."""
    name = target.name
    _check_name(name)
    if (target / PACK_FILE).exists():
        raise CantBegin(f"{target / PACK_FILE} exists already")
    read = [sample for path in samples for sample in _samples(path)]
    try:
        text = starter(name, read)
    except Unusable as unusable:
        raise CantBegin(str(unusable)) from unusable
    (target / CASES).mkdir(parents=True, exist_ok=True)
    (target / PACK_FILE).write_text(text)
    case = samples_case(load_pack(target), read, now().replace(microsecond=0))
    (target / CASES / SAMPLES_CASE).write_text(case)
    return text.count("TODO")


def _check_name(name: str) -> None:
    """Nothing is written for a pack that could not be loaded for its name."""
    if not re.fullmatch("[a-z0-9][a-z0-9-]*", name):
        proper = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")
        hint = f"; write '{proper}'" if proper else ""
        raise CantBegin(f"a pack is named by lower-case letters, digits and -, got '{name}'{hint}")


def _samples(path: Path) -> list[Sample]:
    paths = sorted(one for ending in ("json", "xml") for one in path.glob(f"*.{ending}")) if path.is_dir() else [path]
    if not paths:
        raise CantBegin(f"{path}: there are no messages (*.json, *.xml)")
    return [_sample(each) for each in paths]


def _sample(path: Path) -> Sample:
    try:
        return Sample(path.name, path.read_bytes())
    except OSError as error:
        raise CantBegin(f"{path}: {error}") from error
