"""The packs in the box keep what they promise; test_cases.py runs their cases."""

from pathlib import Path

import pytest

from bridge.mapping.loader import inspect_pack

MAPPINGS = Path(__file__).parents[3] / "mappings"
PACKS = sorted(path.parent for path in MAPPINGS.glob("*/pack.yaml"))


def test_every_product_that_we_promise_has_its_pack() -> None:
    assert {"acme-wfm", "oracle-field-service", "salesforce-field-service", "servicenow-fsm"} <= {
        pack.name for pack in PACKS
    }


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: str(pack.name))
class TestBoxedPack:
    """Each of them."""

    def test_check_finds_no_problem(self, pack: Path) -> None:
        assert [str(finding) for finding in inspect_pack(pack).findings] == []

    def test_the_directory_says_what_it_is(self, pack: Path) -> None:
        """The pack is named as its directory, and a README says what an operator edits."""
        document = inspect_pack(pack).document
        assert document is not None
        assert document.pack == pack.name
        assert (pack / "README.md").is_file()
