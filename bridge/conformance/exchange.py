"""One request and its answer, as they went over the wire, and how they are shown when something is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from bridge.conformance.findings import Failed

LONGEST_SHOWN: Final = 2000  # characters of a body in a report


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """`sent` and `received` are the bodies' bytes; `headers` are the answer's, by lower-case names."""

    number: int
    method: str
    url: str
    sent: bytes | None
    status: int
    headers: Mapping[str, str]
    received: bytes

    @property
    def what(self) -> str:
        """The request in short."""
        return f"{self.method} {self.url}"

    @property
    def json(self) -> Any:
        """The answer's body; raises `Failed` if it is not JSON."""
        try:
            return orjson.loads(self.received)
        except orjson.JSONDecodeError:
            raise Failed("the answer is not JSON", self) from None

    @property
    def items(self) -> list[dict[str, Any]]:
        """The answer's body as a list of objects; raises `Failed` if it is none."""
        value = self.json
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise Failed("the answer must be a list of objects", self)
        return value

    @property
    def object(self) -> dict[str, Any]:
        """The answer's body as an object; raises `Failed` if it is none."""
        value = self.json
        if not isinstance(value, dict):
            raise Failed("the answer must be an object", self)
        return value

    def text(self) -> str:
        """Show both sides, without credentials."""
        sent = f"\n{_shown(self.sent)}" if self.sent else ""
        kept = ("content-type", "x-total-count", "x-result-count", "x-pagination-throttled", "location")
        headers = "".join(f"\n{name}: {self.headers[name]}" for name in kept if name in self.headers)
        received = f"\n{_shown(self.received)}" if self.received else "\n(no body)"
        return f"> {self.method} {self.url}{sent}\n< {self.status}{headers}{received}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One POST to the callback listener. `body` is its JSON, None where it is none."""

    path: str
    headers: Mapping[str, str]
    raw: bytes
    body: Any
    answered: int

    @property
    def event_type(self) -> object:
        """What the body says that happened."""
        return self.body.get("eventType") if isinstance(self.body, dict) else None

    @property
    def resource(self) -> object:
        """The id of what it happened to."""
        return self.payload.get("id")

    @property
    def payload(self) -> dict[str, Any]:
        """The event's payload; empty where there is none."""
        payload = self.body.get("event") if isinstance(self.body, dict) else None
        return payload if isinstance(payload, dict) else {}

    @property
    def listener(self) -> str:
        """The last part of the path."""
        return self.path.rsplit("/", 1)[-1]

    def text(self) -> str:
        """Show it."""
        return f"> POST {self.path} (notification)\n{_shown(self.raw)}\n< {self.answered} (our listener)"


def _shown(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}… ({len(text)} characters)"
