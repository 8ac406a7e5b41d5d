"""`mef-bridge mapping`: what an operator sees, and the exit codes that a pipeline goes by."""

import asyncio
import json
import re
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from typer.testing import CliRunner, Result

from bridge.cli.main import app
from bridge.domain.model import Outcome
from bridge.flows.ports.journal_entry import JournalEntry, WfmMessage
from bridge.store import open_store
from bridge.yaml_source import read_yaml
from tests.unit.mapping.builders import ACME, NO_VISIT, NOON, acme, snapshot, unmapped

THRUSH = Path(__file__).parents[1] / "packtools" / "example" / "thrush"

LARCH = Path(__file__).parents[1] / "mapping" / "tutorial" / "larch-fsm"


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A copy of the pack in the box, to be broken."""
    return Path(shutil.copytree(ACME, tmp_path / "acme"))


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["mapping", *map(str, words)])


def change(pack: Path, *changes: tuple[str, str]) -> None:
    text = (pack / "pack.yaml").read_text()
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (pack / "pack.yaml").write_text(text)


def test_a_good_pack_has_no_problems() -> None:
    result = run("check", LARCH)
    assert (result.exit_code, result.output) == (0, f"{LARCH}: no problems\n")


def test_histories_are_counted_and_listed_when_asked_for() -> None:
    verdict, counted = run("check", ACME).output.splitlines()
    assert verdict == f"{ACME}: no problems"
    assert re.fullmatch(r"  histories worth a look: \d+ parked, \d+ hidden, \d+ hops; --histories lists them", counted)

    verdict, *listed = run("check", "--histories", ACME).output.splitlines()
    assert verdict == f"{ACME}: no problems"
    assert [line.partition(" (")[0] for line in listed if line[2] != " "] == ["  parked", "  hidden", "  hops"]
    assert "    NEW > WIP  (rule started): open -> planned -> inProgress (workOrder)" in listed
    assert json.loads(run("check", "--json", ACME).stdout)["histories"][str(ACME)][0]["kind"] == "hops"


def test_a_pack_may_be_named_by_its_file(pack: Path) -> None:
    (pack / "cases" / "visits-that-fail.yaml").unlink()
    file = pack / "pack.yaml"
    assert run("check", file).output == run("check", pack).output
    assert run("test", file).output == run("test", pack).output
    assert run("diagram", file).output == run("diagram", pack).output


def test_problems_of_all_kinds_in_all_packs_are_printed_with_their_places(pack: Path) -> None:
    change(pack, ("format: json", "formt: json"), ("{value: needs_visit}", "{value: need_visit}"))
    result = run("check", ACME, pack)
    lines = [line for line in result.output.splitlines() if not line.startswith("  ")]
    assert result.exit_code == 1
    assert lines[0] == f"{ACME}: no problems"
    assert lines[1].startswith(f"{pack}/pack.yaml:15:3: unknown-key: unknown key 'formt'; did you mean 'format'?")
    assert "unknown-field: there is no field 'need_visit'; did you mean 'needs_visit'?" in lines[2]
    assert lines[3] == f"{pack}: 2 problems"


def test_a_gap_fails_the_check(pack: Path) -> None:
    change(
        pack,
        ("then: {ignore: A pause says nothing to the Buyer}", "then: {ignore: x}"),
        ("{status: HOLD}", "{status: NEW}"),
    )
    result = run("check", pack)
    assert result.exit_code == 1
    assert "gap: no rule fits when status is HOLD; add a rule, or accept it" in result.output
    assert "unreachable" in result.output


def test_problems_as_json(pack: Path) -> None:
    change(pack, ("format: json", "formt: json"))
    result = run("check", "--json", pack)
    (problem,) = json.loads(result.stdout)["problems"]
    assert result.exit_code == 1
    assert problem["kind"] == "unknown-key"
    assert (problem["file"], problem["line"], problem["column"]) == (f"{pack}/pack.yaml", 15, 3)


def test_problems_as_sarif_have_what_a_code_host_needs(pack: Path) -> None:
    """SARIF 2.1.0: 3.13 log, 3.14 run, 3.19 driver, 3.27 result, 3.29 place, 3.30 region."""
    change(pack, ("format: json", "formt: json"), ("{value: needs_visit}", "{value: need_visit}"))
    log = json.loads(run("check", "--sarif", pack).stdout)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (only,) = log["runs"]
    rules = [rule["id"] for rule in only["tool"]["driver"]["rules"]]
    assert only["tool"]["driver"]["name"]
    assert len(only["results"]) == 2
    for result in only["results"]:
        assert result["level"] == "error"
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["message"]["text"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"].endswith("pack.yaml")
        assert place["region"]["startLine"] >= 1
        assert place["region"]["startColumn"] >= 1


def test_a_good_pack_gives_an_empty_run() -> None:
    (only,) = json.loads(run("check", "--sarif", ACME).stdout)["runs"]
    assert only["results"] == []


def test_a_file_that_is_no_yaml_is_one_problem(pack: Path) -> None:
    (pack / "pack.yaml").write_text("a: [")
    result = run("check", pack)
    assert result.exit_code == 1
    assert ": syntax: " in result.output


def test_the_cases_of_a_good_pack_come_out() -> None:
    result = run("test", ACME, "--min-coverage", "100")
    assert result.exit_code == 0
    assert "ok   visit-that-works.yaml: A visit that works" in result.output
    assert "100.0 %  rules (12 of 12)" in result.output
    assert "100.0 %  rows of table reasons (6 of 6)" in result.output


@pytest.fixture
def fewer_cases(pack: Path) -> Path:
    """The pack without the case of all reasons and technicians."""
    (pack / "cases" / "reasons-and-technicians.yaml").unlink()
    return pack


def test_a_case_that_comes_out_otherwise_fails(fewer_cases: Path, tmp_path: Path) -> None:
    change(fewer_cases, ("then: {appointment: failed}", "then: {appointment: missed}"))
    junit = tmp_path / "results.xml"
    result = run("test", fewer_cases, "--junit", junit)
    assert result.exit_code == 1
    assert "FAIL visits-that-fail.yaml" in result.output
    assert '- expected "failed"' in result.output
    assert '+ came     "missed"' in result.output
    suite = Xml.parse(junit).getroot()  # noqa: S314 - our own file
    assert (suite.get("tests"), suite.get("failures")) == ("7", "1")
    (failed,) = [case for case in suite if len(case)]
    assert failed.get("name") == "Visits that do not take place, and whose fault it is"
    assert 'expected "failed"' in str(failed[0].text)


def test_too_little_coverage_fails(fewer_cases: Path) -> None:
    (fewer_cases / "cases" / "visits-that-fail.yaml").unlink()
    assert run("test", fewer_cases).exit_code == 0
    result = run("test", fewer_cases, "--min-coverage", "100")
    assert result.exit_code == 1
    assert "never: customer-failed-visit" in result.output


def test_codes_and_rows_have_minima_of_their_own(fewer_cases: Path) -> None:
    minima = ["--min-coverage", "100", "--min-coverage", "rows=90", "--min-coverage", "codes=10.5"]
    result = run("test", fewer_cases, *minima)
    assert result.exit_code == 1
    assert "rows of table reasons (3 of 6); never: C02, C03, T01" in result.output
    assert "too few rows covered: " in result.output
    assert "expected at least 90 %" in result.output
    assert "too few codes" not in result.output
    assert run("test", fewer_cases, "--min-coverage", "rows=10", "--min-coverage", "rules=100").exit_code == 0


@pytest.mark.parametrize("wrong", ["101", "-1", "nan", "1e1", "row=90", "=90", "rows=", "rows", "rows=90=5", ""])
def test_a_minimum_is_a_part_of_something_that_is_counted(wrong: str) -> None:
    result = run("test", ACME, f"--min-coverage={wrong}")
    assert result.exit_code == 2
    assert "expected [rules=|codes=|rows=]PERCENT" in " ".join(result.output.replace("│", "").split())


def test_a_pack_without_cases_fails(pack: Path) -> None:
    shutil.rmtree(pack / "cases")
    result = run("test", pack)
    assert result.exit_code == 1
    assert "a pack without cases proves nothing" in str(result.exception)


@pytest.fixture
def message(tmp_path: Path) -> Path:
    """A message that plans a visit, in a file."""
    path = tmp_path / "message.json"
    path.write_text(json.dumps(snapshot(STAT="SCHD")))
    return path


def explained(*words: object) -> dict[str, Any]:
    result = run("explain", "--json", "--time", "2026-03-05T12:00:00", *words)
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def test_a_message_is_explained_from_its_fields_to_what_is_sent(message: Path) -> None:
    told = explained(ACME, message, "--state", "open")
    assert told["job"] == "J-4711"
    assert told["fields"]["technician"]["raw"] == "T042"
    assert told["fields"]["window_from"]["value"] == "2026-03-06T07:00:00+00:00"
    assert told["rules"][0] == {"rule": "created", "column": "status", "expected": '"NEW"', "came": "SCHD"}
    assert told["rule"] == "planned"
    assert told["goal"] == {"work_order": "planned", "appointment_if_any": "confirmed"}
    assert told["hops"] == ["appointment new -> confirmed", "workOrder open -> planned"]
    assert told["sees"]["work_order.contacts"][1]["name"] == "Jan Kowalski"
    assert told["sees"]["appointment.window"] == {
        "start": "2026-03-06T07:00:00.000Z",
        "end": "2026-03-06T11:00:00.000Z",
    }
    assert told["notifications"][0] == "appointmentStatusChangeEvent"
    assert told["commands"][0]["body"]["STATUS"] == "WORK"


def test_each_part_of_a_message_is_explained(pack: Path, message: Path) -> None:
    text = (pack / "pack.yaml").read_text().replace("$.", "$.part.")
    (pack / "pack.yaml").write_text(text.replace("  format: json", "  each: $.jobs", 1))
    message.write_text(json.dumps({"jobs": [snapshot(JOB_NO="J-1", STAT="SCHD"), snapshot(JOB_NO="J-2", STAT="LOST")]}))
    first, second = json.loads(run("explain", "--json", pack, message, "--state", "open").stdout)
    assert (first["job"], second["job"]) == ("J-1", "J-2")
    assert (first["outcome"], second["outcome"]) == ("applied", "parked")
    assert run("explain", pack, message, "--state", "open").output.count("\noutcome ") == 2


def test_the_state_that_the_buyer_sees_counts(message: Path) -> None:
    assert explained(ACME, message)["outcome"] == "waiting"
    assert explained(ACME, message, "--state", "planned/confirmed")["hops"] == []


def test_a_message_is_explained_after_those_that_came_before(message: Path, tmp_path: Path) -> None:
    created, lost = tmp_path / "created.json", tmp_path / "lost.json"
    created.write_text(json.dumps(snapshot(MSG_ID="E-0", JOB_VER=0, STAT="NEW")))
    lost.write_text(json.dumps(snapshot(MSG_ID="E-1", JOB_VER=0, STAT="LOST")))
    told = explained(ACME, message, "--after", created, "--after", lost)
    assert told["hops"] == ["appointment new -> confirmed", "workOrder open -> planned"]
    assert told["after"][0] == "applied: rule created"
    assert told["after"][1].startswith("parked: field status")
    assert "after\n  applied: rule created\nfields\n" in run("explain", ACME, message, "--after", created).output
    result = run("explain", ACME, message, "--after", created, "--state", "open")
    assert (result.exit_code, "write one of them" in str(result.exception)) == (1, True)


def test_what_is_ignored_is_explained_without_what_is_not_known_of_it(pack: Path, message: Path) -> None:
    change(pack, ("  format: json", "  format: json\n  ignore: [{path: $.STAT, fits: SCHD, why: A trial}]"))
    assert run("explain", pack, message).output == "outcome   ignored: A trial\n"


def test_a_parked_message_is_explained_as_the_journal_keeps_it(message: Path) -> None:
    message.write_text(json.dumps(snapshot(STAT="LOST")))
    told = explained(ACME, message)
    kept = unmapped(acme(), snapshot(STAT="LOST")).explanation
    assert {name: told[name] for name in kept} == kept
    assert told["outcome"] == "parked"


def test_an_explanation_for_people_names_each_field_and_the_cell_that_failed(message: Path) -> None:
    result = run("explain", ACME, message, "--state", "open")
    assert '$.STAT  "SCHD"' in result.output
    assert '  no   created: status is "SCHD", expected "NEW"' in result.output
    assert "  yes  planned" in result.output
    assert "  workOrder open -> planned" in result.output


def test_a_state_that_cannot_be_is_refused_with_those_that_can(message: Path) -> None:
    result = run("explain", ACME, message, "--state", "open/confirmed")
    assert result.exit_code == 1
    assert "there is open, open/" in str(result.exception)


SLOTS = [
    {"SLOT_ID": "S-16", "FROM": "2026-03-06 06:00", "TO": "2026-03-06 08:00"},
    {"SLOT_ID": "S-17", "FROM": "2026-03-06 08:00", "TO": "2026-03-06 12:00"},
    {"SLOT_ID": "S-18", "FROM": "soon", "TO": "2026-03-06 16:00"},
]
PERIOD = "2026-03-06T08:00:00+01:00/2026-03-06T18:00:00+01:00"


def test_an_answer_is_explained_with_the_slots_that_a_buyer_would_see(message: Path) -> None:
    message.write_text(json.dumps({"RC": "00", "SLOTS": SLOTS}))
    told = explained(ACME, message, "--reply", "search", "--period", PERIOD)
    slot = {"window": "2026-03-06T07:00:00.000Z/2026-03-06T11:00:00.000Z", "token": {"id": "S-17"}}
    assert (told["status"], told["meaning"]) == ({"path": "$.RC", "raw": "00"}, "accepted")
    assert told["slots"] == [
        {"window": "2026-03-06T05:00:00.000Z/2026-03-06T07:00:00.000Z", "token": {"id": "S-16"}},
        slot,
    ]
    assert told["seen"] == [slot]
    assert told["flags"][0].startswith("left out: slot 2 ($.FROM): expected a date and time")


def test_an_explanation_of_an_answer_is_written_for_people(message: Path) -> None:
    message.write_text(json.dumps({"RC": "00", "SLOTS": SLOTS[:2]}))
    result = run("explain", ACME, message, "--reply", "search", "--period", PERIOD)
    assert result.output.splitlines() == [
        f"pack      {acme().version}",
        'status    $.RC  "00"',
        "meaning   accepted",
        "slots",
        '  2026-03-06T05:00:00.000Z/2026-03-06T07:00:00.000Z  {"id":"S-16"}',
        '  2026-03-06T07:00:00.000Z/2026-03-06T11:00:00.000Z  {"id":"S-17"}',
        "seen",
        '  2026-03-06T07:00:00.000Z/2026-03-06T11:00:00.000Z  {"id":"S-17"}',
    ]


@pytest.mark.parametrize(
    ("reply", "line"),
    [
        ({"RC": "00", "VISIT_NO": "V-7"}, 'visit     "V-7"'),
        (
            {"RC": "17"},
            (
                'refusal   {"code":"invalidValue","reason":"The time slot has been taken in the meantime",'
                '"path":"/validFor"}'
            ),
        ),
        ({"RC": None}, "meaning   unreadable: status ($.RC): expected a code; came null"),
    ],
)
def test_an_answer_to_any_command_is_explained(message: Path, reply: dict[str, Any], line: str) -> None:
    message.write_text(json.dumps(reply))
    result = run("explain", ACME, message, "--reply", "book")
    assert (result.exit_code, result.output.splitlines()[-1]) == (0, line)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--period", PERIOD], "--period is for --reply search"),
        (["--reply", "book", "--period", PERIOD], "--period is for --reply search"),
        (["--reply", "book", "--state", "open"], "are for messages"),
        (["--reply", "search", "--period", "today"], "--period today: write its start and a later end"),
        (["--reply", "search", "--period", "/".join(PERIOD.split("/")[::-1])], "write its start and a later end"),
    ],
)
def test_an_answer_that_is_asked_for_wrongly_is_refused(message: Path, words: list[str], problem: str) -> None:
    result = run("explain", ACME, message, *words)
    assert result.exit_code == 1
    assert problem in str(result.exception)


def test_the_diagram_leads_from_codes_over_rules_to_states() -> None:
    lines = run("diagram", ACME).output.splitlines()
    assert lines[0] == "flowchart LR"
    assert '    c0["status: #quot;NEW#quot;"]' in lines
    created = "WorkOrder open<br/>a WorkOrder is created, if there is none<br/>appointmentRequired needs_visit"
    assert f'    o0(["{created}"])' in lines
    assert "    c0 -- created --> o0" in lines
    assert sum("-->" in line for line in lines) == 12


def test_the_diagram_tells_reasons_and_who_has_moved_a_visit(pack: Path) -> None:
    before = run("diagram", pack).output.splitlines()
    text = (pack / "pack.yaml").read_text()
    assert sum("moved by" in line for line in before) == text.count("moved_by: agreement")
    change(pack, ("then: {appointment: failed}", "then: {park: 'Who knows <this> \"#7\"?'}"))
    assert any(
        '(["park: Who knows #lt;this> #quot;#35;7#quot;?"])' in line
        for line in run("diagram", pack).output.splitlines()
    )


def test_histories_of_a_pack_without_a_lifecycle_are_not_passed_over_in_silence() -> None:
    assert "  histories: none are known; a `lifecycle` in the pack" in run("check", "--histories", THRUSH).output


def test_a_pack_that_can_not_be_named_so_is_not_begun(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_text(json.dumps(snapshot()))
    result = run("new", "G 2", "--from", tmp_path / "1.json", "--in", tmp_path / "packs")
    assert str(result.exception) == "a pack is named by lower-case letters, digits and -, got 'G 2'; write 'g-2'"
    assert not (tmp_path / "packs").exists()


@pytest.fixture
def messages(tmp_path: Path) -> Path:
    """A folder with the story of a visit that the Buyer misses."""
    folder = tmp_path / "messages"
    folder.mkdir()
    story = [
        snapshot(STAT="NEW", JOB_VER=1, **NO_VISIT),
        snapshot(JOB_VER=2),
        snapshot(STAT="NOSH", RSN="C01", JOB_VER=3),
    ]
    for number, said in enumerate(story):
        (folder / f"{number}.json").write_text(json.dumps({**said, "MSG_ID": f"E-{number}"}))
    return folder


def test_the_same_pack_makes_no_difference(messages: Path) -> None:
    result = run("diff", ACME, ACME, "--messages", messages)
    assert (result.exit_code, result.output.split(":")[0]) == (0, "3 messages, 0 differences")
    assert result.output.splitlines()[-1].endswith(": 3 applied")


def test_it_is_told_how_many_messages_say_little_of_a_difference(messages: Path) -> None:
    (messages / "0.json").unlink()
    (messages / "3.json").write_text(json.dumps(snapshot(MSG_ID="E-3", STAT="LOST")))
    result = run("diff", ACME, ACME, "--messages", messages)
    assert result.output.splitlines()[-1].endswith(": 2 waiting, 1 parked")


def test_what_becomes_of_the_messages_is_counted_for_both_packs(pack: Path, messages: Path) -> None:
    change(pack, ("job: $.JOB_NO", "job: $.NO_SUCH_JOB"))
    *_, old, new = run("diff", ACME, pack, "--messages", messages).output.splitlines()
    assert (old.partition(": ")[2], new.partition(": ")[2]) == ("3 applied", "3 parked")
    assert old != new


def test_without_a_database_another_way_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRIDGE_DATABASE_URL", f"sqlite:///{tmp_path / 'none.sqlite3'}")
    result = run("diff", ACME, ACME)
    assert str(result.exception).endswith("; --messages DIR replays the files of a directory instead")


def test_what_buyers_would_see_otherwise_is_told(pack: Path, messages: Path) -> None:
    change(
        pack,
        ("then: {appointment: failed}", "then: {appointment: missed}"),
        ("duration: {amount: {value: minutes}, unit: MIN}", "duration: {amount: {value: minutes}, unit: HOUR}"),
    )
    result = run("diff", ACME, pack, "--messages", messages, "--json")
    told = [(one["event"], one["what"]) for one in json.loads(result.stdout)["changes"]]
    assert result.exit_code == 1
    assert told == [("0.json", "workOrder.duration"), ("2.json", "appointment")]


def test_a_folder_without_messages_is_told(tmp_path: Path) -> None:
    result = run("diff", ACME, ACME, "--messages", tmp_path)
    assert "no messages to replay" in str(result.exception)


def test_the_journal_is_replayed_and_left_as_it_is(pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'bridge.sqlite3'}"
    monkeypatch.setenv("BRIDGE_DATABASE_URL", url)
    asyncio.run(_record(url, snapshot(STAT="NEW", JOB_VER=1, **NO_VISIT)))
    change(pack, ("{work_order: open, appointment_required: {value: needs_visit}", "{work_order: open"))
    result = run("diff", ACME, pack)
    assert result.exit_code == 1, result.output
    assert "no. 1  job J-4711  workOrder.appointmentRequired\n  - true\n  + false\n" in result.output


async def _record(url: str, said: dict[str, Any]) -> None:
    raw = WfmMessage(pack="acme-wfm", body=json.dumps(said).encode(), correlation_id="c", received_at=NOON)
    store = await open_store(url, new_id=lambda: "id")
    async with store.transaction() as tx:
        await tx.record([JournalEntry(message=None, job=None, raw=raw, outcome=Outcome.PARKED)])
    await store.close()


def begin(tmp_path: Path, *samples: dict[str, Any]) -> tuple[Path, dict[str, Any]]:
    """Let a pack be begun from samples; give its directory and what stands in it."""
    folder = tmp_path / "samples"
    folder.mkdir()
    for number, sample in enumerate(samples):
        (folder / f"{number}.json").write_text(json.dumps(sample))
    result = run("new", "mine", "--from", folder, "--in", tmp_path / "packs")
    assert result.exit_code == 0, result.exception
    pack = tmp_path / "packs" / "mine"
    return pack, read_yaml(pack / "pack.yaml").data


def test_a_new_pack_passes_the_check_and_says_what_is_to_be_filled_in(tmp_path: Path) -> None:
    pack, made = begin(
        tmp_path, snapshot(STAT="NEW", **NO_VISIT), snapshot(), snapshot(STAT="DONE", REMARK="Late again")
    )
    assert run("check", pack).output.startswith(f"{pack}: no problems\n")
    assert made["inbound"]["message_id"] == "$.MSG_ID"
    assert made["inbound"]["job"] == "$.JOB_NO"
    assert made["inbound"]["version"] == "$.JOB_VER"
    assert made["inbound"]["occurred_at"] == "ts"
    assert made["fields"]["stat"] == {
        "path": "$.STAT",
        "type": "code",
        "values": ["NEW", "SCHD", "DONE"],
        "required": True,
    }
    assert made["fields"]["win_from"] == {
        "path": "$.WIN_FROM",
        "type": "datetime",
        "format": "%Y-%m-%d %H:%M",
        "empty": "absent",
    }
    assert made["appointment"]["window"] == {"start": {"value": "win_from"}, "end": {"value": "win_to"}}
    assert [rule["when"] for rule in made["rules"]] == [{"stat": "NEW"}, {"stat": "SCHD"}, {"stat": "DONE"}]
    assert (pack / "pack.yaml").read_text().count("TODO") > 5


def test_a_new_pack_from_nested_messages_with_other_names_and_dates(tmp_path: Path) -> None:
    sample = {
        "eventId": "1",
        "workOrder": {"id": "WO-1", "status": "dispatched", "priority": 2},
        "slots": [{"from": "2026-03-05T08:00:00Z", "to": "2026-03-05T10:00:00Z"}],
        "odd name": None,
    }
    pack, made = begin(tmp_path, sample)
    assert run("check", pack).output.startswith(f"{pack}: no problems\n")
    assert made["fields"]["slots_from"]["format"] == "%Y-%m-%dT%H:%M:%S%z"
    assert made["fields"]["status"] == {"path": "$.workOrder.status", "required": True}


def test_a_new_pack_from_next_to_nothing_passes_the_check_too(tmp_path: Path) -> None:
    pack, _ = begin(tmp_path, {"a": 1})
    assert run("check", pack).output.startswith(f"{pack}: no problems\n")


def test_a_new_pack_has_a_case_of_its_samples_that_comes_out_right_away(tmp_path: Path) -> None:
    pack, _ = begin(tmp_path, snapshot(STAT="NEW", MSG_ID="E-1", **NO_VISIT), snapshot(MSG_ID="E-2"))
    result = run("test", pack, "--min-coverage", "100", "--min-coverage", "codes=100")
    assert result.exit_code == 0, result.output
    assert "ok   samples.yaml: The sample messages" in result.output
    change(pack, ('{park: "TODO: what does NEW mean to the Buyer?"}', "{work_order: open, creates: true}"))
    result = run("test", pack)
    assert result.exit_code == 1
    assert [line.strip() for line in result.output.splitlines()[3:5]] == ['- expected "parked"', '+ came     "applied"']


def test_a_new_pack_is_made_of_xml_too(tmp_path: Path) -> None:
    sample = tmp_path / "sample.xml"
    sample.write_text('<Job id="J-1"><Status>NEW</Status><At>2026-03-05T12:00:00Z</At></Job>')
    assert run("new", "mine", "--from", sample, "--in", tmp_path).exit_code == 0
    assert run("check", tmp_path / "mine").output.startswith(f"{tmp_path / 'mine'}: no problems\n")
    assert run("test", tmp_path / "mine").exit_code == 0


def test_what_is_no_sample_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "sample.json").write_text("[")
    assert "sample.json: the body is not JSON" in str(
        run("new", "mine", "--from", tmp_path / "sample.json", "--in", tmp_path).exception
    )
    (tmp_path / "empty").mkdir()
    assert "no messages" in str(run("new", "mine", "--from", tmp_path / "empty", "--in", tmp_path).exception)
    assert "none.xml" in str(run("new", "mine", "--from", tmp_path / "none.xml", "--in", tmp_path).exception)
    assert not (tmp_path / "mine").exists()


def test_a_pack_that_exists_is_not_overwritten(tmp_path: Path, message: Path) -> None:
    begin(tmp_path, snapshot())
    result = run("new", "mine", "--from", message, "--in", tmp_path / "packs")
    assert "exists already" in str(result.exception)


def test_rules_whose_goal_late_messages_lose_are_counted_and_listed_when_asked_for() -> None:
    pack = ACME.parent / "salesforce-field-service"
    verdict, counted = run("check", pack).output.splitlines()
    assert verdict == f"{pack}: no problems"
    assert re.fullmatch(
        r"  late messages: \d+ rules name no state for one once a later message has; --late lists them", counted
    )
    _, told, *listed = run("check", "--late", pack).output.splitlines()
    assert told in counted
    assert "    deleted: rests on change" in listed
    found = json.loads(run("check", "--json", pack).stdout)["late"][str(pack)]
    assert {"rule": "deleted", "rests_on": ["change"]} in found
    assert json.loads(run("check", "--json", ACME).stdout)["late"] == {}


REST = "{rule: rest, then: {park: What is this?}}"


def test_what_a_last_rule_hides_is_told_and_listed_when_asked_for(tmp_path: Path) -> None:
    pack = Path(shutil.copytree(LARCH, tmp_path / "larch"))
    some = ("values: [new,", "values: [nothing, new,")
    change(pack, some, ("inbound:", "inbound:\n  deltas: true"), ("\nwork_order:", f"\n  - {REST}\nwork_order:"))
    when = "when: {state: {present: true}}"
    hides, waits = [line for line in run("check", pack).output.splitlines() if "rest" in line]
    assert hides.startswith(
        "  gaps: none can be seen, for the last rule 'rest' takes whatever the others leave; --gaps"
    )
    assert waits == f"  waiting: 'rest' parks deltas that come before their job; with `{when}` they wait for it instead"
    assert "others leave\n    state is nothing\n" in run("check", "--gaps", pack).output
    assert json.loads(run("check", "--json", pack).stdout)["catch_all"] == {
        str(pack): {"rule": "rest", "parks_early": when}
    }
    change(pack, ("{rule: rest, then", f"{{rule: rest, {when}, then"))
    mended = run("check", pack)
    assert mended.exit_code == 0, mended.output
    assert "gaps: none" in mended.output
    assert "waiting" not in mended.output


def test_a_last_rule_that_takes_nothing_but_what_would_wait_is_better_taken_out(pack: Path) -> None:
    change(pack, ("inbound:", "inbound:\n  deltas: true"), ("\nwork_order:", f"\n  - {REST}\nwork_order:"))
    assert "; it takes nothing else, and without it they wait for it instead\n" in run("check", pack).output
