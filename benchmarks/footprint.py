"""Counts the rooms on the way of one message: the modules and functions of ours that it enters.

`python -m benchmarks.footprint` prints them for a "work started" message, from its bytes to its commit, and for the
booking of a window that was offered, from the use case to its answer; and how long our functions are. `--list` names
every function. Counted are the code objects of `bridge/` that are entered on a SQLite database, by name: what a module
has of one name counts once, and lambdas and comprehensions count, too. How many of these there are is told beside it:
from 3.12 on Python enters no comprehension of a list, set or dict any more (PEP 709).
"""

import argparse
import ast
import asyncio
import shutil
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import CodeType, FrameType

from bridge.flows import job_updates
from bridge.mapping.loader import load_pack
from bridge.store import upgrade
from tests.integration.flows import acme
from tests.integration.flows.world import World, worlds

ROOT = Path(__file__).parents[1]
OURS = str(ROOT / "bridge") + "/"


async def entered(work: Callable[[], Awaitable[object]]) -> set[CodeType]:
    """Run something, and give what of ours it enters."""
    found: set[CodeType] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(OURS):
            found.add(code)

    sys.setprofile(note)
    try:
        await work()
    finally:
        sys.setprofile(None)
    return found


def show(what: str, codes: set[CodeType], *, as_list: bool) -> None:
    """Print how many modules and functions there are, and which."""
    places = sorted({(code.co_filename.removeprefix(OURS), code.co_name) for code in codes})
    rooms = Counter(place for place, _ in places)
    unnamed = sum(name.startswith("<") for _, name in places)
    print(f"{what}: {len(rooms)} modules, {len(places)} functions; {unnamed} of these are lambdas or comprehensions")
    if as_list:
        for place, count in sorted(rooms.items()):
            print(f"  {place} ({count}): {', '.join(name for at, name in places if at == place)}")


def lengths() -> list[int]:
    """Give how many lines each function of ours has, from `def` to its end."""
    return sorted(
        (node.end_lineno or node.lineno) - node.lineno + 1
        for path in (ROOT / "bridge").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


async def main(*, as_list: bool) -> None:
    """Trace both."""
    job_updates.DUE_SECONDS = 3600  # nothing is held, and a look for it that comes by would be counted
    with tempfile.TemporaryDirectory() as directory:
        database = Path(directory) / "bridge.sqlite3"
        await upgrade(f"sqlite:///{database}")
        started = await _traced(Path(shutil.copy(database, f"{directory}/a")), _start)
        booked = await _traced(Path(shutil.copy(database, f"{directory}/b")), _book)
    show('"work started", from its bytes to its commit', started, as_list=as_list)
    show("a booking, from the use case to its answer", booked, as_list=as_list)
    lines = lengths()
    rooms = {part: len(list((ROOT / "bridge" / part).rglob("*.py"))) for part in ("mapping", "packtools", "flows")}
    print(f"modules: {', '.join(f'{part} {count}' for part, count in rooms.items())}")
    total = sum(len(path.read_text().splitlines()) for path in (ROOT / "bridge").rglob("*.py"))
    nine_in_ten = lines[len(lines) * 9 // 10]
    print(
        f"lines {total}; functions {len(lines)}: median {statistics.median(lines):.0f} lines, 9 in 10 <= {nine_in_ten}"
    )


async def _traced(database: Path, work: Callable[[World], Awaitable[set[CodeType]]]) -> set[CodeType]:
    async with worlds(database, load_pack(ROOT / "mappings" / acme.PACK)) as make:
        return await work(await make())


async def _start(world: World) -> set[CodeType]:
    await world.listen()
    await world.booked("J-0")
    await world.hear(acme.event("WIP", 3, "J-0", **acme.IN_MORNING))  # what is made once, is made
    await world.booked()
    message = acme.event("WIP", 3, **acme.IN_MORNING)
    return await entered(lambda: world.hear(message))


async def _book(world: World) -> set[CodeType]:
    await world.listen()
    await world.booked("J-0")
    order = await world.open_work_order()
    await world.time_slots.offers(order, [acme.MORNING], "corr-buyer")
    return await entered(lambda: world.book(order))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="name every function")
    asyncio.run(main(as_list=parser.parse_args().list))
