"""AsyncAPI of the bus side: everything that a pack takes and sends, with what passes there."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bridge.cli.asyncapi import _on_bus
from bridge.cli.main import app
from bridge.domain.model import CommandKind
from bridge.simulator.answers import Answers
from bridge.wfm.specification import asyncapi
from bridge.wfm.topology import Topology
from tests.support_replies import fixed_pack

ACME = Path(__file__).parents[3] / "mappings" / "acme-wfm"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return asyncapi(Topology(namespace="test.", instance="one"), [_on_bus(ACME)])


def payload(document: dict[str, Any], channel: str) -> dict[str, Any]:
    (message,) = (
        message for name, message in document["components"]["messages"].items() if name.startswith(f"{channel}:")
    )
    found: dict[str, Any] = document["components"]["schemas"][message["payload"]["$ref"].rpartition("/")[2]]
    return found


def test_every_queue_and_every_command_is_a_channel(document: dict[str, Any]) -> None:
    commands = {f"acme-wfm.{kind.value}" for kind in CommandKind}
    assert document["asyncapi"].startswith("3.")
    assert document["channels"].keys() == {"acme-wfm.messages", "replies", *commands}
    sent = {name for name, operation in document["operations"].items() if operation["action"] == "send"}
    assert len(sent) == len(commands)


def test_a_channel_tells_queue_exchange_and_routing_key(document: dict[str, Any]) -> None:
    messages, search = document["channels"]["acme-wfm.messages"], document["channels"]["acme-wfm.search"]
    assert messages["bindings"]["amqp"]["queue"]["name"] == "test.mef-bridge.acme-wfm.inbound.v2"
    assert (messages["address"], "test.acme.wfm.events" in messages["description"]) == ("job.#", True)
    assert search["bindings"]["amqp"]["exchange"]["name"] == "test.acme.wfm.commands"
    assert (search["address"], "test.mef-bridge.one.replies" in search["description"]) == ("cmd.search", True)
    assert "No reply is expected" in document["channels"]["acme-wfm.note"]["description"]


def test_a_message_has_what_the_pack_reads(document: dict[str, Any]) -> None:
    schema = payload(document, "acme-wfm.messages")
    assert schema["properties"]["STAT"]["enum"][:3] == ["NEW", "SCHD", "ENRT"]
    assert {"JOB_NO", "STAT", "TS"} <= set(schema["required"])
    assert "VISIT_NO" not in schema["required"]
    assert "%Y-%m-%d %H:%M" in schema["properties"]["WIN_FROM"]["description"]


def test_a_command_has_what_the_template_writes(document: dict[str, Any]) -> None:
    schema = payload(document, "acme-wfm.book")
    assert schema["properties"]["CMD"] == {"const": "BOOKVIS"}
    assert schema["required"][:3] == ["CMD", "REF", "JOB_NO"]


def test_a_reply_has_the_codes_and_the_slots(document: dict[str, Any]) -> None:
    replies = payload(document, "replies")["anyOf"]
    (search,) = (each for each in replies if "SLOTS" in each["properties"])
    assert {"00", "44"} <= set(search["properties"]["RC"]["enum"])
    assert set(search["properties"]["SLOTS"]["items"]["properties"]) == {"FROM", "TO", "SLOT_ID"}


def test_the_document_is_the_same_every_time() -> None:
    texts = {json.dumps(asyncapi(Topology(), [_on_bus(ACME)])) for _ in range(5)}
    assert len(texts) == 1


def test_the_command_line_prints_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ACME.parents[1])
    result = CliRunner().invoke(app, ["asyncapi"])
    assert (result.exit_code, "acme-wfm.messages" in json.loads(result.stdout)["channels"]) == (0, True)


@pytest.mark.parametrize(
    ("answers", "queue", "told"),
    [
        (
            Answers("acme.answers"),
            "test.acme.answers",
            "a fixed queue, whatever a command says; what they bear at $.REF",
        ),
        (Answers("acme.answers", xml=True), "test.acme.answers", "what they bear at $.ANSWER.REF"),
        (
            Answers(),
            "test.mef-bridge.one.acme-wfm.replies",
            "the queue that each command names; what they bear at $.REF",
        ),
    ],
)
def test_answers_to_a_queue_of_the_pack_are_a_channel_of_its_own(
    tmp_path: Path, answers: Answers, queue: str, told: str
) -> None:
    document = asyncapi(Topology(namespace="test.", instance="one"), [_on_bus(fixed_pack(tmp_path, answers))])
    channel = document["channels"]["acme-wfm.replies"]
    assert "replies" not in document["channels"]
    assert (channel["bindings"]["amqp"]["queue"]["name"], told in channel["description"]) == (queue, True)
    assert f"The reply goes to {queue}." in document["channels"]["acme-wfm.book"]["description"]
    replies = payload(document, "acme-wfm.replies")["anyOf"]
    bodies = [reply["properties"].get("ANSWER", reply) for reply in replies]
    assert all("REF" in body["required"] and "REF" in body["properties"] for body in bodies)
