"""One id for everything that follows from a request, in its answer, in the log and on the bus."""

import random
import re
from typing import Final

from aiohttp import web

HEADER: Final = "X-Correlation-ID"
_GOOD: Final = re.compile(r"[!-~]([ -~]{0,126}[!-~])?")  # 1 to 128 printable ASCII characters, no space at the ends

_IDS: Final = random.Random()  # noqa: S311 - seeded by the system; an id is no secret, only unlike all others
_KEY: Final = web.RequestKey("correlation_id", str)


def new_or_given(request: web.Request) -> str:
    """Take the caller's id if it is a sane one, else make one; remember it with the request."""
    given = request.headers.get(HEADER, "")
    chosen = given if _GOOD.fullmatch(given) else f"{_IDS.getrandbits(128):032x}"
    request[_KEY] = chosen
    return chosen


def correlation_id_of(request: web.Request) -> str:
    """Give the id of a request that `new_or_given` has seen."""
    return request[_KEY]
