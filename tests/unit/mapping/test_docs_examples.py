"""Each named example of docs/packs.md does what the text around it says."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from bridge.domain.model import Accepted, CommandId, CommandKind, Job, JobRef, Offered, OfferedSlot, Reply
from bridge.mapping.context import CommandContext
from bridge.mapping.layers import read_pack
from bridge.mapping.loader import make_pack
from bridge.mapping.pack import Pack, Reading, ReplyRead, Skipped
from tests.unit.mapping.builders import ACME, NOON, translated, window, work_order
from tests.unit.mapping.patches import fields_of, known_job, outcome, pack_with

DOCS = (Path(__file__).parents[3] / "docs" / "packs.md").read_text()
EXAMPLES: dict[str, str] = dict(re.findall(r"```yaml ([a-z-]+)\n(.*?)```", DOCS, re.DOTALL))
JOB = JobRef("toy", "J")


def pack_of(name: str) -> Pack:
    return pack_with(EXAMPLES[name])


def test_ignore() -> None:
    assert isinstance(pack_of("ignore").read(b"{}", "heartbeat.7", {}), Skipped)
    assert isinstance(pack_of("ignore").read(b'{"recordType": "prework"}', "x", {}), Skipped)


@pytest.mark.parametrize(
    ("message", "record", "rule"),
    [
        ({"date": "2026-03-07"}, {"status": "pending", "date": "2026-03-05"}, "moved-by-us"),
        ({"date": "2026-03-05"}, {"status": "pending", "date": "2026-03-05"}, "anything-else"),
        ({"moveReason": "3"}, {"status": "pending"}, "anything-else"),
    ],
)
def test_deltas(message: dict[str, Any], record: dict[str, object], rule: str) -> None:
    assert outcome(pack_of("deltas"), message, known_job(**record)) == rule


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        ({"reasonCode": "C01"}, "buyers-fault"),
        ({"reasonCode": "", "closureNotes": "Technician fell ill"}, "sellers-fault"),
        ({"reasonCode": "X", "closureNotes": "A flood"}, "nobodys-fault"),
        ({"reasonCode": "X"}, "sellers-fault"),
        ({}, "parked: Nobody has said whose fault this is"),
    ],
)
def test_attribution(message: dict[str, Any], rule: str) -> None:
    assert outcome(pack_of("attribution"), message) == rule


def test_formats() -> None:
    message = {
        "date": "2026-03-05",
        "serviceWindowStart": "22:00:00",
        "serviceWindowEnd": "02:00:00",
        "timeZone": "est",
        "leadTime": "1970-01-01 04:00:00",
        "commitTimestamp": 1772715845000,
    }
    values = fields_of(pack_of("formats"), message)
    assert values["area"] == "Eastern"
    assert values["window_from"] == "2026-03-06T03:00:00+00:00"
    assert values["window_to"] == "2026-03-06T07:00:00+00:00"
    assert values["lead_time"] == "4:00:00"
    assert values["changed_at"] == "2026-03-05T13:04:05+00:00"


def test_structure() -> None:
    payload = {
        "entity": "SA",
        "recordIds": ["1", "2"],
        "modified": "2026-03-05T13:04:05Z",
        "udf": [{"key": "paint.colour", "content": "red"}],
        "places": [{"kind": "roof"}, {"kind": "floor", "number": 3}],
    }
    pack = pack_of("structure")
    first, second = pack.read_all(orjson.dumps({"payload": orjson.dumps(payload).decode()}), "", {})
    assert isinstance(first, Reading)
    assert isinstance(second, Reading)
    assert (first.job.key, second.job.key) == ("SA-1", "SA-2")
    assert [reading.message.rpartition("#")[2] for reading in (first, second)] == ["0", "1"]
    assert first.versions == {"job": 1772715845000000}
    told: Any = pack.translate(second, Job(ref=second.job)).explanation["fields"]
    assert (told["colour"]["value"], told["floor"]["value"]) == ("red", 3)


def test_xml() -> None:
    pack = pack_of("xml")
    body = b"""<?xml version="1.0"?><w:Job xmlns:w="urn:w" xmlns:x="http://time.example" id="J-1">
        <w:Status>NEW</w:Status><x:At>2026-03-05T13:04:05Z</x:At><Task>Look &amp; see</Task></w:Job>"""
    reading = pack.read(body, "", {})
    assert isinstance(reading, Reading)
    assert reading.job.key == "J-1"
    told: Any = pack.translate(reading, Job(ref=reading.job)).explanation["fields"]
    assert [told[name]["value"] for name in ("status", "at", "tasks")] == [
        "NEW",
        "2026-03-05T13:04:05+00:00",
        ["Look & see"],
    ]


def test_extends(tmp_path: Path) -> None:
    (tenant,) = re.findall(r"```yaml\n(pack: acme-north\n.*?)```", DOCS, re.DOTALL)
    (tmp_path / "pack.yaml").write_text(tenant.replace("../acme-wfm", str(ACME)))
    codes = [row["code"] for row in read_pack(tmp_path).data["tables"]["reasons"]["rows"]]
    assert codes[-2:] == ["T03", "C09"]
    assert make_pack(read_pack(tmp_path)).name == "acme-north"


def answered(name: str, kind: CommandKind, body: dict[str, Any]) -> Reply:
    read = pack_of(name).read_reply(kind, orjson.dumps(body))
    assert isinstance(read, ReplyRead), read
    return read.reply


def test_slots() -> None:
    times = [
        {"label": "AM", "timeFrom": "08:00:00", "timeTo": "12:00:00"},
        {"label": "NIGHT", "timeFrom": "22:00:00", "timeTo": "02:00:00"},
    ]
    areas = [
        {"timeZone": "Eastern", "bucket": "B1", "timeSlots": [{"label": "AM", "remainingQuota": 2}]},
        {"timeZone": "Central", "bucket": "B2", "reason": "noCapacity"},
        {
            "timeZone": "Central",
            "bucket": "B3",
            "timeSlots": [{"label": "AM", "reason": "full"}, {"label": "NIGHT", "remainingQuota": "3"}],
        },
    ]
    body = {"timeSlotsDictionary": times, "dates": [{"date": "2026-03-05", "areas": areas}]}
    assert answered("slots", CommandKind.SEARCH, body) == Offered(
        (
            OfferedSlot(window("2026-03-05T13:00:00Z", "2026-03-05T17:00:00Z"), {"number": "AM", "area": "B1"}, -2),
            OfferedSlot(window("2026-03-06T04:00:00Z", "2026-03-06T08:00:00Z"), {"number": "NIGHT", "area": "B3"}, -3),
        ),
        shortest=timedelta(hours=1),
    )


def test_window() -> None:
    body = {"rc": "ok", "day": "2026-03-05", "from": "22:00", "to": "02:00", "offset": 60}
    assert answered("window", CommandKind.CANCEL, body) == Accepted(
        window=window("2026-03-05T21:00:00Z", "2026-03-06T01:00:00Z")
    )


def test_replies() -> None:
    pack = pack_of("replies")
    assert (pack.replies.queue if pack.replies else None) == "larch.bridge.answers"
    context = CommandContext(
        command=CommandId("c-1"), correlation="b-1:compensation", job=JOB, work_order=work_order(), now=NOON
    )
    assert orjson.loads(pack.render(CommandKind.CANCEL, context).body)["ref"] == "b-1:compensation"
    assert pack.correlation_of(b'{"error": {"ref": "b-1:compensation"}}', "") == "b-1:compensation"


def test_lists() -> None:
    tasks = [
        {"what": "Dig", "state": "new", "minutes": 5},
        {"what": "Dig", "state": "new", "minutes": 9},
        {"what": "Rest", "state": "cancelled", "minutes": 60},
        {"what": "Look", "state": "new", "minutes": 1},
        {"what": "Lay", "minutes": 30},
        {"what": "Test", "minutes": 30},
    ]
    assert fields_of(pack_of("lists"), {"tasks": tasks})["tasks"] == ["Dig", "Lay"]


@pytest.mark.parametrize(
    ("message", "who"),
    [
        ({"technician": 17, "crew": "North"}, "Eva Fern"),
        ({"technician": 18, "crew": "North"}, "North"),
        ({}, "Dispatch"),
    ],
)
def test_first(message: dict[str, Any], who: str) -> None:
    values = fields_of(pack_of("first"), {**message, "askedFor": "2026-03-05T12:00:00Z"})
    assert (values["who_comes"], values["expected"]) == (who, "2026-03-05T12:00:00+00:00")


@pytest.mark.parametrize(
    ("crew", "rule"),
    [
        ([{"id": "TOM"}], "waiting"),
        ([{"id": "TOM", "state": "done"}], "begun"),
        ([{"id": "EVA", "state": "done"}], "all-done"),
        ([{"id": "EVA", "state": "removed"}], "nobody"),
    ],
)
def test_items(crew: object, rule: str) -> None:
    known = known_job(crew=[{"id": "EVA", "state": "started"}])
    assert outcome(pack_of("items"), {"crew": crew}, known if rule != "waiting" else None) == rule


def test_notes() -> None:
    message = {"job": "J", "remark": "Ring twice", "at": "2026-03-05T12:00:00Z"}
    (note,) = translated(pack_of("notes"), message).update.visit.note
    assert (note.text, note.author, note.date) == ("Ring twice", "Dispatch", NOON)
    assert translated(pack_of("notes"), {**message, "remark": ""}).update.visit.note == ()
