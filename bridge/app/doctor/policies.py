"""RabbitMQ's policies: AMQP does not tell of them, so its management plugin is asked, where there is one."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from aiohttp import ClientError, ClientSession, ClientTimeout, encode_basic_auth
from yarl import URL

from bridge.app.doctor.diagnosis import Unseen
from bridge.errors import PermanentError

_PATIENCE: Final = ClientTimeout(total=3)
_PORTS: Final = {"amqp": 15672, "amqps": 15671}
LOSING: Final = ("message-ttl", "expires", "max-length", "max-length-bytes")
"""What lets a queue lose messages, or itself: whatever was sent while the bridge was away would be gone."""


async def policies(broker: URL, queues: Sequence[str], management: str | None) -> str:
    """See that no policy lets our queues lose messages. `management` is the plugin's URL; else it is guessed.

    Raises `Unseen` where the plugin does not answer us.
    """
    scheme = "https" if broker.scheme == "amqps" else "http"
    base = URL(management or f"{scheme}://{broker.host}:{_PORTS[broker.scheme]}")
    vhost = broker.path[1:] or "/"
    looked = 0
    credentials = {"Authorization": encode_basic_auth(broker.user or "guest", broker.password or "", encoding="utf-8")}
    async with ClientSession(timeout=_PATIENCE, headers=credentials) as http:
        for queue in queues:
            found = await _ask(http, base, vhost, queue)
            if found is not None:
                looked += 1
                _judge(queue, found)
    return f"no policy lets our queues lose messages ({looked} looked at)"


async def _ask(http: ClientSession, base: URL, vhost: str, queue: str) -> Mapping[str, Any] | None:
    """Give what RabbitMQ says of a queue; None where it is not there."""
    url = URL(f"{str(base).rstrip('/')}/api/queues/{quote(vhost, safe='')}/{quote(queue, safe='')}", encoded=True)
    by_hand = f"see for yourself: rabbitmqctl list_policies --vhost {vhost}"
    try:
        async with http.get(url, allow_redirects=False) as answer:
            if answer.status == 404:
                return None
            if answer.status != 200:
                raise Unseen(f"the management plugin at {base} answers {answer.status} to this user; {by_hand}")
            told: Mapping[str, Any] = await answer.json()
    except (ClientError, OSError, TimeoutError, ValueError):
        raise Unseen(f"no management plugin answers at {base} (--management names another place); {by_hand}") from None
    return told


def _judge(queue: str, told: Mapping[str, Any]) -> None:
    definition = {**(told.get("operator_policy_definition") or {}), **(told.get("effective_policy_definition") or {})}
    losing = [name for name in LOSING if name in definition]
    if losing:
        policy = told.get("policy") or told.get("operator_policy")
        raise PermanentError(
            f"the policy {policy!r} gives the queue {queue!r} {', '.join(losing)}, so that RabbitMQ drops what the WFM "
            "said while the bridge is away: let its pattern leave out ^mef-bridge\\."
        )
