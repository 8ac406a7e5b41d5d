"""R64: pages of a list, and how one that was cut is recognised."""

from typing import Final

from bridge.conformance import expect
from bridge.conformance.check import Check
from bridge.conformance.checks.lists import get_list
from bridge.conformance.exchange import Exchange
from bridge.conformance.scene import Scene
from bridge.mef.enums import Api


async def _appointments(scene: Scene) -> None:
    await scene.booking()
    await scene.booking()
    await _pages(scene, Api.APPOINTMENT)


async def _work_orders(scene: Scene) -> None:
    await scene.new_work()
    await scene.new_work()
    await _pages(scene, Api.WORK_ORDER)


async def _pages(scene: Scene, api: Api) -> None:
    first = expect.status(await get_list(scene, api, limit="1", offset="0"), 200)
    second = expect.status(await get_list(scene, api, limit="1", offset="1"), 200)
    for answer in (first, second):
        expect.that(len(answer.items) == 1, "limit=1 must give one item", answer)
    expect.that(first.items[0].get("id") != second.items[0].get("id"), "offset=1 gives the first item", first, second)
    expect.that(_says_cut(first), "nothing says that there is more: X-Total-Count or X-Pagination-Throttled", first)
    count = first.headers.get("x-result-count")
    expect.that(count in (None, "1"), "X-Result-Count must be the number of items", first)


def _says_cut(answer: Exchange) -> bool:
    total = answer.headers.get("x-total-count", "")
    return (total.isdecimal() and int(total) > 1) or answer.headers.get("x-pagination-throttled") == "true"


CHECKS: Final = (
    Check("R64", "a cut page of Appointments says so", _appointments),
    Check("R64", "a cut page of WorkOrders says so", _work_orders),
)
