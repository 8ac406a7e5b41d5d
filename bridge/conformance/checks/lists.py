"""What the checks of both lists have in common: reading every page, and filters in either spelling."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from bridge.conformance import expect
from bridge.conformance.exchange import Exchange
from bridge.conformance.findings import Failed, NotExercised
from bridge.conformance.scene import UNKNOWN_ID, Json, Scene
from bridge.mef.enums import Api

PAGE: Final = 500
MOST_PAGES: Final = 40
SITE: Final = ("geographicSiteId", "geographicalSiteId")
ADDRESS: Final = ("geographicAddressId", "geographicalAddressId")
_REFERENCES: Final = {"GeographicSiteRef": SITE, "GeographicAddressRef": ADDRESS}


@dataclass(slots=True)
class Pages:
    """All items of a list, and the exchanges that brought them."""

    items: list[Json] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def ids(self) -> set[Any]:
        """The ids of the items."""
        return {item.get("id") for item in self.items}


async def get_list(scene: Scene, api: Api, **parameters: str) -> Exchange:
    """One page of a list."""
    if api is Api.APPOINTMENT:
        return await scene.appointments("GET", "/appointment", parameters=parameters)
    return await scene.work_orders(parameters=parameters)


async def every_page(scene: Scene, api: Api, **filters: str) -> Pages:
    """Read a list to its end. A server that ignores `offset` does not keep us here for ever."""
    pages = Pages()
    for _ in range(MOST_PAGES):
        parameters = {**filters, "limit": str(PAGE), "offset": str(len(pages.items))}
        answer = expect.status(await get_list(scene, api, **parameters), 200)
        fresh = [item for item in answer.items if item.get("id") not in pages.ids]
        pages.items += fresh
        pages.exchanges = [*pages.exchanges, answer][:1]
        if not fresh or str(len(pages.items)) == answer.headers.get("x-total-count"):
            break
    return pages


async def only_ours(scene: Scene, api: Api, spellings: Iterable[str], value: str, ours: set[str]) -> None:
    """A filter, in at least one of its spellings, finds exactly our own."""
    failures: list[Failed] = []
    for name in spellings:
        try:
            pages = await every_page(scene, api, **{name: value})
            expect.that(pages.ids == ours, f"{name}={value} must find {sorted(ours)} only", *pages.exchanges)
        except Failed as failed:
            failures.append(failed)
        else:
            return
    raise failures[0]


async def by_place(scene: Scene, api: Api, identifier: str, place: Json) -> None:
    """The place's own filter finds our resource, and nothing at other places."""
    spellings = _REFERENCES.get(str(place.get("@type")))
    if spellings is None:
        raise NotExercised(f"needs a job at a GeographicSiteRef or GeographicAddressRef, not {place.get('@type')}")
    failures: list[Failed] = []
    for name in spellings:
        try:
            pages = await every_page(scene, api, **{name: place["id"]})
            expect.that(identifier in pages.ids, f"{name}={place['id']} does not find {identifier}", *pages.exchanges)
            strange = [item["id"] for item in pages.items if place["id"] not in _place_ids(item)]
            expect.that(not strange, f"{name}={place['id']} finds others: {strange[:3]}", *pages.exchanges)
        except Failed as failed:
            failures.append(failed)
        else:
            return
    raise failures[0]


async def unknown_place(scene: Scene, api: Api) -> None:
    """A place that does not exist finds nothing."""
    for spellings in (SITE, ADDRESS):
        await only_ours(scene, api, spellings, UNKNOWN_ID, set())


def _place_ids(item: Json) -> list[object]:
    places = item.get("place", [item.get("relatedPlace")])
    return [place.get("id") for place in places if isinstance(place, dict)]
