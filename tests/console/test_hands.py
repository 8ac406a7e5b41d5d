"""Deliveries, listeners, commands, the outbox and packs: as pages without scripts, and by the admin API."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.domain.model import JobRef
from bridge.flows.ports.command_bus import BusMessage
from bridge.mef.enums import Irp
from bridge.mef.models import TimePeriod
from bridge.simulator.buyer_client import BuyerClient
from tests.console.conftest import Program
from tests.console.pictures import mended
from tests.console.scene import PACK, Scene, all_delivered
from tests.console.test_api import valid
from tests.support import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def act(program: Program, path: str, **form: str) -> tuple[int, str]:
    """Send a form as a program does, without a cookie; give the status, and where it leads or what is said."""
    url = f"{program.url}/console{path}"
    async with program.session.post(url, data=form, headers=program._headers, allow_redirects=False) as answer:
        return answer.status, answer.headers.get("Location", "") or await answer.text()


async def acts(scene: Scene) -> list[tuple[str, str, str, str, str]]:
    found = [recorded.entry for recorded in await scene.bridge.store.audit.latest(20)]
    return [(each.who, each.act, each.thing, each.note, each.outcome) for each in found]


async def listener_of(program: Program) -> dict[str, Any]:
    """Give the Buyer's listener for WorkOrders."""
    _, told = await program.get("/api/v1/listeners")
    return next(each for each in valid("Listeners", told)["listeners"] if each["api"] == "workOrder")


async def test_deliveries_are_listed_and_opened(scene: Scene, viewer: Program) -> None:
    order = await scene.stuck_order()
    _, told = await viewer.get("/api/v1/deliveries", state="delivered", buyer="acme-buyer")
    found = next(each for each in valid("Deliveries", told)["deliveries"] if each["resource"] == order)
    _, whole = await viewer.get(f"/api/v1/deliveries/{found['number']}")
    assert [each["status"] for each in valid("WholeDelivery", whole)["attempts"]] == [204]
    listed = await viewer.text("/console/deliveries", state="delivered")
    assert f'/console/deliveries/{found["number"]}"' in listed
    assert "workOrderCreateEvent" in await viewer.text(f"/console/deliveries/{found['number']}")
    assert "No delivery fits." in await viewer.text("/console/deliveries", buyer="nobody")
    for query in ({"state": "gone"}, {"since": "yesterday"}, {"type": "x"}):
        assert (await viewer.get("/api/v1/deliveries", **query))[0] == 400
    assert (await viewer.get("/api/v1/deliveries/999999"))[0] == 404


async def test_a_listener_is_paused_and_what_waits_for_it_goes_when_it_is_resumed(
    scene: Scene, operator: Program
) -> None:
    id_ = (await listener_of(operator))["id"]
    status, done = await operator.post(f"/api/v1/listeners/{id_}/pause", {"note": "he moves house"})
    assert (status, valid("Done", done)["outcome"]) == (200, "paused")
    job = await scene.wfm.create_job(ticket="TT-2001", visit_required=False)

    async def waits() -> bool:
        return bool((await listener_of(operator))["waiting"])

    await eventually(waits)
    _, whole = await operator.get(f"/api/v1/listeners/{id_}")
    assert valid("Listener", whole)["disabledBecause"] == "an operator paused it: he moves house (operator)"
    assert "he moves house" in await operator.text("/console/listeners")
    _, told = await operator.get("/api/v1/deliveries", state="pending")
    number = told["deliveries"][0]["number"]
    _, retried = await operator.post("/api/v1/deliveries/retry", {"numbers": [number], "note": "now"})
    assert valid("Retries", retried)["retried"] == [{"number": number, "outcome": "suspended", "waitsBehind": None}]
    pending = await operator.text("/console/deliveries", state="pending")
    assert "listener disabled" in pending
    assert await act(operator, f"/listeners/{id_}", act="resume", note="he is there") == (
        303,
        f"/console/listeners/{id_}?done=resumed%3B+1+to+be+sent",
    )

    async def gone() -> bool:
        return not (await listener_of(operator))["waiting"]

    await eventually(gone)
    assert job
    assert (await acts(scene))[:3] == [
        ("operator", "resume", f"listener {id_}", "he is there", "resumed; 1 to be sent"),
        ("operator", "retry", f"deliveries {number}", "now", "0 tried now, 1 not"),
        ("operator", "pause", f"listener {id_}", "he moves house", "paused"),
    ]


async def test_deliveries_that_wait_are_tried_now_by_filter(scene: Scene, operator: Program) -> None:
    status, told = await operator.post("/api/v1/deliveries/retry", {"buyer": "acme-buyer", "dryRun": True})
    assert (status, valid("Retries", told)) == (200, {"retried": [], "count": 0, "would": 0})
    status, told = await operator.post("/api/v1/deliveries/retry", {"buyer": "acme-buyer", "note": "mended"})
    assert (status, told["count"], told["would"]) == (200, 0, None)
    thing = "deliveries pending of Buyer acme-buyer"
    assert (await acts(scene))[0] == ("operator", "retry", thing, "mended", "0 tried now")
    assert await act(operator, "/deliveries", buyer="acme-buyer") == (
        303,
        "/console/deliveries?buyer=acme-buyer&done=0+tried+now.",
    )
    for wrong in ({}, {"numbers": [1], "buyer": "x"}, {"numbers": [1], "dryRun": True}):
        assert (await operator.post("/api/v1/deliveries/retry", wrong))[0] == 400


async def test_a_ping_reaches_the_listener_and_tells_it_nothing(scene: Scene, operator: Program) -> None:
    await eventually(lambda: all_delivered(scene))  # what other tests have begun
    listener, heard = await listener_of(operator), len(scene.buyer.received)
    status, told = await operator.post(f"/api/v1/listeners/{listener['id']}/ping", {})
    assert status == 200
    assert valid("Attempt", told)["status"] is not None
    status, where = await act(operator, f"/listeners/{listener['id']}", act="ping")
    assert (status, where.partition("done=")[2][:8]) == (303, "answered")
    assert len(scene.buyer.received) == heard


async def test_a_listener_is_removed_for_good_with_a_note_only(scene: Scene, operator: Program) -> None:
    _, told = await operator.get("/api/v1/listeners")
    listener = next(each for each in told["listeners"] if each["api"] == "appointment")
    status, said = await act(operator, f"/listeners/{listener['id']}", act="remove", note=" ")
    assert status == 409
    assert "Say why" in said
    assert (await act(operator, f"/listeners/{listener['id']}", act="nonsense"))[0] == 400
    status, done = await operator.post(f"/api/v1/listeners/{listener['id']}/remove", {"note": "he asked for it"})
    assert (status, done["outcome"]) == (200, "removed; 0 given up")
    assert (await operator.get(f"/api/v1/listeners/{listener['id']}"))[0] == 404


async def test_a_viewer_acts_on_nothing(viewer: Program) -> None:
    id_ = (await listener_of(viewer))["id"]
    for path, body in [
        ("/api/v1/deliveries/retry", {"numbers": [1]}),
        ("/api/v1/outbox/retry", {"numbers": [1]}),
        *((f"/api/v1/listeners/{id_}/{verb}", {"note": "x"}) for verb in ("pause", "resume", "remove", "ping")),
    ]:
        assert (await viewer.post(path, body))[0] == 403
    for path in ("/deliveries", "/outbox", f"/listeners/{id_}"):
        assert (await act(viewer, path, number="1", act="pause"))[0] == 403


async def test_commands_are_seen_with_the_replies_of_the_wfm(scene: Scene, viewer: Program) -> None:
    await scene.wfm.create_job(ticket="TT-2002", site="SITE-3")

    async def created() -> Any:
        found = (await scene.bridge.store.traces.find("TT-2002")).jobs
        return found and (await scene.bridge.store.traces.read(found[0])).work_orders

    (order,) = await eventually(created)
    begins = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=2)
    window = TimePeriod(start_date_time=begins, end_date_time=begins + timedelta(days=3))
    async with BuyerClient(scene.bridge.url, "acme-buyer-key", Irp.SONATA) as buyer:
        offered = (await buyer.search(order.id, window)).available_time_slot[0]
        await buyer.book(order.id, offered.valid_for)
    assert "The WFM owes no reply." in await viewer.text("/console/commands")
    _, told = await viewer.get("/api/v1/commands", all="")
    (found,) = valid("Commands", told)["commands"]
    assert (found["kind"], found["state"], found["workOrder"]) == ("book", "accepted", order.id)
    _, whole = await viewer.get(f"/api/v1/commands/{found['id']}")
    assert [each["rule"] for each in valid("WholeCommand", whole)["replies"]] == ["commands.book"]
    assert "the WFM accepted" in await viewer.text(f"/console/commands/{found['id']}")
    assert "the WFM accepted" in await viewer.text("/console/commands", state="accepted")
    _, told = await viewer.get("/api/v1/commands", state="refused")
    assert told["commands"] == []
    assert (await viewer.get("/api/v1/commands/nothing"))[0] == 404


async def test_the_outbox_is_seen_and_what_waits_tried_now(scene: Scene, operator: Program, viewer: Program) -> None:
    message = BusMessage(
        pack=PACK,
        exchange="nobody.listens",
        routing_key="cmd.nobody",
        body=b'{"NOTE":"call +48 600 555 999"}',
        content_type="application/json",
        message_id="m-1",
        correlation_id="corr-1",
        job=JobRef(PACK, "J-1"),
    )
    async with scene.bridge.store.transaction() as tx:
        await tx.send([message])

    async def failed() -> Any:
        _, told = await operator.get("/api/v1/outbox")
        return next((each for each in valid("Outbox", told)["messages"] if each["error"]), None)

    found = await eventually(failed)
    number = found["number"]
    assert found["routingKey"] == "cmd.nobody"
    page = await viewer.text("/console/outbox")
    assert "cmd.nobody" in page
    _, whole = await operator.get(f"/api/v1/outbox/{number}")
    assert valid("WholeOutgoing", whole)["body"] == '{"NOTE":"call +48 600 555 999"}'
    assert "+48 600 555 999" not in await viewer.text(f"/console/outbox/{number}")
    _, told = await operator.post("/api/v1/outbox/retry", {"numbers": [number, 999999], "note": "bound"})
    assert [each["outcome"] for each in valid("Retries", told)["retried"]][1] == "unknown"
    assert (await acts(scene))[0][1:4] == ("retry", f"outbox {number}, 999999", "bound")
    status, _ = await act(operator, "/outbox", number=str(number))
    assert status == 303
    assert (await act(operator, "/outbox"))[0] == 400


async def test_a_pack_shows_its_rules_codes_and_ways(scene: Scene, viewer: Program) -> None:
    _, told = await viewer.get(f"/api/v1/packs/{PACK}", days="1")
    usage = valid("PackUsage", told)
    held = {each["rule"]: each["count"] for each in usage["rules"]}
    assert held["created"] >= 6
    assert 0 in held.values()
    codes = {each["field"]: each for each in usage["codes"]}
    assert "NEW" in codes["status"]["seen"]
    assert "CLSD" in codes["status"]["never"]
    assert {(each["source"], each["target"]) for each in usage["hops"]} >= {("", "open"), ("planned", "inProgress")}
    page = await viewer.text(f"/console/packs/{PACK}")
    assert "never" in page
    assert "planned to inProgress" in page
    assert PACK in await viewer.text("/console/packs")
    assert (await viewer.get("/api/v1/packs/nothing"))[0] == 404


async def test_an_activated_draft_is_shown_downloaded_and_taken_back(
    scene: Scene, operator: Program, viewer: Program
) -> None:
    text = (scene.pack / "pack.yaml").read_text()
    draft = {"pack": PACK, "text": mended(text), "digest": hashlib.sha256(text.encode()).hexdigest()}
    base = scene.bridge.packs[PACK].version
    status, said = await act(operator, "/draft", act="activate", **draft)
    assert (status, scene.bridge.packs[PACK].version) == (409, base), said
    assert "It was not activated." in said
    assert "Say why, in the note" in said
    assert "LEFT" in said  # what was written is still there
    moved = text.replace('bindings: ["job.#"]', 'bindings: ["work.#"]', 1)
    status, said = await act(operator, "/draft", act="activate", note="why", **draft | {"text": moved})
    assert (status, "restart the bridge" in said) == (409, True)
    status, said = await act(operator, "/draft", act="check", **draft | {"text": moved})
    assert (status, "It cannot be activated now." in said, "restart the bridge" in said) == (200, True, True)
    wrong = text.replace("pack: acme-wfm", "pack: [acme]", 1)
    status, said = await act(operator, "/draft", act="activate", note="why", **draft | {"text": wrong})
    assert (status, "The draft has mistakes." in said, "pack.yaml" in said) == (409, True, True)
    status, where = await act(operator, "/draft", act="activate", note="ask ada@acme.example", **draft)
    assert (status, "activated=1.0%2B" in where) == (303, True)
    version = scene.bridge.packs[PACK].version
    _, told = await viewer.get(f"/api/v1/packs/{PACK}")
    activation = valid("PackUsage", told)["activation"]
    assert (activation["version"], activation["base"], activation["who"]) == (version, base, "operator")
    assert (activation["standing"], activation["runsOn"], activation["awaitedOn"]) == ("runs", ["bridge-1"], [])
    assert activation["note"] == "ask •••"
    page = await viewer.text(f"/console/packs/{PACK}")
    assert "A draft runs in place of the deployed files" in page
    assert "Download it" not in page
    async with viewer.session.get(f"{viewer.url}/console/packs/{PACK}/activated", headers=viewer._headers) as refused:
        assert refused.status == 403
    assert "Download it" in await operator.text(f"/console/packs/{PACK}")
    assert await operator.text(f"/console/packs/{PACK}/activated") == mended(text)
    assert "A draft runs in place of the deployed files" in await operator.text("/console/draft", pack=PACK)

    note = {"note": "the WFM is mended"}
    assert (await viewer.post(f"/api/v1/packs/{PACK}/take-back", note))[0] == 403
    assert (await act(viewer, f"/packs/{PACK}", act="take back", **note))[0] == 403
    assert (await operator.post(f"/api/v1/packs/{PACK}/take-back", {"note": " "}))[0] == 409
    status, done = await operator.post(f"/api/v1/packs/{PACK}/take-back", note)
    assert (status, valid("Done", done)["outcome"]) == (200, f"taken back; the pack runs as {base}")
    assert scene.bridge.packs[PACK].version == base
    assert (await act(operator, f"/packs/{PACK}", act="take back", **note))[0] == 409
    assert (await operator.get(f"/api/v1/packs/{PACK}"))[1]["activation"] is None
    gone = "There is no activated draft of acme-wfm any more."
    assert (await acts(scene))[:3] == [
        ("operator", "take back pack", PACK, note["note"], f"refused: {gone}"),
        ("operator", "take back pack", PACK, note["note"], f"taken back; the pack runs as {base}"),
        ("operator", "activate pack", PACK, "ask ada@acme.example", f"{base} → {version}"),
    ]
