"""Items of a list in a message: which of them are meant, and what is taken of each."""

from collections.abc import Callable, Mapping

from bridge.mapping import document
from bridge.mapping.formats.paths import MISSING, compile_path
from bridge.mapping.reading.cells import raw_test

Chooser = Callable[[list[object]], list[object]]


def item_test(where: Mapping[str, document.Cell]) -> Callable[[object], bool]:
    """Make a test that an item passes if all its cells fit."""
    tests = [(compile_path(path), raw_test(cell)) for path, cell in where.items()]
    return lambda item: all(test(find(item)) for find, test in tests)


def item_chooser(spec: document.FieldSpec) -> Chooser:
    """Make a function from all items to what is taken of those that are meant; absent members say nothing."""
    fits = item_test(spec.where)
    find = compile_path(spec.item) if spec.item is not None else None

    def choose(items: list[object]) -> list[object]:
        meant = [item for item in items if fits(item)]
        if find is None:
            return meant
        return [raw for item in meant if (raw := find(item)) is not MISSING and raw is not None]

    return choose
