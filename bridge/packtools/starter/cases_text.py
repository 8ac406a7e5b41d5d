"""The samples as a case of the pack to begin with: what it makes of them as long as nobody has said what they mean."""

import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Sequence
from datetime import datetime

import orjson

from bridge.mapping.pack import Pack
from bridge.mef.moments import rfc3339
from bridge.packtools.sandbox import DUPLICATE, Happened, RawMessage, Sandbox
from bridge.packtools.starter.pack_text import flow, name_of, text_of
from bridge.packtools.starter.samples import Sample

_ENCODING = re.compile(rb"""\s*<\?xml[^>]*?encoding=["']([A-Za-z0-9._-]+)["']""")
_DECLARATION = re.compile(r"^\s*<\?xml.*?\?>", re.DOTALL)

_HEAD = """\
# The sample messages, one after the other. Nothing comes of them yet, and so that is what is expected here. Once a rule
# has its goal, `mef-bridge mapping test` says what came instead: see that it is right, and write it down, such as
#   expect: {{rule: created, work_order: open, notifications: [workOrderCreateEvent]}}
# docs/pack-tools.md has all that a case may expect, and what a Buyer may ask for in between.
case: The sample messages
time: "{time}"   # the clock of the case
steps:
"""


def samples_case(pack: Pack, samples: Sequence[Sample], now: datetime) -> str:
    """Write `cases/samples.yaml` for the pack as it stands."""
    book = Sandbox(pack)
    steps = (_step(sample, book.apply(RawMessage(body=sample.body), now)[0]) for sample in samples)
    return _HEAD.format(time=rfc3339(now)) + "".join(line for step in steps for line in step)


def _step(sample: Sample, happened: Happened) -> Iterable[str]:
    yield f"  # {sample.name}\n"
    if happened.outcome == DUPLICATE:
        yield f"  # left out: {happened.reason}\n"
        return
    yield from _message(sample)
    expect = {"rule": happened.rule, "outcome": str(happened.outcome)}
    if happened.rule is None:
        expect = {"outcome": str(happened.outcome), "reason": happened.reason}
    yield f"    expect: {{{', '.join(f'{key}: {_plain(value)}' for key, value in expect.items())}}}\n"


def _plain(value: str | None) -> str:
    is_word = value is not None and value.replace("-", "").isalnum() and value[0].isalpha()
    return str(value) if is_word else text_of(value)


def _message(sample: Sample) -> Iterable[str]:
    """Write a message as it came: JSON as YAML, XML as a text."""
    data = _json(sample.body)
    if data is not None:
        yield "  - message:\n" if data else "  - message: {}\n"
        yield from (f"      {name_of(key)}: {flow(value)}\n" for key, value in data.items())
        return
    text = _xml_text(sample.body)
    if all(character.isprintable() or character in "\n\t" for character in text):
        yield "  - body: |\n"
        yield from (f"      {line}\n" for line in text.split("\n"))
    else:
        yield f"  - body: {text_of(text)}\n"


def _json(body: bytes) -> dict[str, object] | None:
    try:
        data = orjson.loads(body.removeprefix(BOM_UTF8))
    except orjson.JSONDecodeError:
        return None
    return data if isinstance(data, dict) else None


def _xml_text(body: bytes) -> str:
    """Give the document without its declaration: as a text it has no encoding of its own."""
    declared = _ENCODING.match(body)
    text = body.decode(declared[1].decode() if declared else "utf-8-sig", errors="replace")
    return _DECLARATION.sub("", text).strip().replace("\r\n", "\n")
