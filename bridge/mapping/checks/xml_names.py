"""Checks of names in XML: a prefix means something only where the pack gives it to a namespace."""

from collections.abc import Iterator, Sequence

from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.document import PackDocument
from bridge.mapping.formats.paths import Step, path_steps


def check_xml_names(document: PackDocument, report: Report) -> None:
    """Check that no path of messages has a prefix that their names never have."""
    inbound = document.inbound
    if inbound.format != "xml":
        return
    unpacked = [path_steps(path) for one in inbound.unpack if (path := one.json_ or one.pairs) is not None]
    for section in ("inbound", "fields"):
        for loc, path in _paths((section,), document.model_dump(include={section}, exclude_unset=True)[section]):
            steps = path_steps(path)
            if not any(len(steps) > len(one) and steps[: len(one)] == one for one in unpacked):
                _check(loc, steps, tuple(inbound.xml.namespaces), report)


def _check(loc: Loc, steps: Sequence[Step], prefixes: Sequence[str], report: Report) -> None:
    for step in steps:
        prefix, colon, name = step.removeprefix("@").partition(":") if isinstance(step, str) else ("", "", "")
        if colon and prefix not in prefixes:
            meant = f"leave it out ({name}), or write inbound: {{xml: {{namespaces: {{{prefix}: <its namespace>}}}}}}"
            report.add(loc, "unknown-prefix", f"no name has the prefix '{prefix}'; {meant}")


def _paths(loc: Loc, data: object) -> Iterator[tuple[Loc, str]]:
    """Give all paths, with their places; of a key that is a path the place of its value."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _paths((*loc, key), key) if isinstance(key, str) else ()
            yield from _paths((*loc, key), value)
    elif isinstance(data, list | tuple):
        for index, item in enumerate(data):
            yield from _paths((*loc, index), item)
    elif isinstance(data, str) and data.startswith(("$.", "$[")) and _is_path(data):
        yield loc, data


def _is_path(text: str) -> bool:
    try:
        path_steps(text)
    except ValueError:
        return False
    return True
