"""`mef-bridge messages`: an operator sees what came and why, on a screen and in a pipe, and replays what was parked."""

import asyncio
import json
import re
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog

from bridge.app.packs import load_packs
from bridge.cli import replay
from bridge.domain.model import JobRef, MessageId, Outcome, Transition
from bridge.flows.ports.journal_entry import JournalEntry, WfmMessage
from bridge.settings import load_settings
from bridge.store import new_store
from tests.unit.cli.conftest import Home

ACME = Path(__file__).parents[3] / "mappings" / "acme-wfm"
LONG_ID = "E-" + "0123456789" * 8
NEW = {
    "MSG_ID": "E-1",
    "JOB_NO": "J-1",
    "JOB_VER": 1,
    "TS": "2026-03-05 13:04:05",
    "CUST_ACC": "PL-66666",
    "STAT": "NEW",
    "RSN": "",
    "VISIT_REQ": "Y",
    "EST_MIN": "120",
    "SITE_ID": "SITE-7",
    "TT_NO": "TT-99",
    "TASKS": "REPLACE SFP",
    "REMARK": "",
    "VISIT_NO": "",
    "WIN_FROM": "",
    "WIN_TO": "",
    "TECH": "",
}


def message(body: bytes = b"{}", **changes: Any) -> WfmMessage:
    given = {"received_at": datetime(2026, 3, 5, 12, tzinfo=UTC), "routing_key": "job.new", **changes}
    return WfmMessage(pack="acme-wfm", body=body, headers={"x": "y"}, correlation_id="corr-1", **given)


def entry(outcome: Outcome = Outcome.APPLIED, **changes: Any) -> JournalEntry:
    given = {"message": MessageId(LONG_ID), "job": JobRef("acme-wfm", "J-1"), "raw": message(), **changes}
    return JournalEntry(outcome=outcome, **given)


@pytest.fixture
def home(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """With a pack."""
    monkeypatch.setenv("BRIDGE_PACKS", "pack")
    shutil.copytree(ACME, home.path / "pack")
    yield home
    structlog.reset_defaults()  # a replay lets the log say errors only


def test_a_pipe_gets_one_line_a_message_with_nothing_cut(home: Home) -> None:
    home.record(entry(transitions=(Transition("workOrder", "wo-1", None, "open"),), rule="created"))
    home.record(entry(Outcome.PARKED, reason="line\none " + "x" * 200))
    code, out, _ = home("messages", "list")
    assert code == 0
    assert [line.split("\t") for line in out.splitlines()] == [
        ["2", "2026-03-05T12:00:00Z", "J-1", LONG_ID, "parked", "-", "line one " + "x" * 200],
        ["1", "2026-03-05T12:00:00Z", "J-1", LONG_ID, "applied", "created", "workOrder new → open"],
    ]


def test_a_terminal_of_80_columns_shows_whole_ids(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.record(entry(Outcome.PARKED, reason="no such code"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    out = re.sub("\x1b\\[[0-9;]*m", "", home("messages", "list")[1])
    assert max(map(len, out.splitlines())) <= 80
    shown = "".join(line.split("│")[2].strip() for line in out.splitlines() if line.count("│") == 3)
    assert LONG_ID in shown
    assert "…" not in out


def test_json_has_one_object_a_line(home: Home) -> None:
    home.record(entry(Outcome.PARKED, reason="why"), entry())
    _, out, _ = home("messages", "list", "--json", "--outcome", "parked")
    (found,) = map(json.loads, out.splitlines())
    assert (found["number"], found["message"], found["outcome"], found["reason"]) == (1, LONG_ID, "parked", "why")


def test_what_is_held_says_until_when(home: Home) -> None:
    held = "held until 2026-03-05T12:00:30.000Z, in case a later message takes its place"
    home.record(entry(Outcome.WAITING, reason=held, due_at=datetime(2026, 3, 5, 12, 0, 30, tzinfo=UTC)))
    assert held in home("messages", "list")[1]
    assert json.loads(home("messages", "show", "1", "--json")[1])["heldUntil"] == "2026-03-05T12:00:30+00:00"


def test_show_gives_all_that_is_known_of_a_message(home: Home) -> None:
    home.record(entry(raw=message(b'{"A": 1}\xff'), explanation={"fields": [1]}, reason="so"))
    _, out, _ = home("messages", "show", "1")
    for part in ('body: {"A": 1}\\xff', '"x": "y"', "reason: so", "fields", "routingKey: job.new"):
        assert part in out
    assert json.loads(home("messages", "show", "1", "--json")[1])["explanation"] == {"fields": [1]}
    assert home("messages", "show", "9")[0] == 1


@pytest.mark.parametrize("arguments", [["list"], ["show", "1"], ["replay", "--all-parked"]])
def test_a_database_that_is_not_there_is_one_sentence_and_is_not_made(home: Home, arguments: list[str]) -> None:
    code, out, err = home("messages", *arguments)
    assert (code, out) == (1, "")
    assert err.strip() == (
        f"there is no database {home.path}/bridge.sqlite3 (database.url): mef-bridge serve makes it; the path is from "
        "BRIDGE_DATABASE_URL. If a bridge runs with another settings file, name that: -c FILE, or BRIDGE_CONFIG"
    )
    assert not (home.path / "bridge.sqlite3").exists()


def test_what_waits_tells_for_how_long(home: Home) -> None:
    home.record(
        entry(Outcome.WAITING, raw=message(received_at=datetime.now(UTC) - timedelta(days=3, hours=2, minutes=1)))
    )
    assert home("messages", "list", "--outcome", "waiting")[1].strip().endswith("waiting for 3 d 2 h")


def test_parked_messages_are_replayed_once_the_pack_is_fixed(home: Home) -> None:
    body = orjson.dumps(NEW)
    pack = load_packs(load_settings())["acme-wfm"]
    parked = entry(
        Outcome.PARKED, message=MessageId("E-1"), raw=message(body), reason="PL-66666", pack_version=pack.version
    )
    home.record(parked)
    code, _, err = home("messages", "replay", "1")
    assert (code, home.outcomes()) == (1, ["parked"])
    assert "1: entry 1 would be parked again: " in err
    for file in (home.path / "pack").rglob("*"):
        if file.is_file():
            file.write_text(file.read_text().replace("PL-00017", "PL-66666"))
    code, out, err = home("messages", "replay", "--all-parked", "--dry-run")
    assert (code, home.outcomes()) == (0, ["parked"])
    assert out.splitlines()[1].startswith("1: would be applied workOrder new → open")
    code, out, err = home("messages", "replay", "--reason", "66666")
    assert (code, out.splitlines()[0].split("\t")[:3]) == (0, ["1", "acme-wfm", "parked"])
    assert out.splitlines()[1].startswith("1: applied workOrder new → open")
    assert home.outcomes() == ["superseded", "applied"]
    assert home("messages", "replay", "1")[2].strip() == "1: entry 1 is superseded, not parked"


def test_a_replay_does_not_go_by_packs_that_the_running_bridge_has_not_loaded(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.record(entry(Outcome.PARKED, raw=message(orjson.dumps(NEW))))

    async def beat(id_: str, version: str) -> None:
        store = new_store("sqlite:///bridge.sqlite3", new_id=lambda: id_, instance=id_)
        await store.open()
        store.processes.packs = lambda: {"acme-wfm": version}
        await store.processes.beat()
        await store._database.close()  # without saying goodbye

    loaded = load_packs(load_settings())["acme-wfm"].version
    asyncio.run(beat("dead", "1+then"))
    asyncio.run(beat("up-to-date", loaded))

    async def meanwhile(_: float) -> None:
        await beat("living", "1+old")

    asyncio.run(beat("living", "1+old"))
    monkeypatch.setattr(replay.asyncio, "sleep", meanwhile)
    code, out, err = home("messages", "replay", "--all-parked")
    assert (code, out) == (1, "")
    assert (
        f"the running bridge living goes by acme-wfm@1+old, this replay would by acme-wfm@{loaded}: have it reload"
        in err
    )
    assert home.outcomes() == ["parked"]
    assert home("messages", "replay", "--all-parked", "--unloaded")[2].startswith("1: entry 1 would be parked again")


@pytest.mark.parametrize("arguments", [[], ["1", "--all-parked"], ["1", "--rule", "x"], ["--dry-run"]])
def test_what_to_replay_must_be_said(home: Home, arguments: list[str]) -> None:
    assert home("messages", "replay", *arguments)[0] == 1


def test_messages_are_chosen_by_job_rule_reason_and_time(home: Home) -> None:
    later = {"raw": message(received_at=datetime(2026, 3, 6, tzinfo=UTC))}
    home.record(entry(rule="created"), entry(Outcome.PARKED, reason="no code 100%", message=MessageId("E-2"), **later))

    def numbers(*options: str) -> list[str]:
        code, out, _ = home("messages", "list", *options)
        assert code == 0
        return [line.split("\t")[0] for line in out.splitlines()]

    assert numbers() == ["2", "1"]
    assert numbers("--rule", "created") == ["1"]
    assert numbers("--reason", "code 100%") == ["2"]
    assert numbers("--reason", "code_100") == []
    assert numbers("--about", "J-1") == ["2", "1"]
    assert numbers("--from", "2026-03-06") == ["2"]
    assert numbers("--to", "2026-03-06") == ["1"]
    assert numbers("--outcome", "parked", "--to", "2026-03-06") == []
    assert home("messages", "list", "--about", "X")[0] == 1


def test_messages_are_counted_by_outcome_and_reason_most_first(home: Home) -> None:
    home.record(*(entry(Outcome.PARKED, reason="no such code", message=MessageId(f"E-{n}")) for n in range(3)), entry())
    _, out, _ = home("messages", "list", "--count")
    span = "2026-03-05T12:00:00Z..2026-03-05T12:00:00Z"
    assert [line.split("\t") for line in out.splitlines()] == [
        ["3", "acme-wfm", "parked", span, "no such code"],
        ["1", "acme-wfm", "applied", span],
    ]
    _, out, _ = home("messages", "list", "--count", "--json", "--outcome", "parked")
    (found,) = map(json.loads, out.splitlines())
    assert (found["count"], found["outcome"], found["reason"]) == (3, "parked", "no such code")


def test_a_parked_message_is_set_aside_with_a_note(home: Home) -> None:
    home.record(entry(Outcome.PARKED, reason="no such code"), entry(message=MessageId("E-2")))
    code, out, err = home("messages", "discard", "1", "2", "--note", "a test of the WFM's people")
    assert (code, out, err) == (1, "1: discarded\n", "2: is applied, not parked\n")
    assert home.outcomes() == [Outcome.IGNORED, Outcome.APPLIED]
    (shown,) = [json.loads(line) for line in home("messages", "show", "1", "--json")[1].splitlines()]
    assert shown["reason"] == "discarded: a test of the WFM's people; was: no such code"
    assert home("messages", "discard", "1", "--note", " ")[0] == 1
    assert home("messages", "replay", "--all-parked") == (0, "", "")
