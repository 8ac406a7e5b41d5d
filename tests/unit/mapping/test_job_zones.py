"""The zone of a WFM's reply may be what its job told before."""

import orjson
import pytest

from bridge.domain.model import CommandKind, Offered
from bridge.mapping.pack import ReplyRead, Unreadable
from bridge.mef.moments import rfc3339
from tests.unit.mapping.patches import pack_with, problems

FIELDS = """
fields:
  kind: {path: $.kind}
  region: {path: $.region, type: code, table: regions}
  tz: {path: $.tz, empty: absent}
  passing: {path: $.p, remember: false}
  items: {path: $.items, type: items, fields: {a: {path: $.a}}}
  at: {path: $.at, type: datetime, format: iso, zone: UTC}
tables:
  regions: {key: id, rows: [{id: N, zone: Europe/London, dep: D1}, {id: S, zone: Europe/Madrid, dep: D2}]}
"""
SLOTS = [{"from": "2026-03-06 09:00", "to": "2026-03-06 11:00", "nr": 1, "area": "A"}]


def search(zone: str, more: str = "zone: Asia/Tokyo") -> str:
    moment = f'format: "%Y-%m-%d %H:%M", zone: {zone}'
    slots = f"{{start: {{path: $.from, {moment}}}, end: {{path: $.to, {moment}}}}}"
    return f"{more}\n{FIELDS}commands: {{search: {{reply: {{slots: {slots}}}}}}}"


def start(zone: str, record: dict[str, object]) -> tuple[str, tuple[str, ...]]:
    body = orjson.dumps({"rc": "ok", "slots": SLOTS})
    read = pack_with(search(zone)).read_reply(CommandKind.SEARCH, body, record)
    if isinstance(read, Unreadable):
        return read.reason, ()
    assert isinstance(read, ReplyRead)
    assert isinstance(read.reply, Offered)
    return rfc3339(read.reply.slots[0].window.start_date_time)[11:16], read.flags


@pytest.mark.parametrize(
    ("zone", "record", "hour"),
    [
        ("field.region.zone", {"region": "N"}, "09:00"),
        ("field.region.zone", {"region": "S"}, "08:00"),
        ("field.tz", {"tz": "Europe/Warsaw"}, "08:00"),
        ("{field: field.tz}", {"tz": "Asia/Tokyo"}, "00:00"),
    ],
)
def test_slots_are_read_by_the_clock_of_the_job(zone: str, record: dict[str, object], hour: str) -> None:
    assert start(zone, record) == (hour, ())


def test_where_the_job_has_not_told_it_the_packs_zone_is_taken_and_flagged() -> None:
    hour, flags = start("field.region.zone", {"region": "gone"})
    assert hour == "00:00"
    assert flags == ("field.region.zone is not known of this job; the pack's zone is taken",)


def test_what_is_no_zone_makes_the_slot_unreadable() -> None:
    reason, _ = start("field.tz", {"tz": "Nowhere"})
    assert reason == "slot 0: field.tz: 'Nowhere' is not a time zone such as Europe/Warsaw"


WRONG = {
    search("field.regoin.zone"): "there is no field 'regoin'; did you mean 'region'?",
    search("field.region.zon"): "there is no column 'zon'; did you mean 'zone'?",
    search("field.region.dep"): "'D1' is not a time zone such as Europe/Warsaw",
    search("field.passing"): "passing is not remembered; take its remember: false away",
    search("field.items"): "a command can write text, code, integer, boolean, datetime; items is items",
    search("field.at"): "expected the name of a time zone; field.at is a date and time",
    search("field.tz", "policies: {on_illegal: park}"): "field.tz may be absent in search; write the pack's zone",
    search("{field: tz}"): "expected field.<name> or field.<name>.<column>; came 'tz'",
    search(
        "{field: field.tz, name: UTC}"
    ): "write a zone such as Europe/Warsaw, field.<name>, {path: …} or {minutes: …}",
}


@pytest.mark.parametrize("patch", WRONG)
def test_a_zone_that_no_job_tells_is_refused(patch: str) -> None:
    found = problems(patch)
    assert found
    assert any(WRONG[patch] in problem for problem in found), found
