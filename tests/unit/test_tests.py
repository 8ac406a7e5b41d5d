"""Habits of the tests themselves: each says what it finds, and none hangs on how fast the machine is."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SUPPORT = "support.py"
STRESS = "stress.py"  # runs tests, and has none
PATIENCE = "PATIENCE_S"

Function = ast.FunctionDef | ast.AsyncFunctionDef

CHECKS = re.compile(r"eventually|pytest\.(raises|fail)|expect\.\w+|(.*\.)?assert_\w+")
"""A call of such a name fails the test where something is not so."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(TESTS.rglob("*.py")):
        yield str(path.relative_to(TESTS)), ast.parse(path.read_text())


MODULES = dict(modules())
PICTURES = "console/pictures.py"
"""It tests nothing, and lets time pass for the charts."""


def functions(module: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(module) if isinstance(node, Function))


def calls(node: ast.AST) -> Iterator[ast.Call]:
    return (each for each in ast.walk(node) if isinstance(each, ast.Call))


def name_of(call: ast.Call) -> str:
    return ast.unparse(call.func)


def last_name(call: ast.Call) -> str:
    return name_of(call).rpartition(".")[2]


def checks_itself(function: Function) -> bool:
    asserts = any(isinstance(node, ast.Assert) for node in ast.walk(function))
    return asserts or any(CHECKS.fullmatch(name_of(call)) for call in calls(function))


def is_fixture(function: Function) -> bool:
    return any("fixture" in ast.unparse(decorator) for decorator in function.decorator_list)


def helpers(module: ast.Module) -> dict[str, bool]:
    """The module's functions that are no fixtures, by name, and whether they check something."""
    return {each.name: checks_itself(each) for each in functions(module) if not is_fixture(each)}


HELPERS = {path: helpers(module) for path, module in MODULES.items()}


def helper_checks(path: str, name: str) -> bool:
    """Tell whether a helper checks something: the module's own, or else all of that name."""
    own = HELPERS.get(path, {}).get(name)
    others = [found[name] for found in HELPERS.values() if name in found]
    return own if own is not None else bool(others) and all(others)


def says_what_it_finds(path: str, test: Function) -> bool:
    return checks_itself(test) or any(helper_checks(path, last_name(call)) for call in calls(test))


def places(wrong: Callable[[ast.Call], bool]) -> list[str]:
    """Where a call is wrong, in what tests; not in the one place that knows how to wait."""
    return [
        f"{path}:{call.lineno}: {ast.unparse(call)}"
        for path, module in MODULES.items()
        if path not in {SUPPORT, STRESS}
        for call in calls(module)
        if wrong(call)
    ]


def test_every_test_says_what_it_finds() -> None:
    """By an assertion, by what must be raised or come about, or by a helper that does nothing else."""
    silent = [
        f"{path}:{function.lineno}: {function.name}"
        for path, module in MODULES.items()
        for function in functions(module)
        if function.name.startswith("test_") and not says_what_it_finds(path, function)
    ]
    assert silent == []


def test_none_sleeps() -> None:
    """It waits for a condition. `asyncio.sleep(0)` lets others go on, and is no sleep."""

    def sleeps(call: ast.Call) -> bool:
        return name_of(call) in {"asyncio.sleep", "time.sleep"} and ast.unparse(call.args[0]) != "0"

    assert [place for place in places(sleeps) if not place.startswith(PICTURES)] == []


def is_long(value: ast.expr) -> bool:
    """Tell a number of seconds in which something is to come; what is shorter is for what must not come."""
    return isinstance(value, ast.Constant) and isinstance(value.value, int | float) and value.value >= 1


def test_every_deadline_is_the_one_of_all_tests() -> None:
    """One that is shorter than a busy machine needs, decides what the test finds."""

    def own_deadline(call: ast.Call) -> bool:
        if name_of(call) == "asyncio.timeout":
            return ast.unparse(call.args[0]) != PATIENCE
        if any(each.arg == "timeout" and is_long(each.value) for each in call.keywords):
            return True
        return name_of(call) == "asyncio.wait_for" and PATIENCE not in map(ast.unparse, call.args)

    assert places(own_deadline) == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("assert found", True),
        ("with pytest.raises(ValueError): look()", True),
        ("await eventually(lambda: found)", True),
        ("look()", False),
    ],
)
def test_a_test_that_says_nothing_is_noticed(body: str, says: bool) -> None:
    (test,) = functions(ast.parse(f"async def test_it() -> None:\n    {body}\n"))
    assert says_what_it_finds("", test) is says
