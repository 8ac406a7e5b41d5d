"""The tested system as a Buyer reaches it: its address, who may call it, and raw HTTP. Nothing is validated here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Final, Self
from urllib.parse import quote, urlencode

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar

from bridge.conformance.exchange import Exchange
from bridge.conformance.findings import Failed
from bridge.conformance.hooks import Hooks
from bridge.conformance.listener import Listener
from bridge.mef.enums import Api, Irp

CONTENT_TYPE: Final = "application/json;charset=utf-8"
REQUEST_TIMEOUT_S: Final = 60.0
BASES: Final = {Api.APPOINTMENT: "appointment/v2", Api.WORK_ORDER: "workOrderManagement/v2"}
NO_PARAMETERS: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Credentials of one requesting entity; `buyer_id` and `seller_id` only where the standard wants them (R5, R7)."""

    token: str = field(repr=False)
    url: str | None = None
    buyer_id: str | None = None
    seller_id: str | None = None

    @property
    def parameters(self) -> dict[str, str]:
        """What each of its requests must carry in the query."""
        named = {"buyerId": self.buyer_id, "sellerId": self.seller_id}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Who calls: the Buyer under test, another Buyer, an entity for several Buyers, and a door to several Sellers.

    `several_buyers` must name the Buyer under test.
    """

    buyer: Account
    other: Account | None = None
    several_buyers: Account | None = None
    several_sellers: Account | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    """How patient the suite is, in seconds, and what it cannot find out by itself.

    `patience` is how long something may take to be seen, `quiet` how long is listened for what must not come, and
    `retry` how long a refused notification may take to come again. `job_note` is a note that `create-job` puts on its
    jobs. Time slots are searched for up to `search_days` ahead.
    """

    patience: float = 15.0
    quiet: float = 1.0
    retry: float = 30.0
    poll: float = 0.05
    search_days: int = 30
    job_note: str | None = None


class Target:
    """Use it as a context manager. All checks share it; what a check itself sees is in its `Scene`."""

    def __init__(
        self, url: str, accounts: Accounts, hooks: Hooks, listener: Listener, irp: Irp, knobs: Knobs | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self.accounts = accounts
        self.hooks = hooks
        self.listener = listener
        self.irp = irp
        self.knobs = knobs or Knobs()
        self.work_orders = "/workOrder"
        self.log: list[Exchange] = []
        self._numbers = count(1)
        self._session: ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeout = ClientTimeout(total=REQUEST_TIMEOUT_S)
        self._session = ClientSession(timeout=timeout, cookie_jar=DummyCookieJar(), trust_env=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def find_spelling(self) -> None:
        """Take the guide's /workOrder, or the OpenAPI file's /workorder where only that is served."""
        answer = await self.send("GET", Api.WORK_ORDER, "/workOrder", parameters={"limit": "1"})
        if answer.status in (404, 405, 501):
            self.work_orders = "/workorder"

    async def send(
        self,
        method: str,
        api: Api,
        path: str,
        *,
        body: object = None,
        raw: bytes | None = None,
        parameters: Mapping[str, str] = NO_PARAMETERS,
        account: Account | None = None,
        headers: Mapping[str, str] = NO_PARAMETERS,
        authorized: bool = True,
    ) -> Exchange:
        """Send one request and return what came; raises `Failed` only where nothing came."""
        account = account or self.accounts.buyer
        sent = raw if raw is not None else None if body is None else orjson.dumps(body)
        url = self._url(account, api, path, {**account.parameters, **parameters})
        send_headers = {"Accept": "application/json"}
        if authorized:
            send_headers["Authorization"] = f"Bearer {account.token}"
        if sent is not None:
            send_headers["Content-Type"] = CONTENT_TYPE
        return await self._exchange(method, url, sent, {**send_headers, **headers})

    def _url(self, account: Account, api: Api, path: str, parameters: Mapping[str, str]) -> str:
        query = f"?{urlencode(parameters, quote_via=quote)}" if parameters else ""
        return f"{(account.url or self.url).rstrip('/')}/mefApi/{self.irp}/{BASES[api]}{path}{query}"

    async def _exchange(self, method: str, url: str, sent: bytes | None, headers: Mapping[str, str]) -> Exchange:
        if self._session is None:
            raise RuntimeError("the target is not open")
        try:
            async with self._session.request(
                method, url, data=sent, headers=headers, allow_redirects=False
            ) as response:
                received = await response.read()
        except (ClientError, TimeoutError) as error:
            raise Failed(f"{method} {url}: no answer ({error or type(error).__name__})") from error
        exchange = Exchange(
            number=next(self._numbers),
            method=method,
            url=url,
            sent=sent,
            status=response.status,
            headers={name.lower(): value for name, value in response.headers.items()},
            received=received,
        )
        self.log.append(exchange)
        return exchange
