"""The cases of the packs in the box: all of them come out, and together they reach every rule, code and row."""

from pathlib import Path
from typing import get_args

import pytest

from bridge.mapping.loader import load_document, load_pack
from bridge.packtools.case_files import load_cases
from bridge.packtools.case_report import differences
from bridge.packtools.cases_run import run_case
from bridge.packtools.coverage import Coverage, Kind

PACKS = sorted(path.parent for path in (Path(__file__).parents[3] / "mappings").glob("*/pack.yaml"))


def test_there_are_packs() -> None:
    assert PACKS


@pytest.mark.parametrize("directory", PACKS, ids=lambda path: str(path.name))
def test_every_case_comes_out_and_every_rule_code_and_row_has_one(directory: Path) -> None:
    pack, coverage = load_pack(directory), Coverage(load_document(directory))
    results = [run_case(case, pack, coverage) for _, case in load_cases(directory)]
    assert {result.case: found for result in results if (found := differences(result))} == {}
    assert {kind: coverage.of(kind).percent for kind in get_args(Kind)} == {"rules": 100, "rows": 100, "codes": 100}
