"""What is hidden of messages goes by their pack, also where that pack does not run here any more."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from bridge.console.access import USER
from bridge.console.masking import HIDDEN
from bridge.console.masks import mask_of, mask_of_all, plain_mask
from tests.unit.console.conftest import ADA, BOB

SERVICES: Any = SimpleNamespace(
    packs={
        "birch": SimpleNamespace(
            data={"fields": {"crew": {"path": "$.crewId"}}, "appointment": {"note": {"value": "crew"}}}
        ),
        "cedar": SimpleNamespace(
            data={"fields": {"flat": {"path": "$.flat"}}, "work_order": {"note": {"value": "flat"}}}
        ),
    }
)
BODY = b'{"crewId": "C-7", "flat": "4b", "state": "done"}'


def of(user: Any) -> Any:
    request = make_mocked_request("GET", "/")
    request[USER] = user
    return request


def test_a_viewer_does_not_see_what_the_pack_calls_private() -> None:
    assert mask_of(SERVICES, of(BOB), "birch").body(BODY) == f'{{"crewId": "{HIDDEN}", "flat": "4b", "state": "done"}}'
    assert plain_mask(of(BOB)).body(BODY) == BODY.decode()


@pytest.mark.parametrize("mask", [mask_of(SERVICES, of(BOB), "gone"), mask_of_all(SERVICES, of(BOB))])
def test_of_a_pack_that_does_not_run_here_all_is_hidden_that_any_other_hides(mask: Any) -> None:
    assert mask.body(BODY) == f'{{"crewId": "{HIDDEN}", "flat": "{HIDDEN}", "state": "done"}}'


def test_an_operator_sees_all() -> None:
    assert mask_of(SERVICES, of(ADA), "gone").body(BODY) == BODY.decode()
