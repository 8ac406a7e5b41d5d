"""Examples of docs/packs.md and docs/pack-reference.md of which the steps below them cannot show everything."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from bridge.domain.model import Accepted, CommandId, CommandKind, JobRef, Offered, OfferedSlot, Reply, TicketStatus
from bridge.mapping.commands.context import CommandContext
from bridge.mapping.document.layers import read_pack
from bridge.mapping.loader import make_pack
from bridge.mapping.pack import Pack, ReplyRead
from bridge.yaml_source import parse_yaml
from tests.unit.mapping.builders import ACME, NOON, window, work_order
from tests.unit.mapping.patches import BASE, fields_of, known_job, outcome, pack_with
from tests.unit.mapping.reference.pages import examples_text

DOCS = examples_text()
EXAMPLES: dict[str, str] = dict(re.findall(r"```yaml ([a-z_-]+)\n(.*?)```", DOCS, re.DOTALL))
JOB = JobRef("toy", "J")


def pack_of(name: str) -> Pack:
    """The pack with an example; a command that the example has in full is not mixed with that of the pack."""
    own = parse_yaml(EXAMPLES[name], name).data.get("commands", {})
    others = {kind: spec for kind, spec in BASE["commands"].items() if "exchange" not in own.get(kind, {})}
    return pack_with(EXAMPLES[name], {**BASE, "commands": others})


def test_extends(tmp_path: Path) -> None:
    (tmp_path / "pack.yaml").write_text(EXAMPLES["extends"].replace("../acme-wfm", str(ACME)))
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
    body = {"rc": "ok", "begins": "-", "ends": "", "day": "2026-03-05", "from": "22:00", "to": "02:00", "offset": 60}
    agreed = Accepted(window=window("2026-03-05T21:00:00Z", "2026-03-06T01:00:00Z"))
    assert answered("window", CommandKind.CANCEL, body) == agreed
    body = {"rc": "ok", "begins": "2026-03-05T21:00:00Z", "ends": "2026-03-06T01:00:00Z", "day": "2026-03-08"}
    assert answered("window", CommandKind.CANCEL, body) == agreed
    assert answered("window", CommandKind.CANCEL, {"rc": "ok", "begins": "-"}) == Accepted()


def test_replies() -> None:
    pack = pack_of("replies")
    assert (pack.replies.queue if pack.replies else None) == "larch.bridge.answers"
    context = CommandContext(
        command=CommandId("c-1"), correlation="b-1:compensation", job=JOB, work_order=work_order(), now=NOON
    )
    assert orjson.loads(pack.render(CommandKind.CANCEL, context).body)["ref"] == "b-1:compensation"
    assert pack.correlation_of(b'{"error": {"ref": "b-1:compensation"}}', "") == "b-1:compensation"


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


def test_notes_and_tickets() -> None:
    pack = pack_of("notes-and-tickets")
    context = CommandContext(
        command=CommandId("c-1"),
        correlation="c-1",
        job=JOB,
        work_order=work_order(),
        note="Ring twice",
        ticket_status=TicketStatus.RESOLVED,
        now=NOON,
    )
    assert pack.render(CommandKind.NOTE, context).body.endswith(b'<Note job="J"><Text>Ring twice</Text></Note>')
    assert orjson.loads(pack.render(CommandKind.TICKET, context).body) == {"STATUS": "RSLV", "NOTE": "Ring twice"}
