"""A draft of a pack, checked in a copy of the directories that the pack is made of; and the pack's cases run by it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bridge.console.drafts import CasesRun, Checked, FailedCase
from bridge.errors import PermanentError
from bridge.mapping.document.layers import PACK_FILE, files_of, read_pack
from bridge.mapping.loader import load_pack
from bridge.mapping.pack import Pack
from bridge.packtools.case_files import CASES, places, run_cases
from bridge.packtools.case_report import differences
from bridge.yaml_source import Finding, InvalidDocument


def checked(directory: Path, pack: str, text: str, *, with_cases: bool = False) -> Checked:
    """Check a draft of the pack in a directory.

    Raises `PermanentError` if it names files of elsewhere, or where there is no room for the copy.
    """
    try:
        return _checked(directory, pack, text, with_cases=with_cases)
    except OSError as failure:
        raise PermanentError(
            f"A draft is checked in a copy of the pack's files, which cannot be made: {failure}"
        ) from None


def _checked(directory: Path, pack: str, text: str, *, with_cases: bool) -> Checked:
    with tempfile.TemporaryDirectory(prefix="mef-bridge-draft-") as place:
        copy = _copied(directory, Path(place))
        (copy / PACK_FILE).write_text(text, encoding="utf-8")
        _stay_inside(copy, Path(place))
        try:
            made = load_pack(copy)
        except InvalidDocument as invalid:
            return Checked(tuple(_findings(invalid, copy)), None)
        if made.name != pack:
            why = f"the pack's name is {pack}, and must stay so; got '{made.name}'"
            renamed = read_pack(copy).finding(("pack",), "wrong-value", why)
            return Checked((replace(renamed, file=PACK_FILE),), None)
        return Checked((), made, _cases_run(directory, copy, made) if with_cases else None)


def _cases_run(directory: Path, copy: Path, made: Pack) -> CasesRun:
    if (directory / CASES).is_dir():
        shutil.copytree(directory / CASES, copy / CASES)
    try:
        results, _ = run_cases(copy, made)
    except InvalidDocument as invalid:
        return CasesRun(obstacle="\n".join(map(str, _findings(invalid, copy))))
    except PermanentError as none:
        return CasesRun(obstacle=_relative(str(none), copy))
    failed = tuple(
        FailedCase(
            path.name,
            result.case,
            tuple(_relative(line, copy) for line in differences(result, places(path), every=True)),
        )
        for path, result in results
        if not result.passed
    )
    return CasesRun(len(results) - len(failed), failed)


def _findings(invalid: InvalidDocument, copy: Path) -> Iterator[Finding]:
    """Give the findings, with files as they are named from the pack's directory."""
    yield from (replace(one, file=_relative(one.file, copy)) for one in invalid.findings)


def _relative(text: str, copy: Path) -> str:
    return text.replace(f"{copy}{os.sep}", "")


def _stay_inside(copy: Path, place: Path) -> None:
    """Refuse a draft that names files elsewhere: who may edit packs need not be who may read this machine's files."""
    for path in files_of(copy):
        if not path.resolve().is_relative_to(place.resolve()):
            raise PermanentError(f"The draft names {path}, which is not in the directories of the pack that runs.")


def _copied(directory: Path, place: Path) -> Path:
    files = {one.resolve() for one in files_of(directory)}
    directories = {one for one in files if one.is_dir()}
    root = Path(os.path.commonpath(directories | {directory.resolve()}))
    for one in directories:
        (place / "copy" / one.relative_to(root)).mkdir(parents=True, exist_ok=True)
        for inner in (each for each in one.iterdir() if each.is_file()):
            shutil.copyfile(inner, place / "copy" / inner.relative_to(root))
    return place / "copy" / directory.resolve().relative_to(root)
