"""A pack as it is written: its own file, the pack that it extends below it, and the tables that stand in files.

What is wrong is told of the file in which it was written. All of it goes into the hash of the pack's version.
"""

import csv
from pathlib import Path
from typing import Any, Final

from bridge.yaml_source import Finding, InvalidDocument, Node, YamlSource, overlaid, read_yaml, with_value

PACK_FILE: Final = "pack.yaml"

MOST_LAYERS = 5
MOST_BYTES = 1 << 20  # of a table's file, as of any other


def read_pack(directory: Path) -> YamlSource:
    """Read `<directory>/pack.yaml` with all that belongs to it. Raises `InvalidDocument`."""
    return _read(directory, ())


def _read(directory: Path, above: tuple[Path, ...]) -> YamlSource:
    path = directory / PACK_FILE
    source = _with_tables(read_yaml(path), directory)
    base = source.data.get("extends")
    if not isinstance(base, str):
        return source
    lower = (directory / base).resolve()
    if lower in (*above, directory.resolve()) or len(above) >= MOST_LAYERS:
        message = f"packs extend each other in a circle, or more than {MOST_LAYERS} deep"
        raise InvalidDocument([source.finding(("extends",), "wrong-value", message)])
    if not (lower / PACK_FILE).is_file():
        message = f"there is no pack in {base}; write the directory of a pack, from this one"
        raise InvalidDocument([source.finding(("extends",), "unknown-pack", message)])
    return _overlaid(source, _read(directory / base, (*above, directory.resolve())))


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


def _with_tables(source: YamlSource, directory: Path) -> YamlSource:
    for name, table in _mappings(source.data.get("tables")):
        if isinstance(table.get("file"), str):
            loc = ("tables", name, "rows")
            if "rows" in table:
                raise InvalidDocument([source.finding(loc, "misplaced", "write rows here or in the file, not in both")])
            source = with_value(source, loc, _rows(source, (*loc[:2], "file"), directory / table["file"]))
    return source


def _rows(source: YamlSource, loc: tuple[str, ...], path: Path) -> Node:
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
    except (OSError, ValueError) as error:
        raise InvalidDocument([source.finding(loc, "unreadable", f"{path.name}: {error}")]) from error
    lines = csv.reader(text.splitlines(), strict=True)
    try:
        names = next(lines, [])
        found = [(lines.line_num, line) for line in lines if line]
    except csv.Error as error:
        raise InvalidDocument([Finding(str(path), lines.line_num, 1, "syntax", str(error))]) from error
    wrong = [number for number, line in found if len(line) != len(names)]
    if wrong:
        message = f"expected {len(names)} columns, as in the first line"
        raise InvalidDocument([Finding(str(path), number, 1, "wrong-value", message) for number in wrong])
    rows = [_row(str(path), number, names, line) for number, line in found]
    return Node([row.data for row in rows], 1, 1, dict(enumerate(rows)), file=str(path))


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
