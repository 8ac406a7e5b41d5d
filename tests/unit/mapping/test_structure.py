"""Messages in odd shapes: XML, JSON in texts, names and values, several parts, keys of several parts, versions."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from bridge.domain.decide import decide
from bridge.domain.model import AppointmentId, Ids, Job, JobUpdate, Outcome, WorkOrderId
from bridge.mapping.formats.values import Misread
from bridge.mapping.formats.xml import check_body, read_xml, write_xml
from bridge.mapping.pack import Reading, Unreadable
from tests.unit.mapping.builders import NOON, read, translated
from tests.unit.mapping.patches import fields_of, outcome, pack_with, problems


@pytest.mark.parametrize(
    ("body", "data"),
    [
        ("<a/>", {"a": ""}),
        ("<a> x </a>", {"a": "x"}),
        ("<a b='1'>x</a>", {"a": {"@b": "1", "#text": "x"}}),
        ("<a><b>1</b><b>2</b><c/></a>", {"a": {"b": ["1", "2"], "c": ""}}),
        ("<a><l>1</l></a>", {"a": {"l": ["1"]}}),
        ("<n:a xmlns:n='urn:x'><n:b/></n:a>", {"a": {"b": ""}}),
        ("<n:a xmlns:n='urn:known'><n:b n:c='1'/></n:a>", {"k:a": {"k:b": {"@k:c": "1"}}}),
        ("<a><b xmlns:i='http://www.w3.org/2001/XMLSchema-instance' i:nil='true'/></a>", {"a": {"b": None}}),
        ("<a><![CDATA[<b>]]></a>", {"a": "<b>"}),
    ],
)
def test_xml_is_read_as_plain_data(body: str, data: object) -> None:
    assert read_xml(body.encode(), {"urn:known": "k"}, ["l"]) == data


BOMB = "<!DOCTYPE a [<!ENTITY b 'xxxxxxxxxx'><!ENTITY c '&b;&b;&b;'>]><a>&c;</a>"
EXTERNAL = "<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>"


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        EXTERNAL,
        "<!DOCTYPE a SYSTEM 'http://x/y.dtd'><a/>",
        "<a>" * 100 + "</a>" * 100,
        "<a>" + "<b/>" * 100_001 + "</a>",
        "<a>" + "x" * (5 << 20) + "</a>",
        "<a>&unknown;</a>",
        "<a>",
        "",
        "{}",
        "<?xml version='1.0' encoding='utf-7'?><a/>",
        "<?xml version='1.0' encoding='nonsense'?><a/>",
        "<?xml version='1.0' encoding='shift_jis'?><a/>",
        "\x00<a/>",
    ],
)
def test_hostile_xml_is_refused(body: str) -> None:
    with pytest.raises(Misread, match="the body is"):
        read_xml(body.encode(), {}, [])


def test_xml_is_written_and_read_again() -> None:
    data = {"a": {"@b": "1 < \"2\" & '3'", "#text": "x", "c": ["1", "2"], "d": {"e": "<&>"}}}
    assert read_xml(write_xml(data), {}, []) == data
    with pytest.raises(ValueError, match=r"U\+0000"):
        write_xml({"a": "\x00"})
    with pytest.raises(ValueError, match="one root"):
        write_xml({"a": 1, "b": 2})
    assert check_body({"a": {"@b": 1, "x y": ({"1": 1},)}}) == "'x y' cannot be the name of an XML element or attribute"


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ("{", "unpack ($.p): expected JSON in a text"),
        (7, "unpack ($.p): expected JSON in a text"),
    ],
)
def test_what_cannot_be_unpacked_is_told(payload: object, problem: str) -> None:
    pack = pack_with("inbound: {unpack: [{json: $.p}]}")
    assert outcome(pack, {"p": payload}).startswith(f"parked: {problem}")
    assert outcome(pack, {"p": {"already": "JSON"}}) == "any"


@pytest.mark.parametrize("pairs", [[{"key": 1}], [3], "x", [[]]])
def test_what_is_no_list_of_names_is_told(pairs: object) -> None:
    pack = pack_with("inbound: {unpack: [{pairs: $.p, name: key}]}")
    assert "expected names and values" in outcome(pack, {"p": pairs})


EACH = "inbound: {each: $.ids, job: $.part, message_id: $.id}"


def test_a_single_pair_is_a_list_of_one_and_an_index_finds_it() -> None:
    for udf in ([[{"name": "colour", "value": "red"}]], {"name": "colour", "value": "red"}):
        pack = pack_with("{inbound: {unpack: [{pairs: '$.udf[0]'}]}, fields: {colour: {path: '$.udf[0].colour'}}}")
        assert fields_of(pack, {"udf": udf})["colour"] == "red"
    pack = pack_with("{inbound: {unpack: [{json: '$.udf[0]'}]}, fields: {colour: {path: '$.udf[0].colour'}}}")
    assert fields_of(pack, {"udf": {"colour": "red"}})["colour"] == "red"


def test_each_part_is_a_message_of_its_own_and_a_bad_part_harms_no_other() -> None:
    parts = pack_with(EACH).read_all(orjson.dumps({"id": "M", "ids": ["a", {}, "c"]}), "", {})
    first, bad, last = parts
    assert isinstance(bad, Unreadable)
    assert isinstance(first, Reading)
    assert isinstance(last, Reading)
    assert [(part.message, part.job.key) for part in (first, last)] == [("M#0", "a"), ("M#2", "c")]


@pytest.mark.parametrize("ids", [[], None, "x", {}, ["a"] * 501])
def test_a_message_without_parts_or_with_too_many_is_unreadable(ids: object) -> None:
    (only,) = pack_with(EACH).read_all(orjson.dumps({"id": "M", "ids": ids}), "", {})
    assert isinstance(only, Unreadable)


def test_a_long_message_id_leaves_room_for_the_number_of_the_part() -> None:
    (part,) = pack_with(EACH).read_all(orjson.dumps({"id": "M" * 255, "ids": ["a"]}), "", {})
    assert isinstance(part, Reading)
    assert len(part.message) < 255


def test_a_key_may_fall_back_or_be_joined() -> None:
    fallback = read(pack_with("inbound: {job: [$.number, $.id]}"), {"number": "", "id": 7})
    joined = pack_with("inbound: {job: {parts: [$.order, $.task], joined_by: /}}")
    found = read(joined, {"order": "O", "task": 1})
    assert isinstance(fallback, Reading)
    assert isinstance(found, Reading)
    assert (fallback.job.key, found.job.key) == ("7", "O/1")
    assert isinstance(read(joined, {"order": "O"}), Unreadable)


VERSIONS = """
zone: UTC
inbound:
  version: {path: $.at, format: iso}
  versions: {visit: {path: $.rev, optional: true}}
"""


def update(patch: str, message: dict[str, Any], job: Job | None = None) -> JobUpdate:
    return translated(pack_with(patch), {"job": "J", **message}, job).update


def test_each_object_has_its_own_version_and_a_moment_is_one() -> None:
    message = {"at": "2026-03-05T12:00:00Z", "rev": 3}
    assert update(VERSIONS, message).versions == {"job": 1772712000000000, "visit": 3}
    assert update(VERSIONS, {"at": "2026-03-05T12:00:00Z"}).versions == {"job": 1772712000000000}
    assert outcome(pack_with(VERSIONS), {"rev": 3}).startswith("parked: version ($.at)")
    assert outcome(pack_with(VERSIONS), {**message, "rev": "x"}).startswith("parked: version ($.rev)")


@pytest.mark.parametrize(("ties", "result"), [("apply", Outcome.APPLIED), ("stale", Outcome.STALE)])
def test_the_pack_says_what_the_same_version_again_is(ties: str, result: Outcome) -> None:
    asked = update(f"inbound: {{version: $.v, ties: {ties}}}", {"v": 4})
    job = replace(Job(ref=asked.job), versions={"job": 4})
    ids = Ids(WorkOrderId("w"), AppointmentId("a"))
    assert decide(job, asked, ids, NOON).outcome is result
    assert decide(replace(job, versions={"job": 5}), asked, ids, NOON).outcome is Outcome.STALE


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("{path: \"$['w:Job'].At\"}", "Job"),
        ("{path: [$.Job.At, \"$.Job['@w:at']\"]}", "at"),
        ("{path: $.Job.Tag, type: list, where: {\"$['w:Text']\": x}}", "Text"),
    ],
)
def test_a_prefix_that_the_pack_gives_to_no_namespace_is_told(field: str, name: str) -> None:
    inbound = "inbound: {format: xml, unpack: [{pairs: $.Job.Udf}], xml: {namespaces: {t: 'urn:t'}, lists: [Tag]}}"
    known = "known: {path: \"$.Job['t:At']\"}, colour: {path: \"$.Job.Udf['w:colour']\"}"
    (told,) = problems(f"{inbound}\nfields: {{{known}, at: {field}}}")
    assert told == (
        f"unknown-prefix: no name has the prefix 'w'; leave it out ({name}), "
        "or write inbound: {xml: {namespaces: {w: <its namespace>}}}"
    )


PER_VISIT = "inbound: {versions: {visit: {path: $.visit.rev, of: $.visit.id, optional: %s}}}"


@pytest.mark.parametrize(
    ("visit", "versions"),
    [
        ({"id": "V-1", "rev": 3}, {"visit V-1": 3}),
        ({"id": 7, "rev": 3}, {"visit 7": 3}),
        ({"id": "V-1"}, {}),
        ({"rev": 3}, {}),
        ({}, {}),
    ],
)
def test_a_version_bears_the_name_of_the_visit_that_it_is_of(visit: dict[str, Any], versions: dict[str, int]) -> None:
    reading = read(pack_with(PER_VISIT % "true"), {"job": "J", "visit": visit})
    assert isinstance(reading, Reading)
    assert (reading.versions, reading.problem) == (versions, None)


@pytest.mark.parametrize("visit", [{"rev": 3}, {"id": [], "rev": 3}])
def test_a_version_of_nothing_is_a_problem_where_there_must_be_one(visit: dict[str, Any]) -> None:
    reading = read(pack_with(PER_VISIT % "false"), {"job": "J", "visit": visit})
    assert isinstance(reading, Reading)
    assert "version of ($.visit.id): expected text" in (reading.problem or "")
