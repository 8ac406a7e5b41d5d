"""The import arrows of docs/architecture.md, held against every module of `bridge/`.

A part of the bridge may import only the parts that its row in the page names; nothing goes round in circles; and what
decides (`domain/`, `mapping/`) stays pure: time and ids are arguments there, and nothing waits, logs or draws lots.
And where modules meet, each has a name of its own.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import combinations
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]

PAGE = REPOSITORY / "docs" / "architecture.md"
ROW = re.compile(r"^\| (`.+`) \| .+ \| (.+) \|$", re.MULTILINE)

EVERYTHING = ("bridge",)
ANYBODY = "bridge.__version__"  # a constant of the package itself; importing it leads nowhere


def read_table(page: str) -> dict[str, tuple[str, ...]]:
    """Read the table of the page: each part, and the parts that it may import.

    A part always sees itself; a row holds for all modules below it.
    """
    section = page.partition("## The parts\n")[2].partition("\n##")[0]
    return {part: _allowed(allowed) for names, allowed in ROW.findall(section) for part in _parts(names)}


def _allowed(cell: str) -> tuple[str, ...]:
    words = {"nothing of ours": (), "everything": EVERYTHING}
    return words[cell] if cell in words else _parts(cell)


def _parts(cell: str) -> tuple[str, ...]:
    return tuple(f"bridge.{name.removesuffix('/').removesuffix('.py')}" for name in re.findall(r"`(.+?)`", cell))


def read_rooms(page: str) -> dict[str, tuple[str, ...]]:
    """Read the rooms of `mapping/`: each may import those before it, and what `mapping/` may.

    Its other modules, such as the compiler, may see all of them.
    """
    section = page.partition("### The rooms of `mapping/`\n")[2].partition("\n## ")[0]
    lines = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    rooms = [f"bridge.mapping.{part.removeprefix('bridge.')}" for line in lines for part in _parts(line)]
    others = read_table(page)["bridge.mapping"]
    return {room: (*others, *rooms[:place]) for place, room in enumerate(rooms)}


_PAGE = PAGE.read_text(encoding="utf-8")
MAY_IMPORT: Mapping[str, tuple[str, ...]] = {"bridge": ()} | read_table(_PAGE) | read_rooms(_PAGE)

PURE = ("bridge.domain", "bridge.mapping", "bridge.flows.hold_queue", "bridge.flows.bus_messages")
IMPURE_EXCEPTION = "bridge.mapping.loader"  # it reads files
IMPURE_MODULES = frozenset({"time", "random", "secrets", "uuid", "logging", "structlog", "asyncio"})
CLOCK_WORDS = ("now", "utcnow", "today")
CLOCKS = tuple(f"{kind}.{ask}" for kind in ("datetime", "date") for ask in CLOCK_WORDS)


NAMESAKES = frozenset(
    {
        # a verb of the command line, and what it runs
        frozenset({"bridge.cli.doctor", "bridge.app.doctor"}),
        frozenset({"bridge.cli.trace", "bridge.flows.trace"}),
        # what checks a section of the pack, and what declares it
        frozenset({"bridge.mapping.checks.commands", "bridge.mapping.document.commands"}),
        frozenset({"bridge.mapping.checks.outputs", "bridge.mapping.document.outputs"}),
        frozenset({"bridge.mapping.checks.replies", "bridge.mapping.document.replies"}),
    }
)
"""Modules of one name that may meet, because each is about what the other is."""


@dataclass(frozen=True, slots=True)
class Module:
    """One module's dotted name, where it is, and its syntax tree."""

    name: str
    place: str
    tree: ast.Module
    is_package: bool = False


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name, and the line that imports it."""

    target: str
    line: int


@cache
def modules_of_the_bridge() -> list[Module]:
    return [read_module(path) for path in sorted((REPOSITORY / "bridge").rglob("*.py"))]


def read_module(path: Path) -> Module:
    place = path.relative_to(REPOSITORY)
    parts = place.with_suffix("").parts
    is_package = parts[-1] == "__init__"
    name = ".".join(parts[:-1] if is_package else parts)
    return Module(name, str(place), ast.parse(path.read_text()), is_package)


@cache
def imports_of(module: Module) -> tuple[Import, ...]:
    return tuple(_imports(module))


def _imports(module: Module) -> Iterator[Import]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = absolute(module, node)
            yield from (Import(f"{source}.{alias.name}", node.lineno) for alias in node.names)


def absolute(module: Module, node: ast.ImportFrom) -> str:
    """Give the module that `from … import` names, with the dots of a relative import resolved."""
    if not node.level:
        return node.module or ""
    climb = node.level - 1 if module.is_package else node.level
    parts = module.name.split(".")
    return ".".join([*parts[: len(parts) - climb], *([node.module] if node.module else [])])


def within(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}.")


def row_of(name: str) -> str:
    """Give the longest row of the table that the module falls under."""
    return max((part for part in MAY_IMPORT if within(name, part)), key=len)


def forbidden_imports(module: Module) -> list[str]:
    row = row_of(module.name)
    allowed = (ANYBODY, *MAY_IMPORT[row], *([row] if row != "bridge" else []))
    return [
        f"{module.place}:{found.line}: imports {found.target}; {row} may import only {names(MAY_IMPORT[row])}"
        for found in imports_of(module)
        if within(found.target, "bridge") and not any(within(found.target, part) for part in allowed)
    ]


def names(parts: tuple[str, ...]) -> str:
    return ", ".join(parts) or "nothing of ours"


def impurities(module: Module) -> list[str]:
    if not any(within(module.name, part) for part in PURE) or module.name == IMPURE_EXCEPTION:
        return []
    return [
        f"{module.place}:{line}: {what}; {row_of(module.name)} is pure" for line, what in sorted(impure_nodes(module))
    ]


def impure_nodes(module: Module) -> Iterator[tuple[int, str]]:
    for found in imports_of(module):
        if found.target.partition(".")[0] in IMPURE_MODULES:
            yield found.line, f"imports {found.target}"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.AsyncFunctionDef):
            yield node.lineno, f"async def {node.name}"
        elif isinstance(node, ast.Attribute) and node.attr in CLOCK_WORDS and ast.unparse(node).endswith(CLOCKS):
            yield node.lineno, f"asks the clock with {ast.unparse(node)}"


def top_part(name: str) -> str:
    return part_below("bridge", name)


def part_below(package: str, name: str) -> str:
    """Give the part directly below a package that a module belongs to."""
    return ".".join(name.split(".")[: package.count(".") + 2])


def arrows(modules: list[Module], package: str = "bridge") -> dict[str, set[str]]:
    """Give who imports whom among the parts directly below a package."""
    graph: dict[str, set[str]] = {}
    for module in modules:
        if within(module.name, package):
            ours = [found.target for found in imports_of(module) if within(found.target, package)]
            part = part_below(package, module.name)
            targets = {part_below(package, target) for target in ours if target != ANYBODY}
            graph.setdefault(part, set()).update(targets - {part})
    return graph


def test_every_part_of_the_bridge_has_a_row_and_every_row_is_of_a_part() -> None:
    """A new package or top-level module is added to the table on purpose, or not at all."""
    modules = modules_of_the_bridge()
    assert {top_part(module.name) for module in modules} == {part for part in MAY_IMPORT if part.count(".") < 2}
    rooms = {part for part in MAY_IMPORT if within(part, "bridge.mapping")}
    assert rooms - {module.name for module in modules} == set()


def test_what_a_row_allows_is_there() -> None:
    names = {module.name for module in modules_of_the_bridge()}
    assert {part for allowed in MAY_IMPORT.values() for part in allowed} <= names


def test_a_table_is_read_row_by_row() -> None:
    page = (
        "| `before/` | is no part | everything |\n## The parts\n\n| part | is | may import |\n| --- | --- | --- |\n"
        "| `errors.py` | ours | nothing of ours |\n| `store/` | with `SQL` | `flows.ports`, `mef` |\n"
        "| `app/`, `cli/` | all | everything |\n\n## After\n| `after/` | is none either | everything |\n"
    )
    assert read_table(page) == {
        "bridge.errors": (),
        "bridge.store": ("bridge.flows.ports", "bridge.mef"),
        "bridge.app": EVERYTHING,
        "bridge.cli": EVERYTHING,
    }


def test_every_module_imports_only_what_its_row_allows() -> None:
    broken = [line for module in modules_of_the_bridge() for line in forbidden_imports(module)]
    assert not broken, "\n" + "\n".join(broken)


@pytest.mark.parametrize("package", ["bridge", "bridge.mapping", "bridge.packtools"])
def test_no_parts_import_each_other_in_a_circle(package: str) -> None:
    try:
        TopologicalSorter(arrows(modules_of_the_bridge(), package)).prepare()
    except CycleError as circle:
        pytest.fail("imports in a circle: " + " <- ".join(circle.args[1]))


def test_what_decides_is_pure() -> None:
    broken = [line for module in modules_of_the_bridge() for line in impurities(module)]
    assert not broken, "\n" + "\n".join(broken)


def namesakes(module: Module, names: frozenset[str]) -> set[frozenset[str]]:
    """Give the modules of one name that meet in a module: itself, and those that it imports from."""
    targets = (each.target for each in imports_of(module))
    met = {target if target in names else target.rpartition(".")[0] for target in targets}
    pairs = combinations(sorted({module.name} | (met & names)), 2)
    return {frozenset(pair) for pair in pairs if are_namesakes(*pair)}


def are_namesakes(one: str, other: str) -> bool:
    """Tell two modules of one name apart from a package and its main module."""
    return one.rpartition(".")[2] == other.rpartition(".")[2] and not within(other, one)


def names_of_the_bridge() -> frozenset[str]:
    return frozenset(module.name for module in modules_of_the_bridge())


def test_no_two_modules_of_one_name_meet_in_one_import_list() -> None:
    met = {module.place: namesakes(module, names_of_the_bridge()) - NAMESAKES for module in modules_of_the_bridge()}
    assert {place: sorted(map(sorted, pairs)) for place, pairs in met.items() if pairs} == {}


def test_namesakes_that_may_meet_do_meet() -> None:
    met = [namesakes(module, names_of_the_bridge()) for module in modules_of_the_bridge()]
    assert frozenset().union(*met) == NAMESAKES


def module(name: str, source: str, *, is_package: bool = False) -> Module:
    return Module(name, name.replace(".", "/") + ".py", ast.parse(source), is_package)


@pytest.mark.parametrize(
    ("name", "source", "target"),
    [
        ("bridge.domain.decide", "from bridge.errors import BridgeError", "bridge.errors.BridgeError"),
        ("bridge.domain.decide", "import bridge.store.tables", "bridge.store.tables"),
        ("bridge.domain.decide", "from ..flows import ports", "bridge.flows.ports"),
        ("bridge.store.uow", "from bridge.flows.replay import replay", "bridge.flows.replay.replay"),
        ("bridge.api.routes", "def f():\n    from bridge.store.tables import jobs", "bridge.store.tables.jobs"),
        ("bridge.simulator.wfm", "from bridge.wfm import consumer", "bridge.wfm.consumer"),
        ("bridge.errors", "from bridge import telemetry", "bridge.telemetry"),
        ("bridge.api.routes", "from bridge import app", "bridge.app"),
        ("bridge.mapping.reading.fields", "from bridge.mapping import commands", "bridge.mapping.commands"),
        ("bridge.mapping.outputs.entries", "from bridge.mapping.pack import Pack", "bridge.mapping.pack.Pack"),
    ],
)
def test_a_forbidden_import_is_reported_with_its_place_and_rule(name: str, source: str, target: str) -> None:
    [line] = forbidden_imports(module(name, source))
    last_line = len(source.splitlines())
    assert line.startswith(
        f"{name.replace('.', '/')}.py:{last_line}: imports {target}; {row_of(name)} may import only "
    )


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("bridge.store.uow", "from bridge.flows.ports import Store"),
        ("bridge.store.uow", "from bridge.flows import ports"),
        ("bridge.store.uow", "from . import tables"),
        ("bridge.simulator.wfm", "from bridge.mef.enums import Api"),
        ("bridge.app", "from bridge.store.tables import jobs"),
        ("bridge.delivery.sender", "from bridge import __version__"),
        ("bridge.domain.decide", "from collections.abc import Mapping"),
        ("bridge.mapping.reading.fields", "from bridge.mapping import document"),
        ("bridge.mapping.loader", "from bridge.mapping.checks.checker import check"),
    ],
)
def test_an_allowed_import_is_not_reported(name: str, source: str) -> None:
    assert forbidden_imports(module(name, source)) == []


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("async def decide(): ...", "async def decide"),
        ("from datetime import datetime\nthen = datetime.now()", "asks the clock with datetime.now"),
        ("import time", "imports time"),
        ("from uuid import uuid4", "imports uuid.uuid4"),
        ("import structlog", "imports structlog"),
    ],
)
def test_an_impurity_is_reported_with_its_place(source: str, what: str) -> None:
    [line] = impurities(module("bridge.domain.decide", source))
    assert line == f"bridge/domain/decide.py:{len(source.splitlines())}: {what}; bridge.domain is pure"


def test_the_loader_may_do_what_the_rest_of_mapping_may_not() -> None:
    assert impurities(module("bridge.mapping.loader", "import logging")) == []
    assert impurities(module("bridge.mapping.checks.checker", "import logging")) != []


def test_a_circle_is_found() -> None:
    there = module("bridge.domain.model", "from bridge.mef.enums import Api")
    back = module("bridge.mef.enums", "from bridge.domain.model import JobRef")
    with pytest.raises(CycleError):
        TopologicalSorter(arrows([there, back])).prepare()


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("bridge.app.inbound", "from bridge.wfm.inbound import Inbound"),
        ("bridge.app.parts", "from bridge.app import inbound\nfrom bridge.wfm.inbound import Inbound"),
        ("bridge.app.parts", "import bridge.app.inbound\nimport bridge.wfm.inbound"),
    ],
)
def test_namesakes_that_meet_are_noticed(name: str, source: str) -> None:
    both = frozenset({"bridge.app.inbound", "bridge.wfm.inbound"})
    assert namesakes(module(name, source), both) == {both}
