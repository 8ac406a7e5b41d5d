"""Where the bridge listens: the port is free, or a bridge has it already."""

import errno
import socket
from typing import Final

from aiohttp import ClientError, ClientSession, ClientTimeout

from bridge.errors import PermanentError

_PATIENCE: Final = ClientTimeout(total=3)


async def port(host: str, number: int, section: str, probe: str) -> str:
    """See whether `serve` could listen there; what listens there already is asked whether it is a bridge."""
    where = f"{host}:{number} ({section}.host, {section}.port)"
    try:
        host.encode("idna")  # as `serve` does
        socket.create_server((host, number), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except UnicodeError as failure:
        raise PermanentError(f"can't listen on {where}: {failure}") from None
    except OSError as failure:
        if failure.errno != errno.EADDRINUSE:
            raise PermanentError(f"can't listen on {where}: {failure.strerror or failure}") from None
        return await _who(where, f"http://{_reached(host)}:{number}{probe}")
    return f"{where} is free"


async def _who(where: str, url: str) -> str:
    try:
        async with ClientSession(timeout=_PATIENCE) as session, session.get(url) as answer:
            status, said = answer.status, await answer.text()
    except (ClientError, OSError, TimeoutError):
        status, said = 0, ""
    if status not in (200, 503):
        raise PermanentError(f"another program listens on {where}: end that, or choose another port")
    if status != 200:
        raise PermanentError(f"the bridge that listens on {where} is not ready: {said}")
    return f"a bridge listens on {where}, and is ready"


def _reached(host: str) -> str:
    """Give the address at which something that listens there is reached from here."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
