"""Shows a report to people: one line a requirement, what was seen where something failed, and the sum."""

from typing import Final

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bridge.conformance.report import Outcome, Report, Result
from bridge.conformance.requirements import REQUIREMENTS

STYLES: Final = {Outcome.PASSED: "green", Outcome.FAILED: "bold red", Outcome.NOT_EXERCISED: "yellow"}


def show(console: Console, report: Report) -> None:
    """Print the whole report."""
    console.print(_table(report))
    for result in report.failed:
        console.print(_failure(result))
    for result in report.not_exercised:
        line = f"not exercised: {result.check.requirement} {result.check.title}: {result.reason}"
        console.print(line, style="yellow", markup=False, soft_wrap=True)
    console.print(Text(summary(report), style="bold"))


def summary(report: Report) -> str:
    """One line: how many of the requirements were met."""
    parts = []
    for letter in ("R", "O"):
        total = sum(each.id.startswith(letter) for each in REQUIREMENTS)
        parts.append(f"{report.count(Outcome.PASSED, letter)}/{total} {letter}")
    failed, missing = report.count(Outcome.FAILED), report.count(Outcome.NOT_EXERCISED)
    parts.append(f"{failed} failed, {missing} not exercised")
    return f"{' and '.join(parts[:2])} passed; {parts[2]}; {len(report.results)} checks in {report.seconds:.1f} s"


def _table(report: Report) -> Table:
    table = Table(title="MEF 137, requirement by requirement", title_justify="left")
    table.add_column("", justify="right")
    table.add_column("requirement")
    table.add_column("binds")
    table.add_column("checks", justify="right")
    table.add_column("result")
    for each in REQUIREMENTS:
        results, verdict = report.of(each.id), report.verdict(each.id)
        if not results:  # not asked for
            continue
        passed = sum(result.outcome is Outcome.PASSED for result in results)
        shown = Text(verdict.value, style=STYLES[verdict])
        table.add_row(each.id, Text(each.title), each.binds, f"{passed}/{len(results)}", shown)
    return table


def _failure(result: Result) -> Panel:
    body = Text(f"{result.reason}\n", style="red")
    for evidence in result.evidence:
        body.append(f"\n{evidence}\n", style="default")
    return Panel(body, title=Text(f"{result.check.requirement}: {result.check.title}"), title_align="left")
