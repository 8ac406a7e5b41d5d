"""What the bridge may ask of the WFM, as comments to be filled in: a right part of a pack once they are none any more.

The members of the messages are named as in the samples, at the same places.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from bridge.mapping.formats.paths import path_steps
from bridge.mapping.formats.xml import is_name
from bridge.packtools.starter.fields import Input
from bridge.packtools.starter.pack_text import flow, name_of
from bridge.packtools.starter.roles import Roles
from bridge.packtools.starter.samples import Format, Samples, member_path

Style = Callable[[str], str]

MARK: Final = "# TODO: what the bridge may ask of the WFM."
"""How the block begins; the lines with `# ` in front begin after the next empty line."""

_INTRODUCTION: Final = f"""
{MARK} Take the `# ` in front of each line below away, then write what the WFM
# really wants to hear and what it answers: docs/pack-reference.md. Its reasons belong into the table of refusals.
# note and ticket are asked in the same way.

"""
_REFUSALS: Final = (
    "tables:",
    "  refusals:",
    "    key: answer",
    "    on_miss: default",
    "    default: {code: otherIssue, reason: The WFM has refused}",
    "    rows:",
    "      - {answer: TAKEN, code: invalidValue, reason: The time slot has been taken, path: /validFor}",
    "commands:",
)
_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "search": ("job", "start", "end"),
    "book": ("job", "start", "end"),
    "reschedule": ("job", "visit", "start", "end"),
    "cancel": ("job", "visit"),
}


def commands_block(format_: Format, inputs: Sequence[Input], roles: Roles) -> str:
    """Write the block, with the table that it needs."""
    lines = (*_REFUSALS, *_Commands(format_, inputs, roles).lines())
    return _INTRODUCTION + "".join(f"# {line}\n" for line in lines)


def with_list_of_slots(samples: Samples, inputs: Sequence[Input]) -> Samples:
    """Name what the WFM offers among the elements that are lists: it may offer one slot only."""
    name = _style_of(inputs)("slots")
    if samples.format != "xml" or name in samples.xml.lists:
        return samples
    return replace(samples, xml=samples.xml.model_copy(update={"lists": (*samples.xml.lists, name)}))


class _Commands:
    """Writes the commands in the WFM's own words."""

    def __init__(self, format_: Format, inputs: Sequence[Input], roles: Roles) -> None:
        self._is_xml = format_ == "xml"
        self._roles = roles
        self._style = _style_of(inputs)

    def lines(self) -> Iterator[str]:
        """Give the lines of all commands."""
        for kind, parts in _KINDS.items():
            yield f"  {kind}:"
            yield "    exchange: wfm.commands         # TODO: where the WFM takes messages"
            yield f"    routing_key: {kind}"
            if self._is_xml:
                yield "    format: xml"
            yield "    body:"
            yield from _block(self._body(kind, parts), 6)
            yield "    reply:"
            yield from _block(self._reply(kind), 6)

    def _body(self, kind: str, parts: Sequence[str]) -> dict[str, Any]:
        body: dict[str, Any] = {}
        for part in parts:
            for names, entry in self._entries(part):
                _put(body, names, entry)
        if kind in ("book", "reschedule"):
            _put(body, [self._style("slot")], {"value": "slot.id", "default": ""})
        return {self._style(kind): body} if self._is_xml else body

    def _entries(self, part: str) -> Iterator[tuple[list[str], dict[str, object]]]:
        """Give where in the message a value stands, and what stands there."""
        one = self._roles[part]
        if part in ("job", "visit"):
            yield self._place(one, part), {"value": part} if part == "job" else {"value": part, "default": ""}
            return
        for half in self._halves(part):
            yield self._place(half, part), {"value": f"window.{part}", **({"format": half.format} if half else {})}

    def _halves(self, part: str) -> Sequence[Input | None]:
        """Give what a moment stands in; the date that it shares with the start stands there already."""
        one, start = self._roles[part], self._roles["start"]
        if one is None or one.joined is None:
            return (one,)
        shared = part == "end" and start is not None and start.joined is not None and start.joined[0] == one.joined[0]
        return one.joined[1:] if shared else one.joined

    def _place(self, one: Input | None, part: str) -> list[str]:
        names = _names(one) if one is not None else []
        names = names[1:] if self._is_xml else names  # the root is that of the command
        names = names[:-1] if names[-1:] == ["value"] else names
        is_odd = "value" in names or (self._is_xml and not all(map(is_name, names)))
        return [self._style("reference" if part == "visit" else part)] if is_odd or not names else names

    def _reply(self, kind: str) -> dict[str, object]:
        root = f"$.{self._style('reply')}" if self._is_xml else "$"
        reply: dict[str, object] = {
            "status": f"{root}.{self._style('result')}",
            "accepted": ["OK"],
            "refused": "refusals",
        }
        if kind == "search":
            moments = {part: self._moment(part) for part in ("start", "end")}
            token = {"id": f"$.{self._style('id')}"}
            reply["slots"] = {"each": f"{root}.{self._style('slots')}", **moments, "token": token}
        elif kind != "cancel":
            reply["visit"] = self._member(root, self._roles["visit"], "visit")
        return reply

    def _moment(self, part: str) -> dict[str, object]:
        one = self._roles[part]
        halves = (one,) if one is None or one.joined is None else one.joined
        paths = [self._member("$", half, part) for half in halves]
        late = {"not_before": "start"} if one is not None and one.not_before is not None else {}
        format_ = one.format if one is not None else "iso"
        return {"path": paths if len(paths) > 1 else paths[0], "format": format_, **late}

    def _member(self, path: str, one: Input | None, part: str) -> str:
        return member_path(path, self._place(one, part)[-1]) or f"{path}.{part}"


def _names(one: Input) -> list[str]:
    return [step for step in path_steps(one.path) if isinstance(step, str)]


def _style_of(inputs: Sequence[Input]) -> Style:
    """Write a word as most names in the samples begin."""
    names = [name for one in inputs for name in _names(one)]
    upper = sum(name.isupper() for name in names)
    title = sum(name[:1].isupper() for name in names) - upper
    if 2 * upper > len(names):
        return str.upper
    return str.title if 2 * title > len(names) else str.lower


def _put(body: dict[str, Any], names: Sequence[str], entry: object) -> None:
    """Put an entry at its place; at the top, by another name, where something else stands there."""
    here = body
    for name in names[:-1]:
        here = here.setdefault(name, {}) if "value" not in here else here
    if "value" in here or names[-1] in here:
        _put(body, ["_".join((*names, "too"))], entry)
    else:
        here[names[-1]] = entry


def _block(data: Mapping[str, Any], indent: int) -> Iterator[str]:
    for name, value in data.items():
        if isinstance(value, dict) and any(isinstance(item, dict) for item in value.values()):
            yield f"{' ' * indent}{name_of(name)}:"
            yield from _block(value, indent + 2)
        else:
            yield f"{' ' * indent}{name_of(name)}: {flow(value)}"
