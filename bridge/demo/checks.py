"""What the demo holds the bridge to. Each check names the requirement it stands for; the summary shows them all."""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that had to hold. `came` is what was seen instead, if it did not."""

    act: str
    rule: str
    title: str
    held: bool
    came: str = ""


class Checks:
    """Collects the checks of all acts."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._checks: list[Check] = []
        self.act = ""

    def equal(self, rule: str, title: str, came: object, expected: object) -> None:
        """Require two values to be the same."""
        held = came == expected
        self._checks.append(Check(self.act, rule, title, held, "" if held else f"expected {expected!r}, came {came!r}"))
        if not held:
            self._console.print(
                f"  ✗ {rule} {title}: expected {expected!r}, came {came!r}", style="bold red", markup=False
            )

    def broke_off(self, why: str) -> None:
        """Note that the act could not be played to its end."""
        self.equal("", "the act is played to its end", why, "")

    @property
    def held(self) -> bool:
        """Tell whether there were checks and all held."""
        return bool(self._checks) and all(check.held for check in self._checks)

    def summary(self) -> Table:
        """Show one line an act."""
        table = Table(title="What the standard requires, and what was seen", title_justify="left")
        table.add_column("act")
        table.add_column("checks", justify="right")
        table.add_column("held", justify="right")
        table.add_column("requirements")
        for act in dict.fromkeys(check.act for check in self._checks):
            mine = [check for check in self._checks if check.act == act]
            held = sum(check.held for check in mine)
            rules = ", ".join(dict.fromkeys(rule for check in mine for rule in check.rule.split()))
            table.add_row(act, str(len(mine)), str(held), rules, style="red" if held < len(mine) else "")
        return table

    def failures(self) -> list[str]:
        """Give one line for each check that did not hold."""
        return [f"{c.act}: {c.rule} {c.title}: {c.came}" for c in self._checks if not c.held]
