"""A pack begun from samples passes the check, its case comes out, and both still do once the TODOs are filled in."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.checks.inspection import inspect
from bridge.mapping.loader import make_pack
from bridge.packtools.case_report import differences
from bridge.packtools.cases import Case
from bridge.packtools.cases_run import CaseResult, run_case
from bridge.packtools.coverage import Coverage
from bridge.packtools.starter import Sample, Unusable, samples_case, starter
from bridge.packtools.starter.commands_text import MARK
from bridge.packtools.starter.fields import rule_names
from bridge.yaml_source import parse_yaml, validate
from tests.unit.examples import examples
from tests.unit.mapping.builders import NOON

TUTORIAL = sorted((Path(__file__).parents[1] / "mapping" / "tutorial" / "samples").glob("*.json"))


def json_samples(*messages: object) -> list[Sample]:
    return [Sample(f"{number}.json", json.dumps(one).encode()) for number, one in enumerate(messages)]


def xml_samples(*documents: str) -> list[Sample]:
    return [Sample(f"{number}.xml", one.encode()) for number, one in enumerate(documents)]


def begun(samples: list[Sample]) -> str:
    """The pack, which has no problem, and whose case comes out."""
    text = starter("mine", samples)
    assert [str(one) for one in inspect(parse_yaml(text, "pack.yaml")).findings] == []
    assert differences(result_of(text, case_of(text, samples))) == []
    return text


def case_of(text: str, samples: list[Sample]) -> str:
    return samples_case(make_pack(parse_yaml(text, "pack.yaml")), samples, NOON)


def result_of(text: str, case: str) -> CaseResult:
    source = parse_yaml(text, "pack.yaml")
    inspection = inspect(source)
    assert inspection.document is not None
    read = validate(Case, parse_yaml(case, "samples.yaml"))
    return run_case(read, make_pack(source), Coverage(inspection.document))


def fields(*messages: object) -> dict[str, Any]:
    made: dict[str, Any] = parse_yaml(begun(json_samples(*messages)), "pack.yaml").data["fields"]
    return made


LARCH = [Sample(path.name, path.read_bytes()) for path in TUTORIAL]

OAK = """<?xml version="1.0" encoding="ISO-8859-1"?>
<o:Job xmlns:o="http://oak.example/job" xmlns:c="http://oak.example/clock" id="J-{rev}0{rev}">
  <o:EventId>E-{rev}</o:EventId><o:Rev>{rev}</o:Rev><o:Status>{status}</o:Status>
  <o:At>warehouse</o:At><c:At>2026-05-04T09:30:0{rev}Z</c:At>
  <o:Visit><o:VisitNo>V-100{rev}</o:VisitNo><o:Date>{date}</o:Date><o:From>22:00</o:From><o:To>02:00</o:To></o:Visit>
  <o:Length>PT1H30M</o:Length>
  <o:Params><o:Param name="site.id">Gda\xf1sk-1</o:Param>{more}</o:Params>
</o:Job>"""
MORE = '<o:Param name="ticket">TT-310</o:Param>'
OAKS = [
    Sample(f"{rev}.xml", OAK.format(rev=rev, status=status, date=date, more=more).encode("iso-8859-1"))
    for rev, status, date, more in [
        (1, "new", "", ""),
        (2, "booked", "2026-05-06", MORE),
        (3, "done", "2026-05-06", MORE),
    ]
]

GOALS = {
    "new": "{work_order: open, appointment_required: true, creates: true}",
    "booked": "{work_order: planned, appointment: confirmed, creates: true}",
    "onsite": "{work_order: inProgress, appointment: inProgress}",
    "done": "{work_order: completed, appointment: completed, creates: true}",
    "failed": "{appointment: failed}",
    "cancelled": "{work_order: cancelled}",
}


def filled(text: str) -> str:
    """The pack with the answers that a person would give: what each code means, the zone, the commands."""
    answered = re.sub(r'\{park: "TODO: what does (\w+) mean to the Buyer\?"\}', lambda found: GOALS[found[1]], text)
    head, _, block = answered.partition("\n" + MARK)
    introduction, _, commands = block.partition("\n\n")
    assert "# " in introduction
    uncommented = "".join(line.removeprefix("# ") + "\n" for line in commands.splitlines())
    return head.replace("zone: UTC", "zone: Europe/London").replace("a-buyer", "acme-buyer") + "\n" + uncommented


@pytest.mark.parametrize("samples", [LARCH, OAKS], ids=["json", "xml"])
def test_a_pack_passes_once_its_todos_are_filled_in(samples: list[Sample]) -> None:
    """The case of the samples then says what is to be written down; once it is, it comes out again."""
    text = begun(samples)
    done = filled(text)
    assert [str(one) for one in inspect(parse_yaml(done, "pack.yaml")).findings] == []
    assert set(parse_yaml(done, "pack.yaml").data["commands"]) == {"search", "book", "reschedule", "cancel"}
    failed = differences(result_of(done, case_of(text, samples)))
    assert '    - expected "parked"' in failed
    assert '    + came     "applied"' in failed
    assert differences(result_of(done, case_of(done, samples))) == []


def test_the_case_of_the_samples_is_the_story_that_they_tell() -> None:
    steps = parse_yaml(case_of(begun(LARCH), LARCH), "samples.yaml").data["steps"]
    assert len(steps) == len(LARCH)
    assert steps[0]["message"] == json.loads(TUTORIAL[0].read_bytes())
    assert [step["expect"] for step in steps[:2]] == [
        {"rule": "status-new", "outcome": "parked"},
        {"rule": "status-booked", "outcome": "parked"},
    ]


def test_rules_are_named_after_the_codes_no_two_alike() -> None:
    names = rule_names(["in work", "IN_WORK", "!", "010"])
    assert names == ["status-in-work", "status-in-work-no-2", "status-3", "status-010"]


def test_xml_is_read_as_the_pack_will_read_it() -> None:
    made = parse_yaml(begun(OAKS), "pack.yaml").data
    assert made["inbound"] == {
        "exchange": "wfm.events",
        "bindings": ["#"],
        "format": "xml",
        "xml": {
            "namespaces": {"o": "http://oak.example/job", "c": "http://oak.example/clock"},
            "lists": ["o:Param", "slots"],
        },
        "unpack": [{"pairs": "$['o:Job']['o:Params']['o:Param']", "name": "@name", "value": "#text"}],
        "message_id": "$['o:Job']['o:EventId']",
        "job": "$['o:Job']['@id']",
        "version": "$['o:Job']['o:Rev']",
        "occurred_at": "c_at",
    }
    assert made["fields"]["o_to_at"] == {
        "join": ["o_date", "o_to"],
        "type": "datetime",
        "format": "%Y-%m-%d %H:%M",
        "not_before": "o_from_at",
    }
    assert made["fields"]["o_length"] == {
        "path": "$['o:Job']['o:Length']",
        "type": "duration",
        "format": "iso",
        "required": True,
    }
    assert made["fields"]["site_id"]["path"].endswith("['o:Param']['site.id']")


def test_namespaces_that_nothing_needs_are_left_out_of_names_and_a_single_element_may_be_a_list() -> None:
    documents = [
        '<a:Job xmlns:a="http://a.example"><a:No>1</a:No><a:Task>Dig</a:Task></a:Job>',
        '<a:Job xmlns:a="http://a.example"><a:No>2</a:No><a:Task>Dig</a:Task><a:Task>Fill</a:Task></a:Job>',
    ]
    made = parse_yaml(begun(xml_samples(*documents)), "pack.yaml").data
    assert made["inbound"]["xml"] == {"lists": ["Task", "Slots"]}
    assert made["fields"]["task"] == {"path": "$.Job.Task", "type": "list", "required": True}


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("due", ["/Date(1772715845000+0100)/"], {"type": "datetime", "format": "json_date"}),
        ("updatedAt", [1772715845000], {"type": "datetime", "format": "epoch_ms"}),
        ("start", ["1772715845"], {"type": "datetime", "format": "epoch"}),
        ("serial", [1772715845000], {"type": "integer"}),
        ("at", ["2026-03-05T12:00:00Z", "2026-03-05T12:00:00.25+01:00"], {"type": "datetime", "format": "iso"}),
        ("at", ["2026-03-05T12:00:00Z"], {"type": "datetime", "format": "%Y-%m-%dT%H:%M:%S%z"}),
        ("at", ["3/25/2026 1:30 PM"], {"type": "datetime", "format": "%m/%d/%Y %I:%M %p"}),
        ("lead", ["1970-01-01 04:00:00"], {"type": "duration", "format": "date"}),
        ("length", ["PT1H30M", "PT20M"], {"type": "duration", "format": "iso"}),
        ("duration", ["01:30", "12:00:00"], {"type": "duration", "format": "clock"}),
        ("workHours", [1.5, 2], {"type": "duration", "format": "hours"}),
        ("seconds", ["5400"], {"type": "duration", "format": "seconds"}),
        ("minutes", [90], {"type": "integer"}),
        ("day", ["2026-03-05"], {}),
        ("weight", [1, 2], {"type": "integer"}),
        ("mixed", [1, "a"], {}),
        ("ok", [True, False], {"type": "boolean"}),
        ("state", ["NEW", "DONE"], {"type": "code", "values": ["NEW", "DONE"]}),
    ],
)
def test_a_type_is_guessed_from_what_came_and_a_little_from_the_name(
    name: str, values: list[object], expected: dict[str, Any]
) -> None:
    made = fields(*({"job": f"J-100{number}", name: value} for number, value in enumerate(values)))
    found = next(field for key, field in made.items() if field.get("path") == f"$.{name}")
    assert found == {"path": f"$.{name}", **expected, "required": True}


def test_numbers_with_decimals_that_nothing_reads_are_named_in_a_comment() -> None:
    text = begun(json_samples({"job": "J-1000", "lat": 52.25}))
    assert "  # $.lat: no type of field reads what came there\n" in text


def test_a_date_and_its_times_of_day_become_moments() -> None:
    made = fields(
        {"job": "J-1000", "visit": {"day": "05.03.2026", "from": "8:00", "to": "12:00"}, "seen": "2026-01-01"}
    )
    assert made["visit_from_at"] == {
        "join": ["visit_day", "visit_from"],
        "type": "datetime",
        "format": "%d.%m.%Y %H:%M",
    }
    assert made["visit_to_at"]["not_before"] == "visit_from_at"


def test_json_in_a_text_and_names_and_values_are_unpacked() -> None:
    payload = json.dumps(
        {"job": "J-1000", "udf": [{"key": "paint.colour", "value": "red"}, {"key": "floor", "value": 3}]}
    )
    text = begun(json_samples({"payload": payload}, {"payload": json.dumps({"job": "J-1001", "udf": []})}))
    made = parse_yaml(text, "pack.yaml").data
    assert made["inbound"]["unpack"] == [
        {"json": "$.payload"},
        {"pairs": "$.payload.udf", "name": "key", "value": "value"},
    ]
    assert made["inbound"]["job"] == "$.payload.job"
    assert made["fields"]["floor"] == {"path": "$.payload.udf.floor", "type": "integer"}


def test_what_is_an_object_in_one_sample_and_nothing_in_another_is_no_field_of_its_own() -> None:
    made = fields(
        {"job": "J-1000", "crew": [], "visit": None}, {"job": "J-1001", "crew": [{"id": "T100"}], "visit": {"n": 1}}
    )
    assert set(made) >= {"crew_id", "n"}
    assert not {"crew", "visit"} & set(made)


def test_a_name_that_means_something_in_rules_is_not_given_to_a_field() -> None:
    made = fields({"work_order": {"work_order_state": "open"}, "fault": "none"})
    assert set(made) >= {"work_order_state_2", "fault_2"}


def test_names_are_as_short_as_they_can_be_and_still_say_what_it_is() -> None:
    order = {
        "job": "J-1000",
        "site": {"city": "Leeds", "ref": "S-1000"},
        "crew": [{"id": "T-1000"}],
        "visit": {"to": "x"},
    }
    made = fields({"order": order, "buyer": {"city": "York", "name": "Acme"}})
    assert {*made} >= {"job", "site_city", "site_ref", "crew_id", "visit_to", "buyer_city", "buyer_name"}


def test_a_state_in_digits_is_a_code_and_a_version_may_be_absent() -> None:
    created = {"job": "J-1000", "rev": 1, "status": "010", "steps": [{"seq": 1}]}
    made = parse_yaml(begun(json_samples(created, {"job": "J-1000", "status": "050"})), "pack.yaml").data
    assert made["fields"]["status"] == {"path": "$.status", "type": "code", "values": ["010", "050"], "required": True}
    assert made["inbound"]["version"] == {"path": "$.rev", "optional": True}


def test_keys_and_states_need_not_be_in_every_sample() -> None:
    """ServiceNow's members have a value each; some messages are of no job."""
    task = {"number": {"value": "WO-1000"}, "wo_state": {"value": "Work In Progress"}, "job_id": {"value": "17"}}
    made = parse_yaml(begun(json_samples(task, {"heartbeat": True})), "pack.yaml").data
    assert made["inbound"]["job"] == "$.job_id.value"
    assert made["fields"]["wo_state_value"] == {"path": "$.wo_state.value"}  # of which one sample tells no list
    assert [rule["rule"] for rule in made["rules"]] == ["status-work-in-progress", "anything-else"]


def test_commands_speak_in_the_words_of_the_samples() -> None:
    message = {"JOB_NO": "J-1000", "VISIT_NO": "V-1000", "WIN_FROM": "2026-03-05 08:00", "WIN_TO": "2026-03-05 12:00"}
    book = parse_yaml(filled(begun(json_samples(message))), "pack.yaml").data["commands"]["book"]
    assert book["body"] == {
        "JOB_NO": {"value": "job"},
        "WIN_FROM": {"value": "window.start", "format": "%Y-%m-%d %H:%M"},
        "WIN_TO": {"value": "window.end", "format": "%Y-%m-%d %H:%M"},
        "SLOT": {"value": "slot.id", "default": ""},
    }
    assert book["reply"] == {"status": "$.RESULT", "accepted": ["OK"], "refused": "refusals", "visit": "$.VISIT_NO"}


@pytest.mark.parametrize(
    ("samples", "why"),
    [
        (json_samples([1]), "expected one message, a JSON object"),
        ([Sample("a.json", b"{")], "a.json: the body is not JSON"),
        ([Sample("a.xml", b"<a>")], "a.xml: the body is not XML"),
        ([*json_samples({"a": 1}), *xml_samples("<a/>")], "some samples are JSON and some XML"),
    ],
)
def test_what_is_no_sample_is_told(samples: list[Sample], why: str) -> None:
    with pytest.raises(Unusable, match=why):
        starter("mine", samples)


def attributes(**said: str) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in said.items()]


def thrush(kind: str, rev: int, job: str = "T-9001", crew: object = None, **said: str) -> dict[str, object]:
    task = {"id": job, "rev": rev, **({"attrs": attributes(**said)} if said else {})}
    return {"msgId": f"7f-{job}-{rev}", "kind": kind, "task": task, **({"crew": crew} if crew else {})}


SAID = {"CLIENT": "C-77", "ZIP": "92134", "HOUSE_NO": "17", "TICKET": "4711", "JOB": "Replace ONT", "MINS": "90"}
THRUSH = [
    thrush("CREATED", 1, STATE="NEW", **SAID),
    thrush("CHANGED", 2, STATE="PLANNED", SLOT_FROM="2026-04-03T12:00:00Z", SLOT_TO="2026-04-03T16:00:00Z"),
    thrush("CREW", 3, crew=[{"no": "31"}]),
    thrush("CREATED", 1, "T-9002", STATE="NEW", **SAID | {"CLIENT": "C-78", "ZIP": "92135"}),
    thrush("CHANGED", 2, "T-9002", STATE="FAILED", WHY="NOACC"),
]


def test_messages_of_several_kinds_share_a_job_and_tell_what_changed() -> None:
    made = parse_yaml(begun(json_samples(*THRUSH)), "pack.yaml").data
    inbound = {key: made["inbound"][key] for key in ("unpack", "message_id", "job", "version", "deltas")}
    assert inbound == {
        "unpack": [{"pairs": "$.task.attrs", "name": "key", "value": "value"}],
        "message_id": "$.msgId",
        "job": "$.task.id",  # though one attribute is named so: every message has it
        "version": "$.task.rev",
        "deltas": {"unless": [{"path": "$.kind", "fits": "CREATED"}]},
    }
    fields = made["fields"]
    texts = ("client", "zip", "house_no", "ticket", "crew_no", "why")
    assert [fields[name].keys() & {"type", "values"} for name in texts] == [set()] * len(texts)
    assert fields["mins"]["type"] == "integer"
    assert fields["state"]["values"] == ["NEW", "PLANNED", "FAILED"]


def test_where_nothing_tells_deltas_from_complete_messages_all_are_deltas() -> None:
    whole = {"job": "J-1", "status": "new", "site": "A", "minutes": 5}
    made = parse_yaml(begun(json_samples(whole, {"job": "J-1", "status": "done"})), "pack.yaml").data
    assert made["inbound"]["deltas"] is True
    made = parse_yaml(begun(json_samples(whole, {**whole, "status": "done"})), "pack.yaml").data
    assert "deltas" not in made["inbound"]


WREN = "<{0}><ORDNR>4711</ORDNR><LFD>{1}</LFD><ZEIT>2026040{1}080000</ZEIT><STATUS>{2}</STATUS>{3}</{0}>"
VISIT = "<KUNDE>100234</KUNDE><PLZ>94109</PLZ><HAUSNR>5</HAUSNR><DATUM>{}</DATUM><VON>08:00</VON><BIS>10:00</BIS>"


def test_what_several_kinds_of_xml_have_in_common_is_one_field_with_several_paths() -> None:
    documents = [
        WREN.format("AUFTRAG", 1, 10, VISIT.format("")),
        WREN.format("AUFTRAG", 2, 20, VISIT.format("20260403")),
        WREN.format("MELDUNG", 3, 40, ""),
    ]
    made = parse_yaml(begun(xml_samples(*documents)), "pack.yaml").data
    assert {key: made["inbound"][key] for key in ("job", "version", "occurred_at", "deltas")} == {
        "job": ["$.AUFTRAG.ORDNR", "$.MELDUNG.ORDNR"],
        "version": ["$.AUFTRAG.LFD", "$.MELDUNG.LFD"],  # by what it does: it grows with every message of the job
        "occurred_at": "zeit",
        "deltas": {"unless": [{"path": "$.AUFTRAG", "fits": {"present": True}}]},
    }
    assert made["fields"]["status"]["path"] == ["$.AUFTRAG.STATUS", "$.MELDUNG.STATUS"]
    assert made["fields"]["hausnr"] == {"path": "$.AUFTRAG.HAUSNR"}
    assert made["fields"]["plz"] == {"path": "$.AUFTRAG.PLZ"}
    assert made["fields"]["von_at"] == {"join": ["datum", "von"], "type": "datetime", "format": "%Y%m%d %H:%M"}
    assert made["appointment"]["window"] == {"start": {"value": "von_at"}, "end": {"value": "bis_at"}}


def test_only_what_is_plainly_the_same_in_several_kinds_of_json_is_one_field() -> None:
    made = fields(
        {"job": "J-1000", "site": {"name": "A", "floor": 1}, "order": {"status": "new"}},
        {"job": "J-1000", "crew": {"name": "Eva"}, "update": {"status": "done"}},
        {"job": "J-1000", "crew": {"floor": 2}, "site": {"city": "Leeds"}, "status": "gone"},
    )
    assert made["site_name"]["path"] == "$.site.name"  # a name says little without what it is of
    assert made["crew_name"]["path"] == "$.crew.name"
    assert made["crew_floor"]["path"] == "$.crew.floor"  # site and crew come in one message: they are two things
    assert made["status"]["path"] == ["$.order.status", "$.update.status", "$.status"]


GANTRY = (
    '<GANTRY TS="2026-05-04 {at}"{more}><NUM>G-{job}</NUM><ST>{status}</ST><CUST>{job}00</CUST><LOC>{site}</LOC>'
    "<TT>TT-{job}</TT><NB>{flag}</NB></GANTRY>"
)
"""Complete messages without a counter: only their moment grows with each of a job."""


def gantry(states: list[str], more: str = "") -> dict[str, Any]:
    """The pack of two jobs, of which the first goes through all the states and the second through the last two."""
    first = [(f"09:0{number}:00", 1, state, "LEEDS", "N") for number, state in enumerate(states)]
    second = [(f"08:0{number}:00", 2, state, "YORK", "Y") for number, state in enumerate(states[-2:])]
    said = [
        GANTRY.format(at=at, job=job, status=state, site=site, flag=flag, more=more)
        for at, job, state, site, flag in [*first, *second]
    ]
    made: dict[str, Any] = parse_yaml(begun(xml_samples(*said)), "pack.yaml").data
    return made


@pytest.mark.parametrize("states", [["10", "20", "30"], ["S10", "S20", "S30"]])
def test_a_status_that_grows_is_no_version_and_the_moment_that_grows_is_one(states: list[str]) -> None:
    made = gantry(states)
    assert made["inbound"]["version"] == {"path": "$.GANTRY['@TS']", "format": "%Y-%m-%d %H:%M:%S"}
    assert made["fields"]["st"] == {"path": "$.GANTRY.ST", "type": "code", "values": states, "required": True}
    assert [rule["when"] for rule in made["rules"]] == [{"st": state} for state in states]


def test_a_number_in_tens_is_a_state_whatever_its_name() -> None:
    messages = [{"job": "J-1", "phase": phase, "nr": str(phase)} for phase in (10, 20, 30)]
    assert "version" not in parse_yaml(begun(json_samples(*messages)), "pack.yaml").data["inbound"]


def test_what_stands_still_is_no_version_though_it_is_named_so() -> None:
    assert gantry(["10", "20", "30"], ' VERSION="7"')["inbound"]["version"]["path"] == "$.GANTRY['@TS']"


def test_a_moment_that_does_not_grow_is_no_version() -> None:
    said = [GANTRY.format(at="09:00:00", job=1, status=one, site="A", flag="N", more="") for one in ("10", "20", "30")]
    assert "version" not in parse_yaml(begun(xml_samples(*said)), "pack.yaml").data["inbound"]


def test_what_each_job_has_another_of_is_no_list_of_codes() -> None:
    made = gantry(["10", "20", "30"])["fields"]
    assert [made[name] for name in ("cust", "loc", "tt")] == [
        {"path": "$.GANTRY.CUST", "required": True},
        {"path": "$.GANTRY.LOC", "required": True},
        {"path": "$.GANTRY.TT", "required": True},
    ]
    assert made["nb"]["values"] == ["N", "Y"]  # a yes and a no, of which there are no more


def test_names_and_values_may_be_named_by_one_letter_and_a_message_by_what_is_its_own() -> None:
    messages = [
        {"msg": f"k-{rev}", "job": {"no": "L-1", "ver": rev}, "attrs": [{"k": "STATUS", "v": status}]}
        for rev, status in enumerate(["NEW", "SET", "DONE"], 1)
    ]
    made = parse_yaml(begun(json_samples(*messages)), "pack.yaml").data
    assert made["inbound"]["unpack"] == [{"pairs": "$.attrs", "name": "k", "value": "v"}]
    assert made["inbound"]["message_id"] == "$.msg"
    assert made["fields"]["status"]["path"] == "$.attrs.STATUS"
    again = parse_yaml(begun(json_samples(*messages, messages[0])), "pack.yaml").data
    assert "message_id" not in again["inbound"]  # it comes again: that it is the message's own can't be seen


def test_a_list_of_codes_is_made_of_several_samples_only() -> None:
    text = begun(json_samples({"job": "J-1000", "status": "new", "reason": "late"}))
    assert "status: {path: $.status, required: true}   # TODO: a code?" in text
    made = parse_yaml(text, "pack.yaml").data
    assert [rule["rule"] for rule in made["rules"]] == ["status-new", "anything-else"]


KEYS = st.sampled_from(
    ["job", "id", "status", "start", "to", "date", "time", "value", "name", "odd's", "a b", "@x", "Job", "yes"]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 2_000_000_000_000),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.text(max_size=5),
    st.sampled_from(
        ["2026-03-05", "08:00", "2026-03-05 08:00", "NEW", "{}", '{"a": [1]}', "/Date(1)/", "PT1H", "00", "\u2028"]
    ),
)
MESSAGES = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
    ),
    max_size=5,
)


@given(st.lists(MESSAGES, min_size=1, max_size=3))
@examples(12)
def test_whatever_the_samples_are_the_pack_passes_and_with_its_commands_too(messages: list[dict[str, Any]]) -> None:
    text = begun(json_samples(*messages))
    head, _, block = text.partition("\n" + MARK)
    commands = "".join(line.removeprefix("# ") + "\n" for line in block.partition("\n\n")[2].splitlines())
    assert [str(one) for one in inspect(parse_yaml(f"{head}\n{commands}", "pack.yaml")).findings] == []
