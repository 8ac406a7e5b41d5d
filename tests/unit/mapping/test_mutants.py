"""Damaged messages of every pack's cases, as `make hostile` sends them, in small number: each ends as it should."""

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from benchmarks.hostile import Prepared, Seed, TooSlow, answer, attack, limited, packs, prepared_of, watched
from benchmarks.mutants import mutant
from bridge.domain.model import Job, JobRef
from bridge.mapping.document import PackDocument
from bridge.mapping.loader import load_document
from bridge.mapping.pack import Pack, Reading, Translated
from bridge.packtools.sandbox import RawMessage
from tests.unit.mapping.patches import pack_with
from tests.unit.mapping.test_docs_examples import EXAMPLES, pack_of

XML = b"""<?xml version="1.0"?><w:Job xmlns:w="urn:w" xmlns:x="http://time.example" id="J-1">
    <w:Status>NEW</w:Status><x:At>2026-03-05T13:04:05Z</x:At><Task>Look &amp; see</Task></w:Job>"""
NOW = datetime(2026, 3, 5, tzinfo=UTC)
MUTANTS = 300


def violations(prepared: Prepared) -> Iterable[str]:
    with watched():
        tally = attack(prepared, random.Random("derandomized"), MUTANTS)
    assert sum(tally.outcomes.values()) + len(tally.violations) >= MUTANTS
    return tally.violations


def alone(pack: Pack, body: bytes) -> Prepared:
    """A pack with one good message, of which nobody asks anything."""
    return Prepared(pack, [Seed(RawMessage(body=body), {}, NOW)], [], [])


@pytest.mark.parametrize("directory", packs(), ids=lambda directory: str(directory.name))
def test_each_mutant_of_a_case_ends_with_an_explanation(directory: Path) -> None:
    prepared = prepared_of(directory)
    assert prepared.wishes
    assert list(violations(prepared)) == []


@pytest.mark.parametrize("directory", packs(), ids=lambda directory: str(directory.name))
def test_each_mutant_of_a_reply_is_read_or_unreadable(directory: Path) -> None:
    prepared = prepared_of(directory)
    assert prepared.answers
    with watched():
        tally = answer(prepared, random.Random("derandomized"), MUTANTS)
    assert tally.violations == []
    assert tally.meanings.total() == MUTANTS
    assert len(tally.meanings) > 2  # they are read, some of them


def test_the_packs_that_are_attacked_use_every_key_that_a_pack_may_have() -> None:
    used = {key for directory in packs() for key in keys_in(load_document(directory))}
    declared = {(model.__name__, name) for model in models_below(PackDocument, set()) for name in model.model_fields}
    # `extends` is gone once layers are merged; `partition_by` has one or the other, and nothing is read by it.
    assert sorted(declared - used) == [("PackDocument", "extends"), ("PartitionBy", "header")]


def keys_in(value: object) -> Iterator[tuple[str, str]]:
    """The keys that are written somewhere in a pack, each with every model that declares it."""
    if isinstance(value, BaseModel):
        for name in value.model_fields_set:
            if getattr(value, name) is not None:
                owners = [one for one in type(value).__mro__ if issubclass(one, BaseModel) and name in one.model_fields]
                yield from ((one.__name__, name) for one in owners)
                yield from keys_in(getattr(value, name))
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from keys_in(item)


def models_below(annotation: Any, found: set[type[BaseModel]]) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation not in found:
            found.add(annotation)
            for field in annotation.model_fields.values():
                models_below(field.annotation, found)
        return found
    for one in (*get_args(annotation), *get_args(getattr(annotation, "__value__", None))):
        models_below(one, found)
    return found


def test_each_mutant_of_xml_ends_with_an_explanation() -> None:
    assert EXAMPLES["xml"]
    pack = pack_of("xml")
    assert isinstance(pack.read(XML, "", {}), Reading)
    assert list(violations(alone(pack, XML))) == []


CREW = b"""{"job": "J", "crew": [{"id": "EVA", "state": "pending", "leads": true}, {"id": "TOM", "state": "done"}],
    "tickets": ["T-1", "T-2"]}"""
XML_CREW = """
inbound: {format: xml, job: "$.Job['@id']", xml: {lists: [Tech]}}
fields:
  techs: {path: $.Job.Tech, type: items, fields: {tech: {path: "$['@id']", required: true}, mail: {path: $.Mail}}}
work_order:
  related_entity:
    - {id: T, role: r, referred_type: t}
    - {each: techs, if_present: mail, id: {value: tech}, role: {value: mail}, referred_type: t}
"""
XML_TECHS = b'<Job id="J"><Tech id="1"><Mail>a@b</Mail></Tech><Tech id="2"/></Job>'


@pytest.mark.parametrize(
    ("pack", "body"),
    [(pack_of("items"), CREW), (pack_of("each"), CREW), (pack_with(XML_CREW), XML_TECHS)],
    ids=["items", "each", "xml"],
)
def test_each_mutant_of_a_list_of_items_ends_with_an_explanation(pack: Pack, body: bytes) -> None:
    assert isinstance(pack.translate(reading_of(pack, body), Job(ref=JobRef("toy", "J"))), Translated)
    assert list(violations(alone(pack, body))) == []


def reading_of(pack: Pack, body: bytes) -> Reading:
    reading = pack.read(body, "", {})
    assert isinstance(reading, Reading)
    return reading


def test_a_seed_gives_the_same_mutants_again() -> None:
    words = RawMessage(body=b'{"a": [1, "x"]}', routing_key="k", headers={"h": "1"})
    once, again = ([mutant(rng, words) for _ in range(50)] for rng in (random.Random("s"), random.Random("s")))
    assert once == again
    assert len({one.body for one in once}) > 30


def test_the_watchdog_bites_whoever_is_too_slow() -> None:
    with watched(), pytest.raises(TooSlow), limited(0.01):
        sum(iter(lambda: 0, 1))  # never ends
