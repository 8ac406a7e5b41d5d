"""However a request ends, the answer has the standard's shape, and nothing of a cause that is ours leaves the house."""

import uuid

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from bridge.domain.model import Problem
from bridge.errors import BrokerUnavailable, ConflictError, StoreDefect, StoreUnavailable
from bridge.flows.refusals import InvalidSubscription, NotFound, Rejected, WfmTimeout, WfmUnavailable
from bridge.mef.enums import Error422Code
from tests.api.bodies import booking_body, search_body
from tests.api.conftest import BuyerClient
from tests.api.fakes import FakeBridge

BASE = "/mefApi/sonata/appointment/v2"
EVERY_CALL: list[tuple[str, str, object]] = [
    ("POST", f"{BASE}/searchTimeSlot", search_body()),
    ("POST", f"{BASE}/appointment", booking_body()),
    ("GET", f"{BASE}/appointment", None),
    ("GET", f"{BASE}/appointment/A-1", None),
    ("PATCH", f"{BASE}/appointment/A-1", {"note": []}),
    ("POST", f"{BASE}/appointment/A-1/cancel", None),
    ("POST", f"{BASE}/hub", {"callback": "https://buyer.example.com"}),
    ("GET", f"{BASE}/hub/S-1", None),
    ("DELETE", f"{BASE}/hub/S-1", None),
    ("GET", "/mefApi/sonata/workOrderManagement/v2/workOrder", None),
    ("GET", "/mefApi/sonata/workOrderManagement/v2/workOrder/W-1", None),
]


@pytest.mark.parametrize(("method", "path", "body"), EVERY_CALL)
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (WfmTimeout(), 504),
        (WfmUnavailable(), 503),
        (StoreUnavailable(), 503),
        (BrokerUnavailable(), 503),
        (RuntimeError("secret /etc/passwd"), 500),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
async def test_what_is_our_fault_is_an_internal_error_everywhere(
    buyer: BuyerClient, bridge: FakeBridge, method: str, path: str, body: object, error: Exception, status: int
) -> None:
    bridge.fail(error)
    answer = await buyer.send(method, path, body)
    assert (answer.status, answer.value["code"]) == (status, "internalError")
    assert "secret" not in answer.value["reason"]
    assert ("Retry-After" in answer.headers) == (status == 503)


async def test_an_unexpected_error_is_logged_under_the_id_that_the_buyer_gets(
    buyer: BuyerClient, bridge: FakeBridge
) -> None:
    bridge.fail(KeyError("boom"))
    with capture_logs() as logs:
        answer = await buyer.get(f"{BASE}/appointment", headers={"X-Correlation-ID": "c-77"})
    assert "c-77" in answer.value["reason"]
    failed = [entry for entry in logs if entry["event"] == "request failed"]
    assert [(entry["log_level"], entry["exc_info"]) for entry in failed] == [("error", True)]


async def test_a_rule_that_is_broken_is_a_list_of_422(buyer: BuyerClient, bridge: FakeBridge) -> None:
    bridge.fail(
        Rejected(
            Problem(Error422Code.REFERENCE_NOT_FOUND, "There is no such WorkOrder.", "/workOrder/id"),
            Problem(Error422Code.OTHER_ISSUE, "x" * 300),
        )
    )
    answer = await buyer.post(f"{BASE}/appointment", booking_body())
    assert answer.status == 422
    assert answer.value == [
        {
            "code": "referenceNotFound",
            "reason": "There is no such WorkOrder.",
            "propertyPath": "/workOrder/id",
        },
        {"code": "otherIssue", "reason": "x" * 254 + "…"},
    ]


async def test_a_patch_that_lost_a_race_is_409(buyer: BuyerClient, bridge: FakeBridge) -> None:
    bridge.fail(ConflictError())
    answer = await buyer.send("PATCH", f"{BASE}/appointment/A-1", {"note": []})
    assert (answer.status, answer.value["code"]) == (409, "conflict")


@pytest.mark.parametrize("path", ["/appointment", "/appointment/A-1/cancel"])
async def test_another_request_that_lost_a_race_is_422(buyer: BuyerClient, bridge: FakeBridge, path: str) -> None:
    """The standard has a 409 for PATCH only."""
    bridge.fail(ConflictError())
    answer = await buyer.post(BASE + path, booking_body())
    assert (answer.status, answer.value[0]["code"]) == (422, "otherIssue")


@pytest.mark.parametrize("method", ["PATCH", "POST"])
async def test_what_a_database_said_of_a_conflict_stays_in_the_house(
    buyer: BuyerClient, bridge: FakeBridge, method: str
) -> None:
    conflict = ConflictError("the database refused a change: Key (id)=(secret)")
    conflict.__cause__ = OSError()
    bridge.fail(conflict)
    path = "/appointment/A-1" if method == "PATCH" else "/appointment/A-1/cancel"
    answer = await buyer.send(method, BASE + path, {"note": []})
    assert answer.status in (409, 422)
    assert "Somebody else changed the same thing first." in str(answer.value)
    assert "secret" not in str(answer.value)


async def test_a_defect_that_the_database_found_is_500_and_logged(buyer: BuyerClient, bridge: FakeBridge) -> None:
    """It is not the Buyer's, so it must not look like one, and its cause is for us."""
    bridge.fail(StoreDefect("the database refused a change: NOT NULL constraint failed: secret"))
    with capture_logs() as logs:
        answer = await buyer.send("PATCH", f"{BASE}/appointment/A-1", {"note": []})
    assert answer.status == 500
    assert "secret" not in str(answer.value)
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["request failed"]


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
async def test_what_is_wrong_with_the_database_is_for_its_operator(
    buyer: BuyerClient, bridge: FakeBridge, method: str
) -> None:
    bridge.fail(StoreUnavailable("nothing listens at secret.example:5432"))
    path = f"{BASE}/appointment" if method == "POST" else f"{BASE}/appointment/A-1"
    answer = await buyer.send(method, path, booking_body() if method == "POST" else {"note": []})
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert answer.value["reason"] == "The server cannot use its database now; try again later."


async def test_what_is_not_there_is_404(buyer: BuyerClient, bridge: FakeBridge) -> None:
    bridge.fail(NotFound("There is no Appointment A-1."))
    answer = await buyer.get(f"{BASE}/appointment/A-1")
    assert (answer.status, answer.value["code"]) == (404, "notFound")
    assert answer.value["reason"] == "There is no Appointment A-1."


async def test_a_listener_that_cannot_be_registered_is_an_invalid_body(buyer: BuyerClient, bridge: FakeBridge) -> None:
    bridge.fail(InvalidSubscription("query names no event type of this API."))
    answer = await buyer.post(f"{BASE}/hub", {"callback": "https://buyer.example.com"})
    assert (answer.status, answer.value["code"]) == (400, "invalidBody")


@pytest.mark.parametrize(
    "path", ["/none", "/mefApi/sonata/appointment/v1", "/mefApi/allegro/appointment/v2/appointment"]
)
async def test_an_unknown_path_is_404(buyer: BuyerClient, path: str) -> None:
    answer = await buyer.get(path)
    assert (answer.status, answer.value["code"]) == (404, "notFound")


async def test_an_unprintable_id_names_nothing(buyer: BuyerClient, bridge: FakeBridge) -> None:
    answer = await buyer.get(f"{BASE}/appointment/A%00")
    assert answer.status == 404
    assert bridge.appointments.calls == []


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", f"{BASE}/appointment/A-1", "GET, HEAD, PATCH"),
        ("DELETE", f"{BASE}/appointment", "GET, HEAD, POST"),
        ("GET", f"{BASE}/searchTimeSlot", "POST"),
        ("POST", "/mefApi/sonata/workOrderManagement/v2/workOrder", "GET, HEAD"),
    ],
)
async def test_a_method_that_a_path_lacks_is_405(buyer: BuyerClient, method: str, path: str, allowed: str) -> None:
    answer = await buyer.send(method, path)
    assert answer.status == 405
    assert answer.headers["Allow"] == allowed
    assert allowed in answer.value["reason"]


@pytest.mark.parametrize("given", ["c-1", "a b", "x" * 128])
async def test_a_sane_correlation_id_is_kept(buyer: BuyerClient, bridge: FakeBridge, given: str) -> None:
    answer = await buyer.post(f"{BASE}/appointment/A-1/cancel", headers={"X-Correlation-ID": given})
    assert answer.headers["X-Correlation-ID"] == given
    assert bridge.appointments.calls[0][3] == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a\tb", "ü"])
async def test_any_other_correlation_id_is_replaced(buyer: BuyerClient, given: str) -> None:
    answer = await buyer.get(f"{BASE}/appointment", headers={"X-Correlation-ID": given})
    assert uuid.UUID(answer.headers["X-Correlation-ID"])


async def test_a_request_is_one_line_in_the_log(buyer: BuyerClient) -> None:
    with capture_logs() as logs:
        await buyer.get(f"{BASE}/appointment/A%20?colour=red")
    (entry,) = logs
    assert (entry["event"], entry["method"], entry["status"]) == ("request", "GET", 400)
    assert entry["path"] == f"{BASE}/appointment/A%20"
    assert entry["elapsed_ms"] >= 0


async def test_the_log_names_the_caller_of_this_request_and_of_no_earlier_one(buyer: BuyerClient) -> None:
    """Both requests come over one connection."""
    with capture_logs(processors=[merge_contextvars]) as logs:
        known = await buyer.get(f"{BASE}/appointment")
        buyer.headers = {}
        unknown = await buyer.get(f"{BASE}/appointment")
    assert [(entry.get("requester"), entry.get("buyer")) for entry in logs] == [("acme", "acme-buyer"), (None, None)]
    assert [entry["correlation_id"] for entry in logs] == [
        answer.headers["X-Correlation-ID"] for answer in (known, unknown)
    ]


async def test_answers_do_not_tell_what_the_server_is_made_of(buyer: BuyerClient) -> None:
    assert (await buyer.get("/health/live")).headers["Server"] == "mef-bridge"
