"""A broken server: a proxy in front of the real bridge that does one thing wrong, in answers or in notifications.

It stands in both directions. A callback that is registered through it is replaced by its own, so that notifications
pass through it as well.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Self

import orjson
from aiohttp import ClientSession, DummyCookieJar, web

Json = Any
DROPPED = ("Content-Length", "Transfer-Encoding", "Date", "Server", "Host", "Connection", "Content-Encoding")


@dataclass
class Ask:
    """A request of the Buyer. `path` is below `/mefApi/<irp>`."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        return orjson.loads(self.body)

    def is_(self, method: str, api: str, tail: str = "") -> bool:
        """`tail` is the rest of the path after the API's base; a `*` in it stands for an id."""
        base, _, rest = self.path.partition("/v2")
        parts, wanted = rest.strip("/").split("/"), tail.strip("/").split("/")
        same = len(parts) == len(wanted) and all(w in ("*", p) for p, w in zip(parts, wanted, strict=True))
        return self.method == method and base == f"/{api}" and same


@dataclass
class Answer:
    """An answer of the bridge."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        return orjson.loads(self.body)

    def with_json(self, value: Json, status: int | None = None) -> "Answer":
        headers = {**self.headers, "Content-Type": "application/json;charset=utf-8"}
        return Answer(self.status if status is None else status, headers, orjson.dumps(value))


@dataclass(frozen=True)
class Note:
    """A notification. `callback` is the Buyer's own, `path` what follows it."""

    callback: str
    path: str
    body: Json


class BrokenServer:
    """The proxy. `faulty` says what goes wrong; `memory` is the fault's own."""

    def __init__(self, upstream: str, fault: "Fault") -> None:
        self.upstream = upstream
        self.fault = fault
        self.memory: dict[str, Any] = {}
        self.callbacks: dict[str, str] = {}
        app = web.Application(client_max_size=2**22)
        app.router.add_post("/callbacks/{number}/{rest:.*}", self._notice)
        app.router.add_route("*", "/mefApi/{irp}/{rest:.*}", self._request)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        self._session: ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = ClientSession(cookie_jar=DummyCookieJar())
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        await self.session.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    @property
    def session(self) -> ClientSession:
        assert self._session is not None
        return self._session

    async def forward(self, ask: Ask) -> Answer:
        """Ask the real bridge."""
        url = f"{self.upstream}/mefApi/sonata{ask.path}"
        async with self.session.request(
            ask.method, url, params=ask.query, headers=ask.headers, data=ask.body or None
        ) as answer:
            headers = {name: value for name, value in answer.headers.items() if name not in DROPPED}
            return Answer(answer.status, headers, await answer.read())

    async def _request(self, request: web.Request) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name not in DROPPED}
        rest = f"/{request.match_info['rest']}"
        ask = Ask(request.method, rest, dict(request.query), headers, await request.read())
        callback = self._replace_callback(ask)
        answer = await self.fault.ask(self, ask) or await self.forward(ask)
        if callback and answer.status == 201:
            answer = answer.with_json({**answer.json, "callback": callback})
        elif ask.is_("GET", ask.path.split("/")[1], "hub/*") and answer.status == 200:
            number = answer.json["callback"].rsplit("/", 1)[-1]
            answer = answer.with_json({**answer.json, "callback": self.callbacks[number]})
        answer = await self.fault.answer(self, ask, answer)
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    def _replace_callback(self, ask: Ask) -> str | None:
        """Put our own callback into a registration and return the Buyer's."""
        if not (ask.method == "POST" and ask.path.endswith("/hub")):
            return None
        body = ask.json
        number = str(len(self.callbacks))
        self.callbacks[number] = body["callback"]
        ask.body = orjson.dumps({**body, "callback": f"{self.url}/callbacks/{number}"})
        return str(body["callback"])

    async def _notice(self, request: web.Request) -> web.Response:
        callback = self.callbacks[request.match_info["number"]]
        note = Note(callback, f"/{request.match_info['rest']}", orjson.loads(await request.read()))
        status = 204
        for each in self.fault.notify(self, note):
            headers = {"Content-Type": "application/json;charset=utf-8"}
            data = orjson.dumps(each.body)
            async with self.session.post(each.callback + each.path, data=data, headers=headers) as answer:
                status = answer.status if each.callback == callback else status
        return web.Response(status=status)


async def _ask_nothing(_server: BrokenServer, _ask: Ask) -> Answer | None:
    return None


async def _answer_truly(_server: BrokenServer, _ask: Ask, answer: Answer) -> Answer:
    return answer


def _notify_truly(_server: BrokenServer, note: Note) -> list[Note]:
    return [note]


@dataclass(frozen=True)
class Fault:
    """One thing that a server does wrong: what it `breaks`, and what it must not be blamed for (`spares`).

    `ask` may change a request or answer it itself; `answer` may change an answer; `notify` a notification.
    """

    name: str
    breaks: tuple[str, ...]
    spares: tuple[str, ...]
    ask: Callable[[BrokenServer, Ask], Awaitable[Answer | None]] = field(default=_ask_nothing)
    answer: Callable[[BrokenServer, Ask, Answer], Awaitable[Answer]] = field(default=_answer_truly)
    notify: Callable[[BrokenServer, Note], list[Note]] = field(default=_notify_truly)


def changed(note: Note, **body: Any) -> Note:
    """A notification with other attributes in its body."""
    return replace(note, body={**note.body, **body})
