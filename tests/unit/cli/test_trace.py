"""`mef-bridge trace`: the story of one thing, on a screen, as JSON and while it happens."""

import asyncio
import json

import pytest

from bridge.cli import trace
from bridge.domain.model import Outcome, Transition
from bridge.flows.ports.journal_entry import JournalEntry
from bridge.store import open_store
from tests.unit.cli.conftest import Home
from tests.unit.cli.test_messages import LONG_ID, entry

HOP = Transition("workOrder", "wo-1", None, "open")


def test_a_story_is_told_by_job_message_correlation_or_beginning_of_an_id(home: Home) -> None:
    home.record(entry(transitions=(HOP,), rule="created"), entry(Outcome.PARKED, reason="no such\ncode"))
    expected = [
        "job J-1 of acme-wfm",
        "",
        "2026-03-05 12:00:00.000   message       1 job.new: applied by rule created",
        " " * 40 + "workOrder wo-1 new → open",
        "2026-03-05 12:00:00.000 ! message       2 job.new: parked: no such code",
        "",
        "waits:",
        "  message 2 is parked: it waits for `mef-bridge messages replay`",
    ]
    for id_ in ("J-1", LONG_ID, "corr-1"):
        assert home("trace", id_) == (0, "\n".join(expected) + "\n", "")


def test_json_has_one_object_a_job(home: Home) -> None:
    home.record(entry(transitions=(HOP,), rule="created"))
    code, out, _ = home("trace", "J-1", "--json")
    assert code == 0
    told = json.loads(out)
    assert (told["job"], told["pack"], told["waiting"]) == ("J-1", "acme-wfm", [])
    assert told["steps"] == [
        {
            "at": "2026-03-05T12:00:00+00:00",
            "kind": "message",
            "text": "1 job.new: applied by rule created",
            "details": ["workOrder wo-1 new → open"],
            "isTrouble": False,
            "message": 1,
            "correlationId": "corr-1",
            "messageId": LONG_ID,
        }
    ]


def test_what_is_not_on_record_is_said(home: Home) -> None:
    home.record(entry())
    code, out, err = home("trace", "X-1")
    assert (code, out) == (1, "")
    assert err == "nothing on record has the id 'X-1', or one that begins so\n"


def test_a_story_is_followed_until_it_is_interrupted(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.record(entry(rule="created"))

    async def record(new: JournalEntry) -> None:
        store = await open_store("sqlite:///bridge.sqlite3", new_id=lambda: "ev")
        async with store.transaction() as tx:
            await tx.record([new])
        await store.close()

    looks = iter([entry(rule="planned", message=None), None])

    pause = asyncio.sleep

    async def meanwhile(seconds: float) -> None:
        if seconds != trace.LOOK_S:  # somebody else's
            await pause(seconds)
        elif (new := next(looks)) is None:
            raise KeyboardInterrupt
        else:
            await record(new)

    monkeypatch.setattr(asyncio, "sleep", meanwhile)
    code, out, err = home("trace", "J-1", "--follow")
    assert (code, err) == (0, "")
    assert [line.rpartition(" rule ")[2] for line in out.splitlines()] == ["job J-1 of acme-wfm", "created", "planned"]
