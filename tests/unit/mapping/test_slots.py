"""Slots and commands in other shapes: nested lists, filters, dictionaries, omitted keys, XML."""

from datetime import timedelta

import orjson
import pytest

from bridge.domain.model import Accepted, CommandId, CommandKind, JobRef, Offered
from bridge.mapping.commands.command import Unrenderable
from bridge.mapping.commands.context import CommandContext
from bridge.mapping.commands.reply import ReplyReader
from bridge.mapping.pack import ReplyRead, Unreadable
from tests.unit.mapping.builders import NOON, work_order
from tests.unit.mapping.patches import pack_with, problems

SEARCH = """
commands:
  search:
    reply:
      slots:
        within: [$.days]
        each: $.slots
        where: {$.free: true}
        dictionary: {list: $.labels, key: $.name, by: $.label}
        start: {path: $.entry.from, format: iso, zone: UTC}
        end: {path: $.entry.to, format: iso, zone: UTC}
        token: {number: $.label, area: $.parent.area}
"""
LABELS = [{"name": "AM", "from": "2026-03-05T08:00", "to": "2026-03-05T12:00"}]


def offered(body: object) -> ReplyRead | Unreadable:
    return pack_with(SEARCH).read_reply(CommandKind.SEARCH, orjson.dumps(body))


def day(*slots: object) -> dict[str, object]:
    return {"rc": "ok", "labels": LABELS, "days": [{"area": 7, "slots": list(slots)}]}


def test_only_slots_that_fit_are_offered_with_what_lies_around_them() -> None:
    read = offered(day({"label": "AM", "free": True}, {"label": "PM", "free": False}, "odd"))
    assert isinstance(read, ReplyRead)
    assert isinstance(read.reply, Offered)
    assert [slot.token for slot in read.reply.slots] == [{"number": "AM", "area": 7}]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (day({"label": "XX", "free": True}), 'slot 0.0 ($.label): nothing in $.labels has this name; came "XX"'),
        ({**day(), "days": [{"slots": 5}]}, "slots of 0 ($.slots): expected a list; came 5"),
        ({**day(), "days": 5}, "slots ($.days): expected a list; came 5"),
        ({**day({"label": "AM", "free": True}), "labels": None}, "slots ($.labels): expected a list; came null"),
        ({**day(), "days": [{"area": 1, "slots": [{"free": True}] * 10_001}]}, "slots ($.slots): more than 10000"),
        (
            {**day({"label": "XX", "free": True}), "days": [{"slots": [{"label": "XX", "free": True}]}, {}]},
            'slot 0.0 ($.label): nothing in $.labels has this name; came "XX"; the other 1 cannot be read either',
        ),
    ],
)
def test_an_answer_of_which_no_slot_can_be_read_cannot_be_read(body: object, reason: str) -> None:
    read = offered(body)
    assert isinstance(read, Unreadable)
    assert read.reason == reason


AM = {"label": "AM", "free": True}


def test_a_slot_that_cannot_be_read_is_left_out_and_told_by_its_place() -> None:
    body = {**day(), "days": [{"area": 7, "slots": [{"free": False}, AM, {**AM, "label": "XX"}]}, {"area": 8}]}
    read = offered(body)
    assert isinstance(read, ReplyRead)
    assert isinstance(read.reply, Offered)
    assert [slot.token for slot in read.reply.slots] == [{"number": "AM", "area": 7}]
    assert read.flags == (
        'left out: slot 0.2 ($.label): nothing in $.labels has this name; came "XX"',
        "left out: slots of 1 ($.slots): expected a list; it is missing",
    )
    assert read.explanation["flags"] == list(read.flags)


def test_of_many_slots_that_are_left_out_twenty_are_told() -> None:
    read = offered(day(AM, *[{**AM, "label": "XX"}] * 5_000))
    assert isinstance(read, ReplyRead)
    assert len(read.flags) == 21
    assert read.flags[-1] == "left out: 4980 more slots that cannot be read"


def slots_of(keys: str, *slots: object, **members: object) -> ReplyRead | Unreadable:
    """The answer that the small pack reads, with these keys in its `slots`."""
    pack = pack_with(f"commands: {{search: {{reply: {{slots: {{{keys}}}}}}}}}")
    return pack.read_reply(CommandKind.SEARCH, orjson.dumps({"rc": "ok", "slots": slots, **members}))


def read_of(keys: str, *slots: object) -> Offered:
    read = slots_of(keys, *slots)
    assert isinstance(read, ReplyRead), read
    assert isinstance(read.reply, Offered)
    return read.reply


SLOT = {"from": "2026-03-05T08:00:00+0000", "to": "2026-03-05T12:00:00+0000", "nr": 1, "area": "N"}


def test_an_item_of_a_list_around_the_slots_that_does_not_fit_has_none() -> None:
    closed = {"state": "closed"}
    read = slots_of(
        "within: [$.areas, {list: $.days, where: {$.parent.state: open, $.state: {not: closed}}}], each: $.slots",
        areas=[{"state": "shut", "days": [{}]}, {"state": "open", "days": [closed, {"slots": [SLOT]}]}],
    )
    assert isinstance(read, ReplyRead)
    assert isinstance(read.reply, Offered)
    assert (len(read.reply.slots), read.flags) == (1, ())


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("", "slots ($.parent.parent.areas): more than 10000"),
        (
            ", where: {$.free: true}",
            (
                "slots ($.parent.parent.areas): expected at most 100000 items in this list and those around it "
                "together; came more"
            ),
        ),
    ],
)
def test_lists_that_multiply_are_given_up_before_they_are_walked_through(where: str, reason: str) -> None:
    """Two hundred areas would be eight million slots, whether they fit or not."""
    keys = f"within: [$.areas, $.parent.areas], each: $.parent.parent.areas{where}"
    read = slots_of(keys, areas=[{}] * 200)
    assert isinstance(read, Unreadable)
    assert read.reason == reason


def test_what_the_slots_lie_in_last_is_the_answer() -> None:
    read = slots_of("token: {number: $.nr, area: $.parent.region}", SLOT, region="East")
    assert isinstance(read, ReplyRead)
    assert isinstance(read.reply, Offered)
    assert read.reply.slots[0].token == {"number": 1, "area": "East"}


@pytest.mark.parametrize(
    ("order", "scores", "ranks"),
    [("lowest", (7, "2.5", -1), (7, 2.5, -1)), ("highest", (7, "+2", 0.5), (-7, -2, -0.5))],
)
def test_a_slot_is_ranked_by_the_number_that_is_preferred(
    order: str, scores: tuple[object, ...], ranks: tuple[float, ...]
) -> None:
    slots = [{**SLOT, "score": score} for score in scores]
    offered = read_of(f"prefer: {{path: $.score, order: {order}}}", *slots)
    assert tuple(slot.rank for slot in offered.slots) == ranks


@pytest.mark.parametrize("score", [None, "", "much", "1,000", True, [1], "NaN", "1_000", "9" * 40, 1e30])
def test_a_slot_whose_preference_is_no_number_is_left_out(score: object) -> None:
    read = slots_of("prefer: {path: $.score, order: lowest}", {**SLOT, "score": score}, {**SLOT, "score": 1})
    assert isinstance(read, ReplyRead)
    (flag,) = read.flags
    assert flag.startswith("left out: slot 0 ($.score): expected a number; came ")


@pytest.mark.parametrize(
    ("keys", "shortest"),
    [("", None), ("partly: drop", None), ("partly: clip", 0), ("partly: clip, shortest: 90", 90)],
)
def test_what_becomes_of_a_window_partly_outside_goes_with_the_offer(keys: str, shortest: int | None) -> None:
    assert read_of(keys, SLOT).shortest == (None if shortest is None else timedelta(minutes=shortest))


MOMENTS = (
    'start: {{path: $.from, format: "%Y-%m-%d %H:%M", {0}}}, end: {{path: $.to, format: "%Y-%m-%d %H:%M", {0}{1}}}'
)


@pytest.mark.parametrize(
    ("start", "end", "utc"),
    [
        ("2026-03-05 22:00", "2026-03-05 02:00", "2026-03-06T01:00:00+00:00"),
        ("2026-03-05 22:00", "2026-03-05 23:00", "2026-03-05T22:00:00+00:00"),
        ("2026-03-28 22:00", "2026-03-28 06:00", "2026-03-29T04:00:00+00:00"),  # the night is an hour shorter
        ("2026-10-24 22:00", "2026-10-24 06:00", "2026-10-25T05:00:00+00:00"),  # and one longer
        ("2026-03-28 22:00", "2026-03-28 02:30", "2026-03-29T01:30:00+00:00"),  # a time that does not exist
    ],
)
def test_an_end_before_the_start_is_on_the_next_day_by_the_clock_on_the_wall(start: str, end: str, utc: str) -> None:
    keys = MOMENTS.format("zone: Europe/Warsaw", ", not_before: start")
    (slot,) = read_of(keys, {**SLOT, "from": start, "to": end}).slots
    assert slot.window.end_date_time.isoformat() == utc


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-05 22:00", "2026-03-03 02:00"),
        ("2026-03-05 22:00", "2026-03-05 22:00"),
        ("9999-12-31 22:00", "9999-12-31 02:00"),
    ],
)
def test_an_end_that_is_not_after_the_start_even_so_is_told(start: str, end: str) -> None:
    read = slots_of(MOMENTS.format("zone: UTC", ", not_before: start"), {**SLOT, "from": start, "to": end})
    assert isinstance(read, Unreadable)
    assert read.reason.startswith("slot 0: ")


@pytest.mark.parametrize(
    ("dst", "start"), [("earlier", "2026-10-25T00:30:00+00:00"), ("later", "2026-10-25T01:30:00+00:00"), ("park", None)]
)
def test_an_hour_that_happens_twice_is_what_the_policy_says_as_for_fields(dst: str, start: str | None) -> None:
    slots = MOMENTS.format("zone: Europe/Warsaw", "")
    pack = pack_with(f"policies: {{dst: {dst}}}\ncommands: {{search: {{reply: {{slots: {{{slots}}}}}}}}}")
    slot = {**SLOT, "from": "2026-10-25 02:30", "to": "2026-10-25 06:00"}
    read = pack.read_reply(CommandKind.SEARCH, orjson.dumps({"rc": "ok", "slots": [slot]}))
    if start is None:
        assert isinstance(read, Unreadable)
        assert "2026-10-25 02:30:00 happens twice in Europe/Warsaw" in read.reason
    else:
        assert isinstance(read, ReplyRead)
        assert isinstance(read.reply, Offered)
        assert read.reply.slots[0].window.start_date_time.isoformat() == start


ZONED = {**SLOT, "from": "2026-03-05 08:00", "to": "2026-03-05 12:00"}
ZONES = """
tables: {zones: {key: name, rows: [{name: Eastern, zone: America/New_York}, {name: "5", zone: Asia/Tokyo}]}}
"""


def zoned(zone: str, **members: object) -> ReplyRead | Unreadable:
    slots = MOMENTS.format(f"zone: {zone}", "")
    pack = pack_with(f"{ZONES}commands: {{search: {{reply: {{slots: {{{slots}}}}}}}}}")
    return pack.read_reply(CommandKind.SEARCH, orjson.dumps({"rc": "ok", "slots": [{**ZONED, **members}]}))


TABLE = "{path: $.tz, table: zones, column: zone}"


@pytest.mark.parametrize(
    ("zone", "members", "utc"),
    [
        ("Asia/Tokyo", {}, "2026-03-04T23:00:00+00:00"),
        ("$.tz", {"tz": "Asia/Tokyo"}, "2026-03-04T23:00:00+00:00"),
        ("{path: $.tz}", {"tz": "Asia/Tokyo"}, "2026-03-04T23:00:00+00:00"),
        (TABLE, {"tz": "Eastern"}, "2026-03-05T13:00:00+00:00"),
        (TABLE, {"tz": 5}, "2026-03-04T23:00:00+00:00"),
        ("{minutes: $.east}", {"east": 330}, "2026-03-05T02:30:00+00:00"),
        ("{minutes: $.east}", {"east": "-300"}, "2026-03-05T13:00:00+00:00"),
        ("{minutes: $.east}", {"east": 0}, "2026-03-05T08:00:00+00:00"),
    ],
)
def test_the_zone_of_a_slot_is_named_found_looked_up_or_counted(
    zone: str, members: dict[str, object], utc: str
) -> None:
    read = zoned(zone, **members)
    assert isinstance(read, ReplyRead)
    assert isinstance(read.reply, Offered)
    assert read.reply.slots[0].window.start_date_time.isoformat() == utc


@pytest.mark.parametrize(
    ("zone", "members", "reason"),
    [
        ("$.tz", {}, "slot 0 ($.tz): expected a time zone such as Europe/Warsaw"),
        ("$.tz", {"tz": "eastern"}, "slot 0 ($.tz): expected a time zone such as Europe/Warsaw"),
        ("$.tz", {"tz": "x" * 65}, "slot 0 ($.tz): expected a time zone such as Europe/Warsaw"),
        ("$.tz", {"tz": "../../etc/passwd"}, "slot 0 ($.tz): expected a time zone such as Europe/Warsaw"),
        ("$.tz", {"tz": 5}, "slot 0 ($.tz): expected a time zone such as Europe/Warsaw"),
        (TABLE, {"tz": "eastern"}, 'slot 0 ($.tz): expected a time zone of table zones; came "eastern"'),
        (TABLE, {"tz": None}, "slot 0 ($.tz): expected a time zone of table zones; came null"),
        (TABLE, {}, "slot 0 ($.tz): expected a time zone of table zones; it is missing"),
        ("{minutes: $.east}", {"east": "an hour"}, "slot 0 ($.east): expected the minutes east of Greenwich; came"),
        ("{minutes: $.east}", {"east": 1440}, "slot 0 ($.east): expected the minutes east of Greenwich; came 1440"),
        ("{minutes: $.east}", {"east": 1.5}, "slot 0 ($.east): expected the minutes east of Greenwich; came 1.5"),
        ("{minutes: $.east}", {}, "slot 0 ($.east): expected the minutes east of Greenwich; it is missing"),
    ],
)
def test_a_slot_of_no_zone_is_told_with_what_was_expected(zone: str, members: dict[str, object], reason: str) -> None:
    read = zoned(zone, **members)
    assert isinstance(read, Unreadable)
    assert read.reason.startswith(reason)


def test_a_table_of_zones_has_zones_only() -> None:
    table = ZONES.replace("Asia/Tokyo", "Tokyo")
    slots = MOMENTS.format(f"zone: {TABLE}", "")
    assert problems(f"{table}commands: {{search: {{reply: {{slots: {{{slots}}}}}}}}}") == [
        "wrong-value: 'Tokyo' is not a time zone such as Europe/Warsaw"
    ]


CANCEL = """
commands:
  cancel:
    format: xml
    body:
      visit: null
      crew: null
      Cancel: {"@visit": {value: visit, omit: true}, Job: {value: job}, Why: {value: note, omit: true}, Tag: [a, b]}
    reply: {status: $.Answer.OK, accepted: [true]}
"""
CONTEXT = CommandContext(command=CommandId("c"), job=JobRef("toy", "J<1>"), work_order=work_order(), now=NOON)


def test_a_command_is_written_as_xml_without_what_is_absent() -> None:
    rendered = pack_with(CANCEL).render(CommandKind.CANCEL, CONTEXT)
    assert rendered.content_type == "application/xml"
    assert rendered.body == (
        b'<?xml version="1.0" encoding="UTF-8"?><Cancel><Job>J&lt;1&gt;</Job><Tag>a</Tag><Tag>b</Tag></Cancel>'
    )


def test_a_command_may_write_the_day_and_the_time_of_day_alone() -> None:
    day = '{value: now, format: "%Y-%m-%d", zone: Asia/Tokyo}'
    time = '{value: now, format: "%H:%M", zone: Asia/Tokyo}'
    pack = pack_with(f"commands: {{cancel: {{body: {{day: {day}, time: {time}, visit: null, crew: null}}}}}}")
    assert orjson.loads(pack.render(CommandKind.CANCEL, CONTEXT).body) == {"day": "2026-03-05", "time": "21:00"}


def test_a_character_that_xml_cannot_hold_makes_the_command_unrenderable() -> None:
    context = CommandContext(command=CommandId("c"), job=JobRef("toy", "\x01"), work_order=work_order(), now=NOON)
    with pytest.raises(Unrenderable, match="U\\+0001"):
        pack_with(CANCEL).render(CommandKind.CANCEL, context)


def test_a_reply_is_read_as_xml() -> None:
    read = pack_with(CANCEL).read_reply(CommandKind.CANCEL, b"<Answer><OK>true</OK></Answer>")
    assert isinstance(read, ReplyRead)
    assert read.reply == Accepted()


XML_SEARCH = """
inbound: {xml: {lists: [Area, Free, Time]}}
commands:
  search:
    format: xml
    body: {when: null, kinds: null, asked: null, Search: {value: job}}
    reply:
      status: $.Slots.Code
      slots:
        within: [$.Slots.Area]
        each: $.Free
        dictionary: {list: $.Slots.Time, key: "$['@name']", by: "$['@name']"}
        start: {path: ["$['@day']", "$.entry['@from']"], format: "%Y-%m-%d %H:%M", zone: UTC}
        end: {path: ["$['@day']", "$.entry['@to']"], format: "%Y-%m-%d %H:%M", zone: UTC}
        token: {number: null, area: "$.parent['@id']"}
"""


@pytest.mark.parametrize(
    ("content", "tokens"),
    [
        ('<Time name="AM" from="08:00" to="12:00"/><Area id="N"><Free day="2026-03-05" name="AM"/></Area>', ["N"]),
        ('<Area id="N"/>', []),
        ("", []),
    ],
)
def test_xml_offers_one_slot_or_none_as_it_offers_several(content: str, tokens: list[str]) -> None:
    body = f"<Slots><Code>ok</Code>{content}</Slots>".encode()
    read = pack_with(XML_SEARCH).read_reply(CommandKind.SEARCH, body)
    assert isinstance(read, ReplyRead)
    assert isinstance(read.reply, Offered)
    assert ([slot.token["area"] for slot in read.reply.slots], read.flags) == (tokens, ())


def test_a_single_child_in_xml_that_would_be_no_list_is_told() -> None:
    patch = XML_SEARCH.replace(
        "xml: {lists: [Area, Free, Time]}", "format: xml, each: $.Jobs.Job, xml: {lists: [Free]}"
    )
    fields = "fields: {task: {path: $.Job.Task, type: list}, tags: {path: $.Job.Tags, type: list, split: ','}}"
    assert sorted(problems(f"{patch}\n{fields}")) == [
        f"missing-key: a single {name} would be no list; write inbound: {{xml: {{lists: [{name}]}}}}"
        for name in ("Area", "Job", "Task", "Time")
    ]


def test_a_command_in_xml_may_have_namespaces() -> None:
    body = '{visit: null, crew: null, "w:Cancel": {"@xmlns:w": "urn:w", "w:Job": {value: job}}}'
    rendered = pack_with(f"commands: {{cancel: {{format: xml, body: {body}}}}}").render(CommandKind.CANCEL, CONTEXT)
    assert rendered.body.endswith(b'<w:Cancel xmlns:w="urn:w"><w:Job>J&lt;1&gt;</w:Job></w:Cancel>')


def test_a_status_may_be_true_or_false() -> None:
    pack = pack_with('commands: {cancel: {reply: {accepted: ["true"]}}}')
    read = pack.read_reply(CommandKind.CANCEL, b'{"rc": true}')
    assert isinstance(read, ReplyRead)
    assert read.reply == Accepted()
    assert isinstance(pack.commands[CommandKind.CANCEL].reply, ReplyReader)


@pytest.mark.parametrize(
    ("body", "problem"),
    [("{a: 1, b: 2}", "an XML body has one root element"), ("{'a b': 1}", "'a b' cannot be the name of an XML")],
)
def test_a_body_that_cannot_be_xml_is_told(body: str, problem: str) -> None:
    (found,) = problems(f"commands: {{note: {{exchange: x, routing_key: y, format: xml, body: {body}}}}}")
    assert problem in found
