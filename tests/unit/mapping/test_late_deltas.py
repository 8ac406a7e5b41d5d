"""Deltas that come late: what no later message has told is taken from them, and no state goes back."""

from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.ages import versions_in
from bridge.domain.model import JobRef
from bridge.mapping.checks.proofs.late import late_rules
from bridge.mapping.pack import Pack
from bridge.packtools.sandbox import Happened, RawMessage, Sandbox
from bridge.yaml_source import parse_yaml
from tests.unit.mapping.builders import NOON
from tests.unit.mapping.patches import pack_with
from tests.unit.packtools.packs import FRAME, document, small

PACK = """
inbound: {deltas: true, message_id: $.id, version: {path: $.v, optional: true}, changed_names: $.names}
fields:
  event: {path: $.event, type: code, values: [begun, ended], remember: false}
  kind: {path: $.kind}
  status: {path: $.status, type: code, values: [new, booked, begun, odd], required: true}
  site: {path: $.site, nulls: absent}
  who: {path: $.who}
  crew: {path: $.crew, type: items, key: name, fields: {name: {path: $.name, required: true}, job: {path: $.job}}}
  site_changed: {changed: site}
rules:
  - {rule: odd, when: {status: odd}, then: {ignore: It tells a Buyer nothing}}
  - {rule: created, when: {status: new}, then: {work_order: open, creates: true, on_illegal: keep}}
  - {rule: booked, when: {status: booked}, then: {work_order: planned}}
  - {rule: begun, when: {status: begun}, then: {work_order: inProgress}}
work_order: {task: {value: [who, site], default: Look}}
"""
CLEARING = PACK.replace("path: $.kind", "path: $.kind, nulls: absent").replace(
    "path: $.who", "path: $.who, nulls: absent"
)
BY_EVENT = PACK.replace(
    "rules:\n",
    "rules:\n"
    "  - {rule: ended-now, when: {event: ended}, then: {work_order: unableToComplete}}\n"
    "  - {rule: begun-now, when: {event: begun}, then: {work_order: inProgress}}\n",
)
LATE = "older than what is applied; nothing of it was told since"
SITE_TOLD = "older than what is applied; not taken, as told since: site"
NOTHING = "rests on no field that a message tells"
JOB = JobRef("toy", "J")


@cache
def _pack(text: str) -> Pack:
    return pack_with(text)


class Story:
    """A book of one pack that is told of one job."""

    def __init__(self, pack: str = PACK) -> None:
        self.book = Sandbox(_pack(pack))
        self._number = 0

    def hear(self, version: int | None, **message: Any) -> Happened:
        """Take a message; tell what became of it."""
        self._number += 1
        told = {"job": "J", "id": str(self._number), **({"v": version} if version is not None else {}), **message}
        return self.book.apply(RawMessage(body=orjson.dumps(told)), NOON)[0]

    @property
    def record(self) -> dict[str, object]:
        return dict(self.book.job(JOB).record)

    @property
    def state(self) -> str:
        work_order = self.book.job(JOB).work_order
        return str(work_order.state) if work_order is not None else "unknown"


@pytest.fixture
def story() -> Story:
    """A job that is booked since version 4, of which version 6 told the site."""
    told = Story()
    told.hear(1, status="new", site="A")
    told.hear(4, status="booked")
    told.hear(6, site="C")
    return told


def test_what_no_later_message_has_told_is_taken_in(story: Story) -> None:
    happened = story.hear(5, site="B", who="Eva")
    assert (happened.outcome, happened.flags) == ("applied", (SITE_TOLD,))
    assert story.record == {"status": "booked", "site": "C", "who": "Eva"}
    work_order = story.book.job(JOB).work_order
    assert work_order is not None
    assert (work_order.details.task, work_order.state) == (("Eva",), "planned")


def test_it_is_explained(story: Story) -> None:
    told: Any = story.hear(5, site="B", who="Eva").explanation["fields"]
    assert told["site"] == {"path": "$.site", "told_since": True, "raw": "C", "value": "C"}
    assert told["who"] == {"path": "$.who", "raw": "Eva", "value": "Eva"}


def test_a_message_of_which_nothing_is_left_is_stale(story: Story) -> None:
    before = story.book.job(JOB)
    assert story.hear(5, site="B").outcome == "stale"
    assert story.hear(3, status="new", site="B").outcome == "stale"
    assert story.book.job(JOB) == before


def test_the_version_of_the_job_does_not_go_back(story: Story) -> None:
    story.hear(5, who="Eva")
    assert story.book.job(JOB).versions == {"job": 6}


def test_of_two_late_ones_the_later_counts_in_any_order() -> None:
    for order in ((3, 5), (5, 3)):
        story = Story()
        story.hear(1, status="new")
        story.hear(6, site="C")
        for version in order:
            story.hear(version, who=f"who-{version}")
        assert story.record["who"] == "who-5"


_DELTAS = st.lists(
    st.dictionaries(st.sampled_from(["kind", "site", "who"]), st.sampled_from(["A", "B", None])), min_size=1, max_size=6
)


@given(_DELTAS, st.randoms())
def test_in_whatever_order_deltas_come_the_record_is_the_same(deltas: list[dict[str, Any]], random: Random) -> None:
    def heard(numbers: list[int]) -> tuple[dict[str, object], object]:
        story = Story(CLEARING)
        story.hear(0, status="new")
        for number in numbers:
            story.hear(number + 1, **deltas[number])
        job = story.book.job(JOB)
        return story.record, {name: versions_in(age) for name, age in job.field_versions.items()}

    in_order = [*range(len(deltas))]
    shuffled = random.sample(in_order, len(in_order))
    assert heard(shuffled) == heard(in_order)


def test_what_a_later_message_cleared_stays_cleared(story: Story) -> None:
    story.hear(8, site=None)
    story.hear(7, site="B", who="Eva")
    assert story.record == {"status": "booked", "who": "Eva"}


def test_a_state_that_only_the_late_message_tells_is_reached(story: Story) -> None:
    assert story.hear(5, status="begun").outcome == "applied"
    assert story.state == "inProgress"


def test_a_state_that_a_later_message_has_changed_stays(story: Story) -> None:
    story.hear(9, status="begun")
    story.hear(8, status="new", who="Eva")
    assert (story.state, story.record["who"]) == ("inProgress", "Eva")


def test_what_only_a_late_message_says_counts_where_no_later_one_has_named_a_state() -> None:
    story = Story(BY_EVENT)
    story.hear(1, status="new")
    story.hear(4, status="begun")
    story.hear(6, site="C")
    happened = story.hear(5, event="ended", who="Eva")
    assert (happened.rule, happened.outcome, happened.flags) == ("ended-now", "applied", (LATE,))
    assert (story.state, story.record["who"]) == ("unableToComplete", "Eva")


def test_what_only_a_late_message_says_is_withheld_where_a_later_one_has_named_a_state() -> None:
    story = Story(BY_EVENT)
    story.hear(1, status="new")
    story.hear(4, status="begun")
    story.hear(6, event="begun")
    happened = story.hear(5, event="ended", who="Eva")
    why = "rule ended-now rests on event, and a later message has named a state (job 5 < 6)"
    withheld = f"goal withheld (work_order unableToComplete): {why}"
    assert (happened.rule, happened.outcome, happened.flags) == ("ended-now", "applied", (LATE, withheld))
    assert (story.state, story.record["who"], happened.reason) == ("inProgress", "Eva", withheld)


def test_by_what_only_a_late_message_says_the_work_may_begin() -> None:
    story = Story(BY_EVENT)
    story.hear(1, status="new")
    story.hear(6, site="C")
    story.hear(5, event="begun", who="Eva")
    assert story.state == "inProgress"


def test_items_that_no_later_message_has_told_are_taken_in(story: Story) -> None:
    story.hear(8, crew=[{"name": "Eva", "job": "lead"}])
    story.hear(7, crew=[{"name": "Eva", "job": "help"}, {"name": "Tom", "job": "help"}])
    assert {(one["name"], one["job"]) for one in story.record["crew"]} == {("Eva", "lead"), ("Tom", "help")}  # type: ignore[attr-defined]
    assert story.hear(7, crew=[{"name": "Eva", "job": "help"}]).outcome == "stale"
    assert story.hear(7, crew=[{"name": "Tom", "job": "help"}]).outcome == "stale"


def test_a_late_message_changes_nothing_that_was_told_since(story: Story) -> None:
    def changed(**message: Any) -> object:
        told: Any = story.hear(5, who=str(message), **message).explanation["fields"]
        return told["site_changed"]["value"]

    assert changed(site="B", names=["site"]) is False
    assert changed(site="B") is False


def test_an_ignored_late_message_is_remembered_as_well(story: Story) -> None:
    assert story.hear(5, status="odd", site="B", who="Eva").outcome == "ignored"
    assert story.record == {"status": "odd", "site": "C", "who": "Eva"}
    assert story.book.job(JOB).versions == {"job": 6}


def test_messages_without_a_version_are_as_new_as_what_is_applied(story: Story) -> None:
    story.hear(None, who="Eva")
    assert story.hear(5, who="Tom").outcome == "stale"
    assert story.record["who"] == "Eva"


def test_what_was_told_before_this_was_noted_counts_as_told_last(story: Story) -> None:
    story.book.put(replace(story.book.job(JOB), field_versions={}))
    story.hear(5, site="B", who="Eva")
    assert story.record == {"status": "booked", "site": "C", "who": "Eva"}


def test_a_message_opens_its_job_by_what_it_says_itself_whatever_was_ignored_ahead_of_it() -> None:
    story = Story()
    assert story.hear(3, status="odd", who="Eva").outcome == "ignored"
    happened = story.hear(1, status="new")
    assert (happened.rule, happened.outcome, story.state) == ("created", "applied", "open")
    assert happened.flags == ("older than what is applied; not taken, as told since: status",)
    assert story.record == {"status": "odd", "who": "Eva"}


def test_an_older_snapshot_is_stale_whatever_it_tells() -> None:
    story = Story(PACK.replace("deltas: true, ", "").replace(", key: name", "").replace(", remember: false", ""))
    story.hear(6, status="new", site="C")
    assert story.hear(5, status="booked", who="Eva").outcome == "stale"
    assert story.hear(5, status="odd", site="B").outcome == "ignored"
    assert story.record == {"site": "C"}


@pytest.mark.parametrize(
    ("patch", "found"),
    [
        ("", {}),
        ("inbound: {deltas: false}", {}),
        ("inbound: {version: $.v}", {"by-event": "rests on event", "by-sign": "rests on moved", "any": NOTHING}),
        (
            "inbound: {versions: {visit: $.v}}",
            {"by-event": "rests on event", "by-sign": "rests on moved", "any": NOTHING},
        ),
    ],
)
def test_rules_that_rest_on_what_only_their_message_says_are_told(patch: str, found: dict[str, str]) -> None:
    fields: dict[str, Any] = {
        "event": {"path": "$.event", "remember": False},
        "status": {"path": "$.status"},
        "moved": {"changed": "status"},
        "was": {"previous": "status"},
    }
    rules: list[dict[str, Any]] = [
        {"rule": "by-event", "when": {"event": "x", "status": "y"}, "then": {"work_order": "planned"}},
        {"rule": "by-event-alone", "when": {"event": "z"}, "then": {"hold": "It names no state"}},
        {"rule": "by-sign", "when": {"moved": True}, "then": {"appointment": "cancelled"}},
        {"rule": "by-status", "when": {"status": "y", "was": "x"}, "then": {"work_order": "inProgress"}},
        {"rule": "any", "then": {"work_order": "open"}},
    ]
    inbound = FRAME["inbound"] | {"deltas": True} | parse_yaml(patch or "inbound: {}", "patch").data["inbound"]
    doc = document(small(fields, rules, inbound=inbound))
    assert {one.rule: one.why for one in late_rules(doc)} == found


IF_ANY = """
inbound: {deltas: true, version: $.rev}
fields:
  status: {path: $.status, type: code, values: [new, planned], required: true}
  event: {path: $.event, type: code, values: [agreed], remember: false}
rules:
  - {rule: created, when: {status: new}, then: {work_order: open, creates: true}}
  - {rule: planned, when: {status: planned}, then: {work_order: planned, appointment_if_any: confirmed}}
"""


AGREED = "  - {rule: agreed, when: {event: agreed}, then: {work_order: planned, appointment: confirmed}}\n"
FRIDAY = {"from": "2026-03-06T08:00:00Z", "to": "2026-03-06T10:00:00Z"}
MONDAY = {"from": "2026-03-09T08:00:00Z", "to": "2026-03-09T10:00:00Z"}


def test_a_window_that_a_delta_tells_makes_the_visit_of_a_rule_for_one_if_any() -> None:
    book = Sandbox(pack_with(IF_ANY))
    for number, told in enumerate(({"status": "new"}, {"status": "planned"}, FRIDAY), 1):
        list(book.apply(RawMessage(body=orjson.dumps({"job": "J", "rev": number, **told})), NOON))
    visit = book.job(JOB).open_appointment
    assert visit is not None
    assert visit.status == "confirmed"


def test_another_window_that_is_withheld_is_named() -> None:
    book = Sandbox(pack_with(IF_ANY.replace("rules:\n", "rules:\n" + AGREED)))
    told = [
        (1, {"status": "new"}),
        (2, {"status": "planned", **FRIDAY}),
        (5, {"event": "agreed"}),
        (4, {"event": "agreed", **MONDAY}),
    ]
    *_, last = (
        happened
        for rev, what in told
        for happened in book.apply(RawMessage(body=orjson.dumps({"job": "J", "rev": rev, **what})), NOON)
    )
    withheld = "goal withheld (another window): rule agreed rests on event, and a later message has named a state"
    assert last.reason == f"{withheld} (job 4 < 5)"
    assert last.reason in last.flags
