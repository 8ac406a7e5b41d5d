"""The error bodies of MEF 137, section 7.1.1. A `reason` never exceeds 255 characters, whatever it was made from."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field

from bridge.mef.enums import Error422Code
from bridge.mef.models import MefModel, Uri

MAX_REASON: Final = 255  # characters; `maxLength` of `Error.reason` in the standard's OpenAPI files


def shorten(text: str, limit: int = MAX_REASON) -> str:
    """Give text in at most `limit` characters that can be written as UTF-8; a cut is shown by an ellipsis."""
    writable = text.encode("utf-8", "replace").decode("utf-8")
    if len(writable) <= limit:
        return writable
    return writable[: limit - 1].rstrip() + "…"


def _reason(value: object) -> object:
    return shorten(value) if isinstance(value, str) else value


Reason = Annotated[str, BeforeValidator(_reason), Field(max_length=MAX_REASON)]


class Error400Code(StrEnum):
    """7.1.1.3."""

    MISSING_QUERY_PARAMETER = "missingQueryParameter"
    MISSING_QUERY_VALUE = "missingQueryValue"
    INVALID_QUERY = "invalidQuery"
    INVALID_BODY = "invalidBody"


class Error401Code(StrEnum):
    """7.1.1.5."""

    MISSING_CREDENTIALS = "missingCredentials"
    INVALID_CREDENTIALS = "invalidCredentials"


class Error403Code(StrEnum):
    """7.1.1.7."""

    ACCESS_DENIED = "accessDenied"
    FORBIDDEN_REQUESTER = "forbiddenRequester"
    TOO_MANY_USERS = "tooManyUsers"


class Error(MefModel):
    """7.1.1.1: also the body of statuses that the standard does not name (405, 413, 415, 429), which have no code."""

    message: str | None = None
    reason: Reason
    reference_error: Uri | None = None


class Error400(Error):
    """7.1.1.2: Bad Request."""

    code: Error400Code


class Error401(Error):
    """7.1.1.4: Unauthorized."""

    code: Error401Code


class Error403(Error):
    """7.1.1.6: Forbidden."""

    code: Error403Code


class Error404(Error):
    """7.1.1.8: Not Found."""

    code: Literal["notFound"] = "notFound"


class Error408(Error):
    """Request Time-out: what a Buyer's listener may answer (the notification files; the guide leaves it out)."""

    code: Literal["timeOut"] = "timeOut"


class Error409(Error):
    """7.1.1.9: Conflict."""

    code: Literal["conflict"] = "conflict"


class Error422(Error):
    """7.1.1.10: one violated rule; a 422 has a list of these. `property_path` is a JSON Pointer (RFC 6901)."""

    code: Error422Code
    property_path: str | None = None


class Error500(Error):
    """7.1.1.12: Internal Server Error; 503 and 504 have the same shape."""

    code: Literal["internalError"] = "internalError"
