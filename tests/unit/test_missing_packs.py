"""A pack that was removed or renamed is named at the start: nobody would speak to its WFM any more."""

from types import SimpleNamespace
from typing import Any

import structlog

from bridge.app.wfm_side import warn_of_missing_packs

ACME: Any = {"acme-wfm": None}


class JobsOf:
    """What is stored of jobs of these packs."""

    def __init__(self, *packs: str) -> None:
        self._packs = frozenset(packs)

    async def packs_in_use(self) -> frozenset[str]:
        """Name them."""
        return self._packs


async def warnings(*packs: str) -> list[list[str]]:
    """What is warned of at a start with ACME's pack alone."""
    store: Any = SimpleNamespace(reads=JobsOf(*packs))
    with structlog.testing.capture_logs() as logs:
        await warn_of_missing_packs(store, ACME)
    return [entry["packs"] for entry in logs if entry["log_level"] == "warning"]


async def test_packs_that_have_jobs_and_are_not_loaded_are_named_at_the_start() -> None:
    assert await warnings("acme-wfm", "gone", "old-name") == [["gone", "old-name"]]


async def test_nothing_is_said_when_all_are_loaded() -> None:
    assert await warnings("acme-wfm") == []
