"""Refused requests are gathered and kept later; a flood of them fills neither memory nor database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from bridge.domain.model import BuyerId
from bridge.errors import StoreUnavailable
from bridge.flows.ports.refused_request import RefusedRequest
from bridge.flows.refused_requests import MOST, MOST_EACH, RefusedRequests

ONE = RefusedRequest(
    at=datetime(2026, 3, 5, 12, tzinfo=UTC),
    requester="acme",
    buyer=BuyerId("acme-buyer"),
    operation="POST /appointment",
    status=422,
    reason="no",
    work_order=None,
    appointment=None,
    correlation_id="corr-1",
)


class Store:
    def __init__(self) -> None:
        self.kept: list[RefusedRequest] = []
        self.is_away = False

    async def add(self, requests: Sequence[RefusedRequest]) -> None:
        if self.is_away:
            raise StoreUnavailable("away")
        self.kept += requests


async def test_a_flood_of_one_is_cut_and_the_next_round_has_room_again() -> None:
    store = Store()
    refused = RefusedRequests(store)
    for _ in range(MOST_EACH + 5):
        refused.note(ONE)
    refused.note(replace(ONE, requester="other"))
    with capture_logs() as logs:
        await refused.write()
        await refused.write()
    assert len(store.kept) == MOST_EACH + 1
    assert [(line["event"], line["count"]) for line in logs] == [("requests.refused_left_out", 5)]
    refused.note(ONE)
    await refused.write()
    assert len(store.kept) == MOST_EACH + 2


async def test_while_the_database_is_away_no_more_than_so_many_are_held() -> None:
    store = Store()
    store.is_away = True
    refused = RefusedRequests(store)
    for number in range(MOST + 10):
        refused.note(replace(ONE, requester=str(number)))
    with pytest.raises(StoreUnavailable):
        await refused.write()
    store.is_away = False
    await refused.write()
    assert [each.requester for each in store.kept] == [str(number) for number in range(MOST)]
