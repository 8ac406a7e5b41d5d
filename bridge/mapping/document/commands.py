"""Messages to the WFM, and its replies."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, PlainValidator, model_validator

from bridge.mapping.document.base import Name, Path, Strict, Text
from bridge.mapping.document.inbound import Version
from bridge.mapping.document.slots import Slots
from bridge.mapping.document.templates import TemplateValue, parse_body
from bridge.mapping.document.windows import ReplyWindow
from bridge.mapping.formats.xml import check_body


class Reply(Strict):
    """How the WFM answers a command."""

    status: Path
    """Path of the reply's code."""
    accepted: Annotated[tuple[Text, ...], Field(min_length=1)]
    """The codes that mean yes."""
    no_status: Literal["accepted", "unreadable"] = "unreadable"
    """What a reply without that code is: `accepted`, or `unreadable`."""
    refused: Name
    """The table of all other codes, with the columns `code` (the standard's error code), `reason` (at most 255
    characters) and, if you like, `path` (a JSON Pointer into the Buyer's request). It needs a `default` row.
    """
    visit: Path | None = None
    """Path of the WFM's reference of the visit."""
    window: ReplyWindow | None = None
    """The window that was really agreed, where the WFM says so."""
    version: Version | None = None
    """The version that the job has since this yes, as in `inbound.version`: messages of a lower one are older than it.
    For `book`, `reschedule` and `cancel`.
    """
    slots: Slots | None = None
    """The slots that are offered; for `search` only."""


class CommandSpec(Strict):
    """A message to the WFM; `format` is that of the reply too."""

    exchange: Text
    """The exchange the command is sent to."""
    routing_key: str
    """Its routing key."""
    format: Literal["json", "xml"] = "json"
    """What the command and its reply are written in. An XML body is one root element."""
    body: Annotated[Any, PlainValidator(parse_body, json_schema_input_type=dict[str, object])]
    """The message, in its order. A mapping with the key `value` is a value entry; everything else is written as it
    stands.
    """
    reply: Reply | None = None
    """How the WFM answers; `note` and `ticket` may do without."""

    @model_validator(mode="after")
    def _writable(self) -> Self:
        if self.format != "xml":
            return self
        if (trouble := check_body(self.body)) is not None:
            raise ValueError(trouble)
        if any(isinstance(root, TemplateValue) and root.omit for root in self.body.values()):
            raise ValueError("the root element of an XML body cannot be omitted; give a default")
        return self
