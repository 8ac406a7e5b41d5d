"""Complete messages beside deltas, and what a delta empties: at whichever of its paths, and on the way there."""

from functools import cache
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.ages import versions_in
from bridge.domain.model import JobRef
from bridge.mapping.pack import Pack
from bridge.packtools.explanation import explain
from bridge.packtools.explanation_text import as_text
from bridge.packtools.sandbox import Happened, RawMessage, Sandbox
from tests.unit.examples import examples
from tests.unit.mapping.builders import NOON
from tests.unit.mapping.patches import known_job, outcome, pack_with, problems

MIXED = """
inbound:
  message_id: $.id
  version: {path: $.v, optional: true}
  deltas: {unless: [{path: $.form, fits: [whole, created]}]}
fields:
  status: {path: $.status, type: code, values: [new, planned, begun], default: new}
  site: {path: $.site, nulls: absent}
  gate: {path: $.gate, nulls: keep, empty: keep}
  crew:
    path: $.crew
    type: items
    nulls: absent
    key: name
    fields: {name: {path: $.name, required: true}, job: {path: $.job}}
rules:
  - {rule: created, when: {status: new}, then: {work_order: open, creates: true, on_illegal: keep}}
  - {rule: planned, when: {status: planned}, then: {work_order: planned, on_illegal: keep}}
  - {rule: begun, when: {status: begun}, then: {work_order: inProgress, on_illegal: keep}}
work_order: {task: {value: [site, gate], default: Look}}
"""
JOB = JobRef("toy", "J")


@cache
def mixed() -> Pack:
    return pack_with(MIXED)


class Story:
    """What is known of a job, message by message."""

    def __init__(self, pack: Pack | None = None) -> None:
        self.book = Sandbox(pack or mixed())
        self.number = 0

    def hear(self, version: int | None = None, **message: Any) -> Happened:
        self.number += 1
        told = {"job": "J", "id": str(self.number), **({"v": version} if version is not None else {}), **message}
        return self.book.apply(RawMessage(body=orjson.dumps(told)), NOON)[0]

    @property
    def record(self) -> dict[str, object]:
        return dict(self.book.job(JOB).record)


def whole(version: int | None = None, **message: Any) -> dict[str, Any]:
    return {"version": version, "form": "whole", **message}


def test_in_a_complete_message_absent_means_empty_whatever_null_means() -> None:
    story = Story()
    story.hear(form="created", status="new", site="A", gate="B")
    story.hear(site="C")
    assert story.record == {"status": "new", "site": "C", "gate": "B"}
    story.hear(gate=None)
    assert story.record["gate"] == "B"
    story.hear(form="whole", site="C", gate=None)
    assert story.record == {"site": "C"}


def test_a_complete_list_leaves_nothing_of_the_one_before() -> None:
    story = Story()
    story.hear(form="created", crew=[{"name": "Eva", "job": "lead"}, {"name": "Tom"}])
    story.hear(crew=[{"name": "Tom", "job": "help"}])
    story.hear(form="whole", crew=[{"name": "Tom"}])
    assert story.record["crew"] == [{"name": "Tom"}]
    story.hear(crew=None)
    assert "crew" not in story.record


def test_a_late_complete_message_empties_only_what_no_later_one_has_told() -> None:
    story = Story()
    story.hear(1, form="created", status="new", site="A", gate="B", crew=[{"name": "Eva"}])
    story.hear(4, site="C", crew=[{"name": "Tom"}])
    happened = story.hear(**whole(3, status="begun", crew=[{"name": "Tom", "job": "help"}, {"name": "Bob"}]))
    assert happened.outcome == "applied"
    assert story.record == {"status": "begun", "site": "C", "crew": [{"name": "Tom", "job": "help"}, {"name": "Bob"}]}
    assert story.hear(2, gate="D", crew=[{"name": "Jan"}]).outcome == "stale"


_ITEMS = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from(["Eva", "Tom"])}, optional={"job": st.sampled_from("ab")}),
    max_size=2,
    unique_by=lambda item: item["name"],
)
_MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"form": st.sampled_from(["whole", "delta", "delta"])},
        optional={
            "site": st.sampled_from(["A", "B", None]),
            "gate": st.sampled_from(["A", "B", None, ""]),
            "crew": _ITEMS | st.none(),
        },
    ),
    min_size=2,
    max_size=6,
)


def known_after(messages: list[dict[str, Any]], numbers: list[int]) -> object:
    """The record and its versions after some messages; items in order of their names, and as a whole."""
    story = Story()
    story.hear(0, form="created")
    for number in numbers:
        story.hear(number + 1, **messages[number])
    record = story.record
    crew = record.pop("crew", [])
    assert isinstance(crew, list)
    ages = story.book.job(JOB).field_versions
    return record, sorted(one["name"] for one in crew), {name: versions_in(age) for name, age in ages.items()}


@examples(300)
@given(_MESSAGES, st.randoms(use_true_random=False))
def test_in_whatever_order_deltas_and_complete_messages_come_the_record_is_the_same(
    messages: list[dict[str, Any]], random: Random
) -> None:
    in_order = [*range(len(messages))]
    shuffled = random.sample(in_order, len(in_order))
    assert known_after(messages, shuffled) == known_after(messages, in_order)


# What a delta empties

PLACES = "inbound: {deltas: true}\nfields: {f: {path: [$.a, $.b.c, '$.d[?@.k == 1].e'], %s}}"


@pytest.mark.parametrize(
    ("declared", "message", "known"),
    [
        ("nulls: absent", {}, "kept"),
        ("nulls: absent", {"a": None}, None),
        ("nulls: absent", {"b": {"c": None}}, None),
        ("nulls: absent", {"d": [{"k": 1, "e": None}]}, None),
        ("nulls: absent", {"a": None, "b": {"c": "new"}}, "new"),
        ("nulls: absent", {"a": "new", "d": None}, "new"),
        ("nulls: absent", {"b": None}, None),
        ("nulls: absent", {"b": {}}, "kept"),
        ("nulls: absent", {"d": []}, "kept"),
        ("empty: absent", {"a": ""}, None),
        ("empty: absent", {"b": ""}, None),
        ("empty: absent", {"b": None}, None),
        ("nulls: keep", {"a": None}, "kept"),
        ("nulls: keep", {"b": None}, "kept"),
        ("nulls: keep, empty: absent", {"a": None, "b": {"c": ""}}, None),
        ("empty: keep", {"a": "", "b": ""}, "kept"),
        ("required: false", {"a": None}, "kept"),
        ("required: false", {"a": "", "b": {"c": "new"}}, "new"),
    ],
)
def test_a_delta_empties_a_field_at_whichever_path_and_on_the_way_there(
    declared: str, message: dict[str, Any], known: str | None
) -> None:
    story = Story(pack_with(PLACES % declared))
    story.book.put(known_job(f="kept"))
    story.hear(**message)
    assert story.record.get("f") == known


def test_what_is_emptied_is_told() -> None:
    text = as_text(explain(mixed(), message(b'{"job": "J", "id": "2", "site": null}'), (None, None), NOON, [BEGUN])[0])
    assert "kind      delta" in text
    assert '  status  $.status  "new"  (as it was known)' in text
    assert "  site    $.site  absent  (emptied)" in text
    text = as_text(
        explain(mixed(), message(b'{"job": "J", "id": "2", "form": "whole"}'), (None, None), NOON, [BEGUN])[0]
    )
    assert "kind      complete message: what it does not tell is empty" in text
    assert '  status  $.status  absent -> "new"  (emptied)' in text


def message(body: bytes) -> RawMessage:
    return RawMessage(body=body)


BEGUN = message(b'{"job": "J", "id": "1", "status": "new", "form": "created", "site": "A"}')


def test_a_complete_message_of_an_unknown_job_lacks_what_it_does_not_tell() -> None:
    pack = pack_with(MIXED.replace("default: new", "required: true"))
    assert outcome(pack, {"site": "A"}).startswith("waits: job J is not known yet; this message alone does not tell")
    assert outcome(pack, {"site": "A", "form": "whole"}).startswith(
        "parked: field status ($.status): a value is required"
    )
    assert outcome(pack, {"status": "planned", "form": "whole"}) == "planned"


@pytest.mark.parametrize(
    ("deltas", "complete"),
    [
        ("true", []),
        ("{every: true}", []),
        ("{only: [{path: $.form, fits: delta}]}", ["whole", "other"]),
        ("{unless: [{path: $.form, fits: whole}, {routing_key: true, fits: other}]}", ["whole"]),
        ("{unless: [{path: $.form, fits: {present: false}}]}", []),
    ],
)
def test_a_test_says_which_messages_are_complete(deltas: str, complete: list[str]) -> None:
    pack = pack_with(f"inbound: {{deltas: {deltas}}}\nfields: {{f: {{path: $.f}}}}")
    found = []
    for form in ("whole", "delta", "other"):
        story = Story(pack)
        story.book.put(known_job(f="kept"))
        story.hear(form=form)
        found += [] if "f" in story.record else [form]
    assert found == complete


def test_without_deltas_nothing_is_kept() -> None:
    assert problems("inbound: {deltas: false}\nfields: {a: {path: $.a, nulls: keep}}") == [
        "misplaced: nulls: keep needs inbound: {deltas: true}"
    ]
