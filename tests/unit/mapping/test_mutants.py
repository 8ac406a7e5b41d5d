"""Damaged messages of every pack's cases, as `make hostile` sends them, in small number: each ends as it should."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from benchmarks.hostile import Seed, TooSlow, answer, answers_of, attack, limited, packs, seeds_of, watched
from benchmarks.mutants import mutant
from bridge.cli.mapping.cases import load_cases
from bridge.domain.model import Job, JobRef
from bridge.mapping.loader import load_pack
from bridge.mapping.pack import Pack, Reading, Translated
from bridge.packtools.cases import Case
from bridge.packtools.sandbox import RawMessage
from tests.unit.mapping.patches import pack_with
from tests.unit.mapping.test_docs_examples import EXAMPLES, pack_of

XML = b"""<?xml version="1.0"?><w:Job xmlns:w="urn:w" xmlns:x="http://time.example" id="J-1">
    <w:Status>NEW</w:Status><x:At>2026-03-05T13:04:05Z</x:At><Task>Look &amp; see</Task></w:Job>"""
NOW = datetime(2026, 3, 5, tzinfo=UTC)
MUTANTS = 300


@cache
def cases_of(directory: Path) -> list[Case]:
    return [case for _, case in load_cases(directory)]


def violations(pack: Pack, seeds: list[Seed]) -> Iterable[str]:
    with watched():
        tally = attack(pack, seeds, random.Random("derandomized"), MUTANTS)
    assert sum(tally.outcomes.values()) + len(tally.violations) >= MUTANTS
    return tally.violations


@pytest.mark.parametrize("directory", packs(), ids=lambda directory: str(directory.name))
def test_each_mutant_of_a_case_ends_with_an_explanation(directory: Path) -> None:
    pack = load_pack(directory)
    seeds = seeds_of(pack, cases_of(directory))
    assert list(violations(pack, seeds)) == []


@pytest.mark.parametrize("directory", packs(), ids=lambda directory: str(directory.name))
def test_each_mutant_of_a_reply_is_read_or_unreadable(directory: Path) -> None:
    answers = answers_of(cases_of(directory))
    assert answers
    with watched():
        tally = answer(load_pack(directory), answers, random.Random("derandomized"), MUTANTS)
    assert tally.violations == []
    assert tally.meanings.total() == MUTANTS
    assert len(tally.meanings) > 2  # they are read, some of them


def test_each_mutant_of_xml_ends_with_an_explanation() -> None:
    assert EXAMPLES["xml"]
    pack, seed = pack_of("xml"), Seed(RawMessage(body=XML), {}, NOW)
    assert isinstance(pack.read(XML, "", {}), Reading)
    assert list(violations(pack, [seed])) == []


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
    assert list(violations(pack, [Seed(RawMessage(body=body), {}, NOW)])) == []


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
