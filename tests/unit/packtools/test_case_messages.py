"""Messages of cases that have a name: what a step changes of one, and what is said where it can't be."""

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.mapping.formats.paths import MISSING, path_steps
from bridge.mapping.formats.xml import read_xml
from bridge.mapping.loader import load_pack
from bridge.packtools.case_files import load_cases, run_cases
from bridge.packtools.case_messages import PairList, put
from bridge.packtools.case_report import differences
from bridge.packtools.cases import Case, Step
from bridge.yaml_source import InvalidDocument
from tests.unit.packtools.packs import FRAME

HEAD = 'case: x\ntime: "2026-03-05T12:00:00Z"\n'


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A pack of JSON in JSON with pairs, whose cases are to be written."""
    inbound = {
        **FRAME["inbound"],
        "job": "$order.job",
        "unpack": [{"json": "$.payload"}, {"pairs": "$.payload.udf", "name": "key", "value": "content"}],
    }
    return written(tmp_path, {**FRAME, "paths": {"order": "$.payload"}, "inbound": inbound})


@pytest.fixture
def xml(tmp_path: Path) -> Path:
    """The same of XML."""
    xml = {"namespaces": {"t": "http://time.example"}, "lists": ["Task"]}
    inbound = {**FRAME["inbound"], "job": "$.Job['@id']", "format": "xml", "xml": xml}
    return written(tmp_path, {**FRAME, "inbound": inbound})


def written(directory: Path, data: dict[str, Any]) -> Path:
    rules = [{"rule": "any", "then": {"work_order": "open", "creates": True}}]
    fields = {**FRAME["fields"], "colour": {"path": "$.payload.udf.colour"}}
    (directory / "cases").mkdir()
    (directory / "pack.yaml").write_text(json.dumps({**data, "fields": fields, "rules": rules}))
    return directory


def case_of(pack: Path, text: str) -> Case:
    (pack / "cases" / "a.yaml").write_text(HEAD + text)
    ((_, case),) = load_cases(pack)
    return case


def said(step: Step) -> dict[str, Any]:
    assert isinstance(step.message, dict)
    return step.message


def refused(pack: Path, text: str) -> list[str]:
    with pytest.raises(InvalidDocument) as caught:
        case_of(pack, text)
    return [str(one).partition("a.yaml:")[2] for one in caught.value.findings]


STEPS = """\
messages:
  created:
    routing_key: order.created
    headers: {x-kind: full, x-seq: "1"}
    message: {id: 1, payload: '{"job": "J", "crew": {"n": 1}, "udf": [{"key": "colour", "content": "red"}]}'}
  repainted: {from: created, with: {$order.udf.colour: blue}}
steps:
"""


def test_a_step_says_only_what_is_otherwise_in_its_message(pack: Path) -> None:
    case = case_of(
        pack,
        STEPS
        + """\
  - {from: created, expect: {reads: {colour: red}}}
  - from: repainted
    with: {$.id: 2, $order.note: {by: Eva}, $order.udf.size: L, "$order.crew[1]": {n: 2}}
    headers: {x-seq: "2"}
    expect: {reads: {colour: blue}}
  - {from: repainted, without: [$order.udf.colour, $.id], routing_key: order.changed, expect: {reads: {colour: null}}}
""",
    )
    first, second, third = case.steps
    assert said(first)["id"] == 1
    assert (first.routing_key, first.headers) == ("order.created", {"x-kind": "full", "x-seq": "1"})
    assert (said(second)["id"], second.headers) == (2, {"x-kind": "full", "x-seq": "2"})
    assert json.loads(said(second)["payload"]) == {
        "job": "J",
        "crew": [{"n": 1}, {"n": 2}],
        "udf": [{"key": "colour", "content": "blue"}, {"key": "size", "content": "L"}],
        "note": {"by": "Eva"},
    }
    assert list(said(third)) == ["payload"]
    assert json.loads(said(third)["payload"]) == {"job": "J", "crew": {"n": 1}, "udf": []}
    assert (third.routing_key, third.headers) == ("order.changed", first.headers)
    ((_, result),), _ = run_cases(pack, load_pack(pack))
    assert differences(result) == []


def test_cases_share_messages_and_none_sees_those_of_another(pack: Path) -> None:
    (pack / "cases" / "messages.yaml").write_text('messages: {created: {body: \'{"payload": {"job": "J"}}\'}}\n')
    (pack / "cases" / "b.yaml").write_text(
        HEAD + "messages: {created: {message: {payload: {job: K}}}}\nsteps: [{from: created, expect: {rule: any}}]\n"
    )
    text = "steps: [{from: created, with: {$order.job: L}, expect: {rule: any}}]\n"
    (pack / "cases" / "c.yaml").write_text(HEAD + text)
    (_, own), (_, shared) = load_cases(pack)
    assert own.steps[0].message == {"payload": {"job": "K"}}
    assert shared.steps[0].body == '{"payload":{"job":"L"}}'


def test_xml_is_changed_by_the_paths_of_the_pack(xml: Path) -> None:
    case = case_of(
        xml,
        """\
messages:
  created:
    body: |
      <w:Job xmlns:w="urn:w" xmlns:x="http://time.example" xmlns:i="http://www.w3.org/2001/XMLSchema-instance" id="J">
        <w:Status>NEW</w:Status><x:At>8</x:At><Task n="1">Look &amp; see</Task><Gone i:nil="true"/>
      </w:Job>
steps:
  - from: created
    with: {"$.Job['@id']": K, "$.Job['t:At']": "9", "$.Job.Task[1]": Dig, $.Job.Crew.Name: Eva}
    without: [$.Job.Status]
    expect: {rule: any}
""",
    )
    assert read_xml((case.steps[0].body or "").encode(), {"http://time.example": "t"}, ["Task"]) == {
        "Job": {
            "@id": "K",
            "t:At": "9",
            "Task": [{"@n": "1", "#text": "Look & see"}, "Dig"],
            "Gone": None,
            "Crew": {"Name": "Eva"},
        }
    }


@pytest.mark.parametrize(
    ("step", "problems"),
    [
        ("{from: creatd}", ["11:12: wrong-message: no message above has this name; did you mean 'created'?"]),
        ("{from: x}", ["11:12: wrong-message: no message above has this name; known here: created, repainted"]),
        (
            "{from: created, with: {$.payload.job.no: 1}}",
            ["11:28: wrong-message: there is no place for 'no' in the message; came \"J\""],
        ),
        (
            "{from: created, without: [$.idd]}",
            ["11:31: wrong-message: there is nothing to take out: the message has no 'idd'; did you mean 'id'?"],
        ),
        (
            "{from: created, with: {\"$order.udf[?@.key == 'x'].content\": 1, '$order.udf[7]': 1}}",
            [
                "11:28: wrong-message: the message has no item that fits the filter",
                "11:68: wrong-message: the message has no item [7]",
            ],
        ),
        (
            "{from: created, with: {job: 1}}",
            ["11:28: wrong-message: 'job' is not a JSONPath; it starts with $; write $.job"],
        ),
        (
            "{message: {}, with: {$.a: 1}}",
            ["11:5: wrong-value: `with` and `without` change a message that has a name; write it in `from`"],
        ),
        ("{message: {}, from: created}", ["11:5: wrong-value: write one of message, body, from or buyer"]),
    ],
)
def test_what_cannot_be_changed_is_told_with_its_place(pack: Path, step: str, problems: list[str]) -> None:
    found = refused(
        pack, f"{STEPS}  # what is wrong stands in the next line\n  - {step[:-1]}, expect: {{rule: any}}}}\n"
    )
    assert found == problems


def test_what_is_no_message_can_be_sent_and_not_changed(pack: Path) -> None:
    text = "messages: {broken: {body: '{'}}\nsteps: [{from: broken, expect: {outcome: parked}}]\n"
    assert case_of(pack, text).steps[0].body == "{"
    (found,) = refused(pack, text.replace("broken, expect", "broken, with: {$.a: 1}, expect"))
    assert "it can't be changed: the body is not JSON" in found


def test_of_a_message_with_a_mistake_only_that_is_told(pack: Path) -> None:
    found = refused(
        pack,
        "messages: {one: {message: {}}, two: {from: one, without: [$.a]}}\nsteps: [{from: two, expect: {rule: any}}]\n",
    )
    assert len(found) == 1
    assert "nothing to take out" in found[0]


def test_a_place_is_found_as_a_pack_finds_it() -> None:
    def changed(data: object, path: str, value: object) -> object:
        return put(data, path_steps(path), value, [PairList(path_steps("$.l"), "k", "v")])

    assert changed({"a": None}, "$.a.b", 1) == {"a": {"b": 1}}
    assert changed({"a": {"b": 1}}, "$.a[0].b", 2) == {"a": {"b": 2}}
    assert changed([1, 2, 3], "$[-1]", 4) == [1, 2, 4]
    assert changed([{"n": 1}, {"n": 2, "m": 1}], "$[?@.n == 2].m", MISSING) == [{"n": 1}, {"n": 2}]
    assert changed({"l": [{"k": "x", "v": 1}]}, "$.l.x", 2) == {"l": [{"k": "x", "v": 2}]}
    assert changed({"l": {"k": "x", "v": 1}}, "$.l.y", 2) == {"l": [{"k": "x", "v": 1}, {"k": "y", "v": 2}]}
    assert changed({"l": [{"k": "x", "v": 1}]}, "$.l[0].k", "z") == {"l": [{"k": "z", "v": 1}]}
    for empty in ({"l": []}, {"l": None}, {}):
        assert changed(empty, "$.l.x", 2) == {"l": [{"k": "x", "v": 2}]}
    assert changed({"m": []}, "$.m[0].x", 2) == {"m": [{"x": 2}]}
    with pytest.raises(ValueError, match=r"there is a list; write an index, or \[\?@\.n == 'x'\]"):
        changed({"l": [{"n": 1}]}, "$.l.x", 2)
    with pytest.raises(ValueError, match=r"there is a list; write an index, or \[\?@\.name == 'x'\]"):
        changed({"m": []}, "$.m.x", 2)


def test_messages_without_their_key_on_top_are_told_once(pack: Path) -> None:
    (pack / "cases" / "messages.yaml").write_text("created: {message: {}}\nchanged: {message: {}}\n")
    (pack / "cases" / "a.yaml").write_text(HEAD + "steps: [{from: created, show: true}, {from: changed, show: true}]")
    with pytest.raises(InvalidDocument) as caught:
        load_cases(pack)
    (finding,) = caught.value.findings
    assert str(finding).endswith(
        "messages.yaml:1:1: missing-key: "
        "the key 'messages' is missing on top; write it there, and the messages below it, each by its name"
    )


def test_wrong_names_and_paths_are_told_beside_other_mistakes(pack: Path) -> None:
    (pack / "cases" / "messages.yaml").write_text("messages: {created: {message: {a: 1}}, other: {mesage: {}}}\n")
    text = (
        "steps:\n"
        "  - {from: creatd, show: true}\n"
        "  - {from: created, without: [$.b], show: true}\n"
        "  - {from: other, show: true}\n"
        "  - {from: created, expect: {rul: any}}\n"
    )
    (pack / "cases" / "a.yaml").write_text(HEAD + text)
    with pytest.raises(InvalidDocument) as caught:
        load_cases(pack)
    told = sorted(str(one).partition("cases/")[2] for one in caught.value.findings)
    assert [line.partition(": ")[0] for line in told[:3]] == ["a.yaml:4:12", "a.yaml:5:31", "a.yaml:7:30"]
    assert "no message above has this name; did you mean 'created'?" in told[0]
    assert "nothing to take out" in told[1]
    assert "unknown key 'rul'" in told[2]
    assert [line.startswith("messages.yaml:1:") for line in told[3:]] == [True]
