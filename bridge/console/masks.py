"""What is hidden from who asks: by what he may do, and by the pack that wrote what is shown."""

from aiohttp import web

from bridge.console.access import USER
from bridge.console.masking import Mask, Plain, private_names
from bridge.console.services import Services


def plain_mask(request: web.Request) -> Mask:
    """Say what is hidden of what no pack has fields of."""
    return _mask(request, frozenset())


def mask_of(services: Services, request: web.Request, pack: str) -> Mask:
    """Say what is hidden of what a pack has written; of one that does not run here, what any other hides."""
    found = services.packs.get(pack)
    return mask_of_all(services, request) if found is None else _mask(request, private_names(found.data))


def mask_of_all(services: Services, request: web.Request) -> Mask:
    """Say what is hidden of what any pack may have written."""
    return _mask(request, frozenset[str]().union(*(private_names(pack.data) for pack in services.packs.values())))


def _mask(request: web.Request, private: frozenset[str]) -> Mask:
    return Plain() if request[USER].may_act else Mask(private)
