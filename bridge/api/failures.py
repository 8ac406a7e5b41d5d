"""What the Buyer is told when a request fails: an HTTP status and one of the standard's error bodies (7.1.1)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bridge.domain.model import Problem
from bridge.errors import BridgeError, ConflictError, StoreUnavailable, TransientError
from bridge.flows.refusals import InvalidSubscription, NotFound, Rejected, WfmTimeout, WfmUnavailable
from bridge.mef.enums import Error422Code
from bridge.mef.error_bodies import (
    Error,
    Error400,
    Error400Code,
    Error401,
    Error401Code,
    Error403,
    Error403Code,
    Error404,
    Error409,
    Error422,
    Error500,
)

NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
CLOSE: Final = MappingProxyType({"Connection": "close"})
RETRY_AFTER: Final = MappingProxyType({"Retry-After": "5"})  # seconds; a database or broker is back in about that
NO_DATABASE: Final = "The server cannot use its database now; try again later."  # what is wrong is for its operator


class RequestFailed(BridgeError):
    """The request is answered with an error. `body` is an error, or the list of errors of a 422."""

    def __init__(
        self, status: int, body: Error | tuple[Error422, ...], headers: Mapping[str, str] = NO_HEADERS
    ) -> None:
        reasons = body if isinstance(body, tuple) else (body,)
        super().__init__("; ".join(error.reason for error in reasons))
        self.status = status
        self.body = body
        self.headers = headers


def bad_request(code: Error400Code, reason: str) -> RequestFailed:
    """400."""
    return RequestFailed(400, Error400(code=code, reason=reason))


def invalid_query(reason: str) -> RequestFailed:
    """400 for a query that cannot be understood."""
    return bad_request(Error400Code.INVALID_QUERY, reason)


def invalid_body(reason: str) -> RequestFailed:
    """400 for a body that cannot be understood."""
    return bad_request(Error400Code.INVALID_BODY, reason)


def unauthorized(code: Error401Code, reason: str) -> RequestFailed:
    """401 with the challenge that RFC 7235 demands; an `error` is named only if a token was sent (RFC 6750, 3.1)."""
    challenge = 'Bearer realm="MEF 137"'
    if code is Error401Code.INVALID_CREDENTIALS:
        challenge += ', error="invalid_token"'
    return RequestFailed(401, Error401(code=code, reason=reason), {"WWW-Authenticate": challenge})


def access_denied(reason: str) -> RequestFailed:
    """403."""
    return RequestFailed(403, Error403(code=Error403Code.ACCESS_DENIED, reason=reason))


def not_found(reason: str) -> RequestFailed:
    """404."""
    return RequestFailed(404, Error404(reason=reason))


def plain(status: int, reason: str, headers: Mapping[str, str] = NO_HEADERS) -> RequestFailed:
    """Answer with a status that the standard gives no body to; 7.1.1 says its body might be aligned with `Error`."""
    return RequestFailed(status, Error(reason=reason), headers)


def unknown_coding(sent: str) -> RequestFailed:
    """415: a Content-Encoding that we do not unpack; says which we do (RFC 9110, 15.5.16)."""
    reason = f"The body must come plain, or with the Content-Encoding gzip or deflate; got {sent}."
    return plain(415, reason, {"Accept-Encoding": "gzip, deflate"} | CLOSE)


def unprocessable(problems: tuple[Problem, ...]) -> RequestFailed:
    """422: the list of all violated rules."""
    return RequestFailed(
        422,
        tuple(Error422(code=item.code, reason=item.reason, property_path=item.path) for item in problems),
    )


def internal_error(correlation_id: str) -> RequestFailed:
    """500: says nothing of the cause; the log has it under the correlation id."""
    return RequestFailed(500, Error500(reason=f"The server failed. Its log has the cause under {correlation_id}."))


def failure_of(error: BridgeError, method: str) -> RequestFailed | None:
    """Translate what a use case raised into an answer; None if it is nothing a use case may raise."""
    match error:
        case RequestFailed():
            return error
        case NotFound():
            return not_found(str(error))
        case Rejected():
            return unprocessable(error.problems)
        case InvalidSubscription():
            return invalid_body(str(error))
        case ConflictError():
            return _conflict(error, method)
        case WfmTimeout():
            return RequestFailed(504, Error500(reason=str(error)))
        case StoreUnavailable():
            return RequestFailed(503, Error500(reason=NO_DATABASE), RETRY_AFTER)
        case WfmUnavailable() | TransientError():
            return RequestFailed(503, Error500(reason=str(error)), RETRY_AFTER)
        case _:
            return None


def _conflict(error: ConflictError, method: str) -> RequestFailed:
    """409 is defined for PATCH only; elsewhere the standard leaves `otherIssue`."""
    reason = str(error) if error.__cause__ is None else str(ConflictError())  # a driver's words are not for Buyers
    if method == "PATCH":
        return RequestFailed(409, Error409(reason=reason))
    return unprocessable((Problem(Error422Code.OTHER_ISSUE, reason),))
