"""Lists as a command prints them: a table on a screen, for pipes a line each with tabs between, or JSON."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import typer

from bridge.cli.messages import one_line, print_lines
from bridge.flows.facts import retried_facts
from bridge.flows.operator import Retried
from bridge.flows.trace import moment

NOTHING = "nothing"


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a list: nothing is cut, whatever the width."""
    if sys.stdout.isatty():
        _print_table(columns, list(rows))
    else:
        print_lines("\t".join(map(one_line, row)).rstrip() for row in rows)


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD  # not before it is needed: it is slow to import
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    Console().print(table if rows else Text(NOTHING))


def print_json(facts: Iterable[Mapping[str, Any]]) -> None:
    """Print one JSON object a line."""
    print_lines(json.dumps(each, ensure_ascii=False, default=str) for each in facts)


def print_facts(facts: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one thing with all that is known of it: a line each, or one JSON object."""
    if as_json:
        print_json([facts])
        return
    for name, value in facts.items():
        text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)
        typer.echo(f"{name}: {text}")


def when(at: datetime | None) -> str:
    """Write a moment, or nothing."""
    return "" if at is None else moment(at)


def print_retried(told: Sequence[Retried], *, as_json: bool) -> None:
    """Print what a retry came to, number by number; the exit code is 1 if one of them is not tried now."""
    if as_json:
        print_json(map(retried_facts, told))
    else:
        for each in told:
            typer.echo(f"{each.number}: {each.text}", err=not each.is_done)
    if not all(each.is_done for each in told):
        raise typer.Exit(1)
