"""docs/pack-tools.md is kept true: every verb, every key of a case and every kind of proof is in it."""

from pathlib import Path

import pytest

from bridge.cli.commands import COMMANDS
from bridge.cli.verb import Verbs
from bridge.packtools.cases import Buyer, Case, Expect, Given, Step

DOCS = (Path(__file__).parents[3] / "docs" / "pack-tools.md").read_text()
VERBS = [verb for noun in COMMANDS if isinstance(noun, Verbs) and noun.name == "mapping" for verb in noun.commands]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_told_of(verb: str) -> None:
    assert f"mapping {verb}" in DOCS


@pytest.mark.parametrize("model", [Case, Step, Given, Buyer, Expect], ids=lambda model: str(model.__name__))
def test_every_key_of_a_case_is_told_of(model: type[Case]) -> None:
    missing = [name for name in model.model_fields if name not in DOCS]
    assert missing == []


@pytest.mark.parametrize("kind", ["gap", "unreachable", "impossible-outcome", "too-large"])
def test_every_kind_of_proof_is_told_of(kind: str) -> None:
    assert f"`{kind}`" in DOCS
