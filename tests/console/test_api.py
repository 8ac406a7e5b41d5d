"""The admin API of a running bridge, and the pages as they are read without a browser's scripts."""

import html
import re
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
from aiohttp import web

from bridge.console.openapi import document
from bridge.flows.ports.audit_entry import AuditEntry
from tests.console.conftest import Program
from tests.console.scene import PACK, TICKET, Scene
from tests.support import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

LEFT = 'came "LEFT"'
PRIVATE = ("+48 600 555 999", "+48 600 555 123", "Mrs Nowak", "jan.kowalski@acme-field.example")


async def _acts(scene: Scene) -> list[AuditEntry]:
    return [act.entry for act in await scene.bridge.store.audit.latest()]


async def _numbers(program: Program, **query: str) -> list[int]:
    _, found = await program.get("/api/v1/messages", outcome="parked", **query)
    return [message["number"] for message in found["messages"]]


def valid(name: str, body: Any) -> Any:
    """Hold an answer against its shape in the document."""
    schemas = document()["components"]["schemas"]
    jsonschema.validate(body, {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}})
    return body


async def test_the_document_names_each_route_and_no_other(scene: Scene, viewer: Program) -> None:
    from bridge.console import api

    anything: Any = SimpleNamespace(hands=None)
    routes = [route for route in api.routes(anything) if isinstance(route, web.RouteDef)]
    served = {(route.method.lower(), route.path.replace(":\\d{1,18}", "")) for route in routes}
    status, told = await viewer.get("/api/openapi.json")
    assert status == 200
    assert {(method, path) for path, methods in told["paths"].items() for method in methods} == served


async def test_now_is_told(viewer: Program) -> None:
    status, told = await viewer.get("/api/v1/now")
    assert status == 200
    valid("Now", told)
    assert told["isReady"]
    assert list(told["packs"]) == [PACK]


async def test_a_work_order_is_found_by_its_ticket_and_has_a_parked_message(scene: Scene, viewer: Program) -> None:
    _, told = await viewer.get("/api/v1/work-orders", q=TICKET)
    (found,) = valid("WorkOrders", told)["workOrders"]
    assert found["id"] == await scene.stuck_order()
    assert (found["state"], found["buyer"], found["tickets"], found["parkedMessages"]) == (
        "open",
        "acme-buyer",
        [TICKET],
        1,
    )


async def test_work_orders_are_found_by_buyer_and_state(viewer: Program) -> None:
    _, told = await viewer.get("/api/v1/work-orders", buyer="other-buyer")
    assert [found["tickets"] for found in told["workOrders"]] == [["TT-1003"]]
    _, told = await viewer.get("/api/v1/work-orders", state="completed", limit="5")
    assert [found["tickets"] for found in told["workOrders"]] == [["TT-1001"]]
    status, told = await viewer.get("/api/v1/work-orders", state="gone")
    assert (status, told["title"]) == (400, "Bad Request")
    assert "expected one of" in told["detail"]


async def test_a_story_is_told_as_trace_tells_it(viewer: Program) -> None:
    _, told = await viewer.get(f"/api/v1/trace/{TICKET}")
    (story,) = valid("Stories", told)["stories"]
    assert [step["kind"] for step in story["steps"]] == ["message", "notification", "attempt", "message"]
    assert [step["isTrouble"] for step in story["steps"]] == [False, False, False, True]
    assert "message" in story["steps"][0]
    assert "is parked" in story["waiting"][0]
    status, _ = await viewer.get("/api/v1/trace/nothing-has-this")
    assert status == 404


async def test_messages_are_listed_counted_and_shown(operator: Program) -> None:
    _, told = await operator.get("/api/v1/message-groups", outcome="parked", reason=LEFT)
    assert [group["count"] for group in valid("MessageGroups", told)["groups"]] == [3]
    _, told = await operator.get("/api/v1/messages", outcome="parked", about=TICKET)
    (message,) = valid("Messages", told)["messages"]
    _, told = await operator.get(f"/api/v1/messages/{message['number']}")
    assert '"STAT":"LEFT"' in valid("WholeMessage", told)["body"].replace(" ", "")
    assert told["explanation"]["fields"]["status"]["raw"] == "LEFT"
    assert (await operator.get("/api/v1/messages/99999"))[0] == 404


async def test_a_viewer_sees_no_contact_data_and_no_notes_anywhere(viewer: Program, operator: Program) -> None:
    _, told = await operator.get("/api/v1/messages", limit="1000")
    numbers = [message["number"] for message in told["messages"]]
    _, orders = await operator.get("/api/v1/work-orders")
    paths = [f"/api/v1/messages/{number}" for number in numbers]
    paths += [f"/console/parked/{number}" for number in numbers]
    paths += [f"/console/story?pack={PACK}&job={order['job']}" for order in orders["workOrders"]]
    paths += [f"/api/v1/trace/{order['id']}" for order in orders["workOrders"]]
    paths += ["/console/", "/console/parked", f"/console/parked?pack={PACK}", "/console/audit", "/api/v1/now"]
    paths += ["/api/v1/messages?outcome=parked", "/api/v1/message-groups", "/api/v1/audit", "/console/work-orders"]
    seen = "".join([await viewer.text(path) for path in paths])
    shown = "".join([await operator.text(path) for path in paths])
    assert [word for word in PRIVATE if word in seen] == []
    assert "T042" not in seen
    assert "T099" not in seen
    assert "Mrs Nowak" in shown
    assert "T042" in shown
    assert TICKET in seen
    assert "•••" in seen


async def test_a_viewer_follows_a_masked_reason_to_its_messages(viewer: Program) -> None:
    page = await viewer.text("/console/parked")
    (link,) = re.findall(r'href="([^"]*field\+technician[^"]*)"', page)
    assert "/console/parked/" in await viewer.text(html.unescape(link))


async def test_a_viewer_changes_nothing_and_sees_no_pack(scene: Scene, viewer: Program) -> None:
    before = len(await _acts(scene))
    for path in ("replay", "discard"):
        status, told = await viewer.post(f"/api/v1/messages/{path}", {"numbers": [1], "note": "x"})
        assert (status, "is a viewer" in told["detail"]) == (403, True)
    for path in ("/console/parked", "/console/draft"):
        async with viewer.session.post(
            viewer.url + path, data={"act": "preview", "number": "1"}, headers=viewer._headers
        ) as answer:
            assert answer.status == 403
    async with viewer.session.get(f"{viewer.url}/console/draft?pack={PACK}", headers=viewer._headers) as answer:
        assert answer.status == 403
    assert len(await _acts(scene)) == before


async def test_a_dry_run_changes_nothing_and_says_what_stands_against_it(scene: Scene, operator: Program) -> None:
    before, numbers = await _acts(scene), await _numbers(operator, reason=LEFT)
    status, told = await operator.post("/api/v1/messages/replay", {"pack": PACK, "reason": LEFT, "dryRun": True})
    assert status == 200
    assert valid("Fates", told)["dryRun"]
    assert {fate["number"] for fate in told["messages"]} == set(numbers)
    assert all("would be parked again" in fate["refused"] for fate in told["messages"])
    assert await _numbers(operator, reason=LEFT) == numbers
    assert await _acts(scene) == before


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({"dryRun": True}, 400, "Give numbers, or pack, reason or about."),
        ({"numbers": [1], "pack": PACK}, 400, "Give numbers, or pack, reason or about."),
        ({"number": 1}, 400, "number: Extra inputs are not permitted"),
        ({"pack": PACK, "note": " "}, 409, "Say why, in the note: whoever reads it later has nothing else."),
        ({"about": "nothing-has-this", "dryRun": True}, 404, "Nothing on record has the id 'nothing-has-this'"),
    ],
)
async def test_a_replay_that_says_too_little_is_refused(operator: Program, body: Any, status: int, detail: str) -> None:
    got, told = await operator.post("/api/v1/messages/replay", body)
    assert (got, told["detail"][: len(detail)]) == (status, detail)


async def test_pages_can_be_read_without_scripts(scene: Scene, operator: Program) -> None:
    assert "Messages a second" in await operator.text("/console/")
    order = await scene.stuck_order()
    story = await operator.text(f"/console/work-orders/{order}")
    assert "is parked</strong>" in story
    assert "the path walked: open" in story
    assert story.count("<details>") == 4
    parked = await operator.text("/console/parked", reason=LEFT)
    assert parked.count('<td class="num"><a href="/console/parked/') == 3
    assert "Nothing on record fits" in await operator.text("/console/work-orders", q="nothing-has-this")


async def test_what_is_not_there_is_said_on_a_page(operator: Program) -> None:
    for path, said in (
        ("/console/parked/99999", "There is no message 99999."),
        ("/console/story?pack=x&job=y", "Nothing is on record of a job y of x."),
        ("/console/draft?pack=other", "This bridge does not run a pack"),
        ("/console/work-orders?state=gone", "expected one of"),
        ("/console/parked?about=nothing-has-this", "Nothing on record has the id"),
    ):
        async with operator.session.get(operator.url + path, headers=operator._headers) as answer:
            assert answer.status in (400, 404, 409)
            assert said in await answer.text()


async def test_the_numbers_of_now_move(operator: Program) -> None:
    headers = {"Authorization": "Bearer operator-key"}
    async with operator.session.get(f"{operator.url}/console/now/stream", headers=headers) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert await answer.content.readline() == b"event: numbers\n"
        assert (await answer.content.readline()).startswith(b"data: ")


async def test_a_message_is_set_aside_with_a_note_that_is_kept(scene: Scene, operator: Program) -> None:
    await scene.wfm.raw(await scene.wfm.create_job(ticket="TT-2000", visit_required=False), status="ODD")
    (number,) = await eventually(lambda: _numbers(operator, reason='came "ODD"'))
    status, told = await operator.post("/api/v1/messages/discard", {"numbers": [number, 99999], "note": "a test"})
    assert (status, valid("Discarded", told)) == (200, {"discarded": [number], "notParked": [99999]})
    _, message = await operator.get(f"/api/v1/messages/{number}")
    assert message["reason"].startswith("discarded: a test (operator); was: ")
    newest = (await _acts(scene))[0]
    assert (newest.act, newest.thing) == ("discard", f"messages {number}, 99999")
    assert (newest.note, newest.outcome) == ("a test", "1 discarded, 1 not parked")
    _, log = await operator.get("/api/v1/audit")
    assert valid("AuditLog", log)["acts"][0]["who"] == "operator"
