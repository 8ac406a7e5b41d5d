"""A pack as it is written: its own file, the pack that it extends below it, and the tables that stand in files.

What is wrong is told of the file in which it was written. All of it goes into the hash of the pack's version.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Final

from bridge.mapping.formats.values import briefly
from bridge.yaml_source import (
    Finding,
    InvalidDocument,
    Node,
    YamlSource,
    did_you_mean,
    overlaid,
    read_yaml,
    scan_yaml,
    with_value,
)

PACK_FILE: Final = "pack.yaml"

MOST_LAYERS = 5
MOST_BYTES = 1 << 20  # of a table's file, as of any other

Loc = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layers:
    """A pack that was read as far as it can be, with what is wrong so far.

    `unread` are the tables, as places in the pack, whose rows could not be read.
    """

    source: YamlSource
    findings: tuple[Finding, ...] = ()
    unread: tuple[Loc, ...] = ()


def read_pack(directory: Path) -> YamlSource:
    """Read `<directory>/pack.yaml` with all that belongs to it. Raises `InvalidDocument`."""
    layers = read_layers(directory)
    if layers.findings:
        raise InvalidDocument(layers.findings)
    return layers.source


def read_layers(directory: Path) -> Layers:
    """As `read_pack`, but without the rows that can't be read. Raises `InvalidDocument` where a pack can't be."""
    return _read(directory, ())


def files_of(directory: Path) -> frozenset[Path]:
    """List the directories and files that make the pack in this directory, as far as they can be told now."""
    found: set[Path] = set()
    here: Path | None = directory
    while here is not None and here.resolve() not in {one.resolve() for one in found}:
        found.add(here)
        data = _data(here)
        found |= {here / table["file"] for _, table in _mappings(data.get("tables")) if _names_file(table)}
        here = here / data["extends"] if isinstance(data.get("extends"), str) else None
    return frozenset(found)


def _data(directory: Path) -> dict[str, Any]:
    try:
        return scan_yaml(directory / PACK_FILE)[0].data
    except InvalidDocument:
        return {}


def _read(directory: Path, above: tuple[Path, ...]) -> Layers:
    own = _with_tables(*scan_yaml(directory / PACK_FILE), directory)
    base = own.source.data.get("extends")
    if not isinstance(base, str):
        return own
    lower = _base(own, directory, base, above)
    source = _overlaid(own.source, lower.source)
    return Layers(source, own.findings + lower.findings, own.unread + lower.unread)


def _base(own: Layers, directory: Path, base: str, above: tuple[Path, ...]) -> Layers:
    path = (directory / base).resolve()
    problem: Iterable[Finding]
    if path in (*above, directory.resolve()) or len(above) >= MOST_LAYERS:
        message = f"packs extend each other in a circle, or more than {MOST_LAYERS} deep"
        problem = [own.source.finding(("extends",), "wrong-value", message)]
    elif not (path / PACK_FILE).is_file():
        message = f"there is no pack in {base}; write the directory of a pack, from this one"
        problem = [own.source.finding(("extends",), "unknown-pack", message)]
    else:
        try:
            return _read(directory / base, (*above, directory.resolve()))
        except InvalidDocument as invalid:
            problem = invalid.findings
    raise InvalidDocument([*own.findings, *problem])


def _overlaid(upper: YamlSource, lower: YamlSource) -> YamlSource:
    rows: dict[tuple[str | int, ...], str] = {
        ("tables", name, "rows"): key for source in (lower, upper) for name, key in _keys(source).items()
    }
    return overlaid(upper, lower, rows, {("rules",): "rule"})


def _keys(source: YamlSource) -> dict[str, str]:
    keys = {name: table.get("key") for name, table in _mappings(source.data.get("tables"))}
    return {name: key for name, key in keys.items() if isinstance(key, str)}


def _mappings(data: object) -> list[tuple[str, dict[str, Any]]]:
    return [(name, item) for name, item in data.items() if isinstance(item, dict)] if isinstance(data, dict) else []


def _names_file(table: dict[str, Any]) -> bool:
    return isinstance(table.get("file"), str)


def _with_tables(source: YamlSource, findings: tuple[Finding, ...], directory: Path) -> Layers:
    layers = Layers(source, findings)
    for name, table in _mappings(source.data.get("tables")):
        if _names_file(table):
            layers = _with_rows(layers, ("tables", name), table, directory)
    return layers


def _with_rows(layers: Layers, loc: Loc, table: dict[str, Any], directory: Path) -> Layers:
    if "rows" in table:
        message = "write rows here or in the file, not in both"
        twice = layers.source.finding((*loc, "rows"), "misplaced", message)
        return Layers(layers.source, (*layers.findings, twice), layers.unread)
    try:
        rows = _rows(layers.source, (*loc, "file"), directory / table["file"])
    except InvalidDocument as invalid:
        return Layers(layers.source, layers.findings + invalid.findings, (*layers.unread, loc))
    return Layers(with_value(layers.source, (*loc, "rows"), rows), layers.findings, layers.unread)


def _rows(source: YamlSource, loc: tuple[str, ...], path: Path) -> Node:
    if not path.is_file():
        beside = [one.name for one in path.parent.glob("*") if one.is_file() and one.name != PACK_FILE]
        message = f"there is no file {path.name} in {path.parent}{did_you_mean(path.name, beside)}"
        raise InvalidDocument([source.finding(loc, "unreadable", message)])
    if path.suffix == ".csv":
        return _csv_rows(source, loc, path)
    if path.suffix not in (".yaml", ".yml"):
        raise InvalidDocument([source.finding(loc, "wrong-value", "a table's file ends with .csv, .yaml or .yml")])
    rows = read_yaml(path)
    if set(rows.data) != {"rows"}:
        raise InvalidDocument([rows.finding((), "wrong-value", "a table's file has the one key rows")])
    return with_value(rows, ("rows",), rows.root.items["rows"]).root.items["rows"]


def _csv_rows(source: YamlSource, loc: tuple[str, ...], path: Path) -> Node:
    try:
        text = _text(path)
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8", "replace")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        message = f"the file is not UTF-8 (byte 0x{error.object[error.start]:02x}); save it as that"
        raise InvalidDocument([Finding(str(path), line, column, "encoding", message)]) from error
    except (OSError, ValueError) as error:
        raise InvalidDocument([source.finding(loc, "unreadable", f"{path.name}: {error}")]) from error
    if (nul := text.find("\0")) >= 0:
        line, column = text.count("\n", 0, nul) + 1, nul - text.rfind("\n", 0, nul)
        message = "no text may hold a NUL character; no database could keep it"
        raise InvalidDocument([Finding(str(path), line, column, "encoding", message)])
    records = list(_records(str(path), text))
    names = records[0][1] if records else []
    if (problem := _wrong_names(names)) is not None:
        raise InvalidDocument([Finding(str(path), records[0][0], 1, "wrong-value", problem)])
    found = [(number, record) for number, record in records[1:] if record]
    wrong = [number for number, line in found if len(line) != len(names)]
    if wrong:
        message = f"expected {len(names)} columns, as in the first line"
        raise InvalidDocument([Finding(str(path), number, 1, "wrong-value", message) for number in wrong])
    rows = [_row(str(path), number, names, line) for number, line in found]
    return Node([row.data for row in rows], 1, 1, dict(enumerate(rows)), file=str(path))


def _wrong_names(names: list[str]) -> str | None:
    """Say what is wrong with the first line of a table; None if nothing is."""
    if len(names) == 1 and (separator := next((one for one in ";\t|" if one in names[0]), None)) is not None:
        return f"columns are separated by commas here, not by {briefly(separator)}"
    twice = [name for name in dict.fromkeys(names) if name and names.count(name) > 1]
    return f"{', '.join(map(briefly, twice))} stands over more than one column" if twice else None


def _records(file: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """Give each record with the number of the line on which it begins; what stands in quotes may go over several."""
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    while True:
        number = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InvalidDocument([Finding(file, number, 1, "syntax", str(error))]) from error
        yield number, record


def _row(file: str, line: int, names: list[str], cells: list[str]) -> Node:
    """An empty cell is an absent one."""
    given = {name: cell for name, cell in zip(names, cells, strict=True) if cell}
    items: dict[str | int, Node] = {name: Node(cell, line, 1, file=file) for name, cell in given.items()}
    return Node(given, line, 1, items, file=file)


def _text(path: Path) -> str:
    with path.open("rb") as stream:
        raw = stream.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise ValueError(f"the file is larger than {MOST_BYTES} bytes")
    return raw.decode("utf-8-sig")
