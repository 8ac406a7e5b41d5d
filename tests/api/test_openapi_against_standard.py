"""Our documents are the standard's files, but for the differences that `differences.py` lists with their reasons."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bridge.api import app
from bridge.api.documents import documents
from tests.api import standard
from tests.api.differences import ALLOWED, EVERYWHERE
from tests.api.facts import Facts, differences, facts_of
from tests.api.fakes import FakeBridge
from tests.api.usual import usual_config

needs_files = pytest.mark.skipif(
    not standard.available(), reason=f"the standard's OpenAPI files are not at {standard.DIRECTORY}"
)
API_PAGE = Path(__file__).parents[2] / "docs" / "api.md"


def our_facts(base: str) -> Facts:
    config = usual_config()
    made = documents(app.operations(FakeBridge().services(), config), config)
    (document,) = (each for each in made if each.path == f"/mefApi/sonata/{base}")
    return facts_of(document.make())


def their_facts(base: str) -> Facts:
    return facts_of(YAML(typ="safe").load(standard.DIRECTORY / standard.FILES[base]))


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, str], tuple[Any, Any]]:
    """Every difference, by document and location."""
    return {
        (base, where): pair
        for base in EVERYWHERE
        for where, pair in differences(their_facts(base), our_facts(base)).items()
    }


@needs_files
def test_there_is_no_difference_that_has_no_reason(found: dict[tuple[str, str], tuple[Any, Any]]) -> None:
    unexplained = {
        key: pair for key, pair in found.items() if not any(each.covers(*key, pair) for each in ALLOWED)
    }  # fmt: skip
    assert unexplained == {}


@needs_files
@pytest.mark.parametrize("allowed", ALLOWED, ids=lambda allowed: allowed.where)
def test_every_reason_still_explains_a_difference(allowed: Any, found: dict[tuple[str, str], tuple[Any, Any]]) -> None:
    assert any(allowed.covers(*key, pair) for key, pair in found.items())


@needs_files
@pytest.mark.parametrize("base", EVERYWHERE)
def test_the_comparison_looks_at_more_than_nothing(base: str) -> None:
    assert len(their_facts(base)) > 100


def test_both_spellings_of_a_path_are_the_same_operation() -> None:
    facts = our_facts("workOrderManagement/v2")
    guide = {where.replace("/workOrder", "/workorder") for where in facts if "/workOrder" in where}
    assert guide == {where for where in facts if "/workorder" in where}


def test_sonata_and_cantata_differ_in_their_base_only() -> None:
    config = usual_config()
    made = {each.path: each for each in documents(app.operations(FakeBridge().services(), config), config)}
    for base in EVERYWHERE:
        one, other = (facts_of(made[f"/mefApi/{irp}/{base}"].make()) for irp in ("sonata", "cantata"))
        assert differences(one, other) == {"base": (f"/mefApi/sonata/{base}", f"/mefApi/cantata/{base}")}


def test_the_page_for_buyers_has_every_reason() -> None:
    page = API_PAGE.read_text()
    assert [each.why for each in ALLOWED if each.why not in page] == []


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda d: d["paths"].pop("/hub/{id}"), "GET /hub/{id}"),
        (lambda d: d["paths"]["/appointment"]["get"]["parameters"].pop(0), "GET /appointment ?geographicAddressId"),
        (lambda d: d["components"]["schemas"]["TimePeriod"]["required"].pop(), "TimePeriod.endDateTime required"),
        (
            lambda d: d["components"]["schemas"]["AppointmentStatusType"]["enum"].append("done"),
            "AppointmentStatusType value done",
        ),
        (
            lambda d: d["components"]["schemas"]["Note"]["properties"]["date"].pop("format"),
            "Note.date format",
        ),
        (
            lambda d: d["components"]["schemas"]["WorkOrderRef"]["properties"]["id"].update(type="integer"),
            "WorkOrderRef.id type",
        ),
        (
            lambda d: d["components"]["schemas"]["RelatedPlaceRefOrValue"]["discriminator"]["mapping"].pop(
                "GeographicSiteRef"
            ),
            "RelatedPlaceRefOrValue by GeographicSiteRef",
        ),
        (lambda d: d["paths"]["/appointment"]["post"]["responses"].pop("422"), "POST /appointment 422"),
        (lambda d: d["paths"]["/hub"]["post"]["requestBody"].pop("required"), "POST /hub body"),
    ],
)
def test_the_comparison_sees_a_change(change: Any, where: str) -> None:
    config = usual_config()
    made = documents(app.operations(FakeBridge().services(), config), config)
    (document,) = (each.make() for each in made if each.path == "/mefApi/sonata/appointment/v2")
    before = facts_of(document)
    change(document)
    assert where in differences(before, facts_of(document))
