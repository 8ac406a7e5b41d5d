"""What is said of a pack as a whole: rules, WorkOrders, codes and places that never come."""

import pytest

from bridge.mapping.checks.inspection import inspect
from bridge.mapping.checks.proofs.advice import advice_on
from bridge.mapping.pack import Reading
from bridge.mapping.translator import Unmapped
from bridge.yaml_source import parse_yaml
from tests.unit.mapping.builders import read
from tests.unit.mapping.patches import BASE, known_job, merged, pack_with, problems
from tests.unit.mapping.sources import source_of

NEW = "{rule: new, when: {code: a}, then: {work_order: open, creates: true}}"
CODE = "fields: {code: {path: $.code, type: code, values: [a, b], required: true}}\n"


def test_a_rule_that_takes_everything_too_early_is_told_once() -> None:
    after = "{rule: b, when: {code: b}, then: {hold: y}}, {rule: c, then: {hold: z}}"
    assert problems(CODE + f"rules: [{NEW}, {{rule: all, then: {{hold: x}}}}, {after}]") == [
        "unreachable: rule 'all' takes every message, so the 2 rules after it are never reached; move it to the end"
    ]


def test_a_pack_that_names_states_and_creates_nothing_is_told() -> None:
    (told,) = problems(CODE + "rules: [{rule: all, then: {work_order: planned}}]")
    assert told.startswith("no-creates: no rule creates a WorkOrder, so there is never one; write `creates: true`")


@pytest.mark.parametrize("then", ["{park: x}", "{ignore: x}", "{hold: x}"])
def test_a_pack_that_is_being_begun_creates_nothing_yet(then: str) -> None:
    assert problems(CODE + f"rules: [{{rule: all, then: {then}}}]") == []


DELTAS = (
    "inbound: {deltas: {unless: [{path: $.type, fits: %s}]}, forgets: [{path: $.type, fits: %s, fields: [site]}]}\n"
)
TYPE = "fields: {type: {path: $.type, type: code, values: [made, gone], keep: [told], %s}, site: {path: $.site}}\n"


def of_type(unless: str, forgets: str, more: str = "required: true") -> list[str]:
    return problems(DELTAS % (unless, forgets) + TYPE % more)


def test_a_test_of_messages_for_a_code_that_its_field_never_has_is_told() -> None:
    assert of_type("mad", "[gone, lost]") == [
        "unknown-code: $.type is never 'mad'; did you mean 'made'?",
        "unknown-code: $.type is never 'lost'; there is made, gone, told",
    ]


@pytest.mark.parametrize(
    ("unless", "forgets", "more"),
    [
        ("made", "told", "required: true"),
        ("{not: made}", "{present: true}", "required: true"),
        ("MADE", "away", "loose: true, synonyms: {away: gone}"),
        ("else", "other", "ignore_others: x"),
    ],
)
def test_a_test_for_what_may_come_is_none(unless: str, forgets: str, more: str) -> None:
    assert of_type(unless, forgets, more) == []


WINDOW = """
fields:
  from: {path: $.from, type: datetime, format: iso, zone: UTC}
  to: {path: $.to, type: datetime, format: iso, zone: UTC}
"""


def advice(patch: str) -> list[str]:
    inspection = inspect(source_of(merged(BASE, parse_yaml(patch, "patch").data), "pack.yaml"))
    assert inspection.document is not None, inspection.findings
    return list(advice_on(inspection.document))


def test_a_pack_without_a_version_is_told_what_counts_then() -> None:
    (told,) = advice(WINDOW)
    assert told.startswith("order: no version says which of two messages is newer, so what comes last counts")
    assert advice("inbound: {version: $.v}\n" + WINDOW) == []


XML = """
inbound: {version: $.Job.v, format: xml, job: $.Job.no}
fields:
  site: {path: $.Site}
  from: {path: $.Job.from, type: datetime, format: iso, zone: UTC}
  to: {path: $.Job.to, type: datetime, format: iso, zone: UTC}
"""


def test_a_place_of_xml_that_is_not_below_the_root_of_the_job_is_told() -> None:
    told = "nowhere: nothing stands at $.Site (site): messages begin with Job, as the path of the job does"
    assert [one for one in advice(XML) if "site" in one] == [f"{told}; perhaps $.Job.Site"]
    assert not [one for one in advice(XML.replace("$.Site", "$.Job.Site")) if "site" in one]


EMPTIED = """
inbound: {version: $.v, deltas: true}
fields:
  site: {path: $.site, required: true, nulls: absent}
  from: {path: $.from, type: datetime, format: iso, zone: UTC}
  to: {path: $.to, type: datetime, format: iso, zone: UTC}
"""


def test_a_required_field_that_a_delta_can_empty_is_told() -> None:
    assert advice(EMPTIED) == [
        "emptied: a delta that empties site is parked, as it is required; take nulls: absent out, or required"
    ]
    assert advice(EMPTIED.replace(", nulls: absent", "")) == []


def test_the_delta_that_empties_it_is_told_to_say_so() -> None:
    pack = pack_with(EMPTIED)
    reading = read(pack, {"job": "J", "v": 1, "site": None})
    assert isinstance(reading, Reading)
    result = pack.translate(reading, known_job(site="A"))
    assert isinstance(result, Unmapped)
    assert result.reason == "field site ($.site): a value is required; the message says that there is none"
