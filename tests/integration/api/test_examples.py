"""What a Buyer's developer can copy works: every example of our documents, and the journey, against a running bridge.

The bridge is the demo's: RabbitMQ is played in memory, WFM, bridge and Buyer are real. Only ids, and the windows that
the WFM offers, are put in, as whoever copies an example does.
"""

import io
import re
import shlex
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession
from rich.console import Console

from bridge.demo.stage import API_KEY, Ports, Stage, set_up
from bridge.mef.openapi.journey import STEPS
from tests.support import eventually

JSON = "application/json;charset=utf-8"
JOBS = 3


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with set_up(Console(file=io.StringIO()), None, Ports()) as stage:
        for _ in range(JOBS):
            await stage.wfm.create_job()
        await eventually(lambda: all_known(stage))
        yield stage


async def all_known(stage: Stage) -> bool:
    return len(await stage.buyer.work_orders()) == JOBS


@pytest.fixture
async def http(stage: Stage) -> AsyncIterator[ClientSession]:
    async with ClientSession(stage.bridge.url, headers={"X-API-Key": API_KEY}) as session:
        yield session


class Player:
    """Plays the operations of one document. `known` are the values that stand for ids and windows in its examples."""

    def __init__(self, http: ClientSession, document: dict[str, Any]) -> None:
        self._http = http
        self._document = document
        self._base = "/mefApi" + document["servers"][0]["url"].partition("/mefApi")[2]
        self.played: set[str] = set()
        self.known: dict[str, Any] = {}

    async def play(self, operation_id: str) -> Any:
        path, method, operation = next(
            (path, method, operation)
            for path, methods in self._document["paths"].items()
            for method, operation in methods.items()
            if operation["operationId"] == operation_id
        )
        body = None
        for content in operation.get("requestBody", {}).get("content", {}).values():
            body = orjson.dumps(self._filled_in(content["example"]))
        headers = {"Content-Type": JSON} if body else {}
        url = self._base + path.replace("{id}", self.known.get("id", ""))
        async with self._http.request(method.upper(), url, data=body, headers=headers) as answer:
            text = await answer.read()
            assert str(answer.status) == next(iter(operation["responses"])), text
        self.played.add(operation_id)
        return orjson.loads(text) if text else None

    def _filled_in(self, example: dict[str, Any]) -> dict[str, Any]:
        changes = {name: self.known[name] for name in ("workOrder", "validFor") if name in self.known}
        filled = example | {name: value for name, value in changes.items() if name in example}
        if "requestedTimeSlot" in example:
            filled |= {"requestedTimeSlot": [{"validFor": self.known["asked"]}]}
        return filled


async def player(http: ClientSession, base: str) -> Player:
    async with http.get(f"/mefApi/sonata/{base}/openapi.json") as answer:
        return Player(http, await answer.json())


def operations(document: dict[str, Any]) -> set[str]:
    return {each["operationId"] for methods in document["paths"].values() for each in methods.values()}


async def test_every_example_of_the_appointment_api_is_accepted(stage: Stage, http: ClientSession) -> None:
    playing = await player(http, "appointment/v2")
    (first, *_) = await stage.buyer.work_orders()
    begin = datetime.now(UTC) + timedelta(hours=1)
    asked = {"startDateTime": begin.isoformat(), "endDateTime": (begin + timedelta(days=10)).isoformat()}
    playing.known |= {"workOrder": {"id": first.id}, "asked": asked}
    found = await playing.play("createSearchTimeSlot")
    playing.known["validFor"] = found["availableTimeSlot"][0]["validFor"]
    booked = await playing.play("createAppointment")
    playing.known["id"] = booked["id"]
    for operation in ("listAppointment", "retrieveAppointment", "patchAppointment", "cancelAppointment"):
        await playing.play(operation)
    await play_hub(playing)
    assert playing.played == operations(playing._document)


async def test_every_example_of_the_work_order_api_is_accepted(stage: Stage, http: ClientSession) -> None:
    playing = await player(http, "workOrderManagement/v2")
    (first, *_) = await stage.buyer.work_orders()
    playing.known["id"] = first.id
    for suffix in ("", "AsInGuide"):
        await playing.play(f"listWorkOrder{suffix}")
        await playing.play(f"retrieveWorkOrder{suffix}")
    await play_hub(playing)
    assert playing.played == operations(playing._document)


async def play_hub(playing: Player) -> None:
    playing.known["id"] = (await playing.play("registerListener"))["id"]
    await playing.play("retrieveHub")
    await playing.play("unregisterListener")


@pytest.mark.parametrize("api", ["appointment", "workOrder"])
async def test_a_listener_takes_every_example_of_a_notification(stage: Stage, http: ClientSession, api: str) -> None:
    document = (await player(http, f"{api}Notification/v2"))._document
    async with ClientSession(stage.buyer.callback) as listener:
        playing = Player(listener, document)
        for operation in operations(document):
            await playing.play(operation)
    assert playing.played == operations(document)


def request_of(command: str, known: dict[str, str]) -> tuple[str, str, dict[str, str], str | None]:
    """Read a command as a shell and curl do: method, URL, headers and body."""
    expanded = re.sub(r"\$(\w+)", lambda found: known[found[1]], command)
    words = shlex.split(expanded.replace("\\\n", " "))
    assert words[:2] == ["curl", "-sS"]
    options: dict[str, list[str]] = {}
    rest = iter(words[2:])
    for word in rest:
        options.setdefault(word if word.startswith("-") else "url", []).append(
            next(rest) if word.startswith("-") else word
        )
    headers = dict(header.split(": ", 1) for header in options["-H"])
    (url,) = options["url"]
    return options.get("-X", ["GET"])[0], url, headers, options.get("--data", [None])[0]


async def test_the_journey_can_be_gone_from_its_first_command_to_its_last(stage: Stage) -> None:
    begin = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    known = {"BRIDGE": stage.bridge.url, "KEY": API_KEY}
    known |= {"FROM": begin.isoformat(), "TO": (begin + timedelta(days=10)).isoformat()}
    async with ClientSession() as http:
        for step in STEPS:
            method, url, headers, data = request_of(step.command, known)
            async with http.request(method, url, headers=headers, data=data) as answer:
                text = await answer.read()
                assert answer.status in (200, 201, 204), (step.title, text)
            for name in re.findall(r"(\w+)=…", step.then):
                known[name] = kept(name, orjson.loads(text))
    assert (await stage.buyer.appointment(known["APPOINTMENT"])).status.value == "cancelled"


def kept(name: str, answer: Any) -> str:
    """What the reader of the journey keeps of an answer."""
    if isinstance(answer, list):
        return str(answer[0]["id"])
    if name in ("START", "END"):
        return str(answer["availableTimeSlot"][0]["validFor"][f"{name.lower()}DateTime"])
    return str(answer["id"])
