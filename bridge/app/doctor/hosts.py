"""Buyers' listeners: whether the TLS of each host can be made, with the certificates that the settings give.

Nothing is sent: the connection is closed as soon as it is there.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

from yarl import URL

from bridge.app.doctor.diagnosis import Diagnosis, Unseen, look
from bridge.app.listener_access import load_access
from bridge.delivery.access import Access, TlsFiles
from bridge.delivery.guard import CallbackRefused, check_callback
from bridge.domain.model import BuyerId
from bridge.errors import BridgeError, PermanentError
from bridge.settings import Settings

PATIENCE_S: Final = 5.0


async def examine_hosts(settings: Settings, callbacks: Sequence[tuple[BuyerId, str]]) -> AsyncIterator[Diagnosis]:
    """Look at each host once for each Buyer who has listeners there."""
    places = dict.fromkeys((buyer, URL(callback).origin()) for buyer, callback in callbacks)
    if not places:
        return
    try:
        access: Mapping[BuyerId, Access] = await asyncio.to_thread(load_access, settings)
    except BridgeError:
        return  # said at listeners.files
    looks = (look(f"listeners.{buyer}", _reach(settings, access.get(buyer), place)) for buyer, place in places)
    for diagnosis in await asyncio.gather(*looks):
        yield diagnosis


async def _reach(settings: Settings, access: Access | None, place: URL) -> str:
    if place.scheme != "https":
        if not settings.delivery.allow_private_callbacks:
            raise PermanentError(f"{place}: is not https, and delivery.allow_private_callbacks is not set")
        raise Unseen(f"{place}: is not https")
    if settings.delivery.proxy_url is not None:
        raise Unseen(f"{place}: is reached through delivery.proxy_url")
    _allow(settings, place)
    own = access.tls if access is not None else None
    authorities = [settings.delivery.ca_file] if settings.delivery.ca_file is not None else []
    context = own.context if own is not None else TlsFiles(authorities).context
    try:
        async with asyncio.timeout(PATIENCE_S):
            _, writer = await asyncio.open_connection(place.host, place.port, ssl=context)
    except (OSError, TimeoutError) as failure:
        raise PermanentError(f"{place}: {_why(failure)}") from None
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return f"{place}: TLS is made"


def _allow(settings: Settings, place: URL) -> None:
    if settings.delivery.allow_private_callbacks:
        return
    try:
        check_callback(str(place))
    except CallbackRefused as refused:
        raise PermanentError(f"{place}: {refused}") from None


def _why(failure: Exception) -> str:
    if isinstance(failure, ssl.SSLCertVerificationError):
        ours = "; an authority of its own is named as delivery.ca_file, or as ca of the Buyer's listeners"
        return f"its certificate is not accepted: {failure.verify_message}{ours}"
    if isinstance(failure, ssl.SSLError):
        return f"TLS failed: {failure.reason or failure}"
    if isinstance(failure, socket.gaierror):
        return "the host is not known"
    if isinstance(failure, TimeoutError):
        return f"does not answer in {PATIENCE_S:.0f} s"
    return f"cannot be reached: {getattr(failure, 'strerror', None) or failure}"
