"""Messages to the WFM, and its answers."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, model_validator

from bridge.mapping.datetimes import check_zone
from bridge.mapping.document.base import Format, Name, Path, Strict, Text, as_list
from bridge.mapping.document.cells import Cell
from bridge.mapping.paths import check_path
from bridge.mapping.template_document import parse_body
from bridge.mapping.xml_format import check_names


def _zone_or_path(text: str) -> str:
    return check_path(text) if text.startswith("$") else check_zone(text)


class ReplyMoment(Strict):
    """A date-time in a reply; of several paths the texts are joined by a blank. `zone` may be a path: `$.timeZone`."""

    path: Annotated[tuple[Path, ...], Field(min_length=1), BeforeValidator(as_list)]
    """Where it stands in the reply; the texts of several paths are joined by a blank."""
    format: Format
    """How it is written, as for a datetime field."""
    zone: Annotated[str, AfterValidator(_zone_or_path)] | None = None
    """Its zone, or the path of the zone's name; the pack's `zone` where it is left out."""


class ReplyWindow(Strict):
    """A window in a reply."""

    start: ReplyMoment
    """When it begins."""
    end: ReplyMoment
    """When it ends."""


class Dictionary(Strict):
    """A list in a reply whose entries are found by a name that slots have; one becomes the slot's member `entry`."""

    list: Path
    """Path of the list of entries in the reply."""
    key: Path
    """Path, from an entry, of the name it is found by."""
    by: Path
    """Path, from a slot, of the name of its entry."""


class Slots(ReplyWindow):
    """The offered slots of a search; paths inside start at the slot. `within` are the lists around `each`."""

    within: tuple[Path, ...] = ()
    """Paths of the lists around `each`, outermost first; what a slot lies in is its member `parent`."""
    each: Path
    """Path of the list of slots."""
    where: dict[Path, Cell] = {}
    """The cells, by path from the slot, that a slot must fit to be offered."""
    dictionary: Dictionary | None = None
    """Looks up what is said of a slot elsewhere in the reply; what is found is its member `entry`."""
    token: dict[Name, Path] = {}
    """What the WFM wants back when the slot is booked: names, and paths from the slot. Commands write them as
    `slot.<name>`.
    """


class Reply(Strict):
    """How the WFM answers a command."""

    status: Path
    """Path of the answer's code."""
    accepted: Annotated[tuple[Text, ...], Field(min_length=1)]
    """The codes that mean yes."""
    no_status: Literal["accepted", "unreadable"] = "unreadable"
    """What an answer without that code is."""
    refused: Name
    """The table of all other codes, with the columns `code` (the standard's error code), `reason` (at most 255
    characters) and, if you like, `path` (a JSON Pointer into the Buyer's request). It needs a `default` row.
    """
    visit: Path | None = None
    """Path of the WFM's reference of the visit."""
    window: ReplyWindow | None = None
    """The window that was really agreed, where the WFM says so."""
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
    """How the WFM answers. Left out, no answer is waited for."""

    @model_validator(mode="after")
    def _writable(self) -> Self:
        if self.format == "xml" and (not isinstance(self.body, dict) or len(self.body) != 1):
            raise ValueError("an XML body has one root element")
        if self.format == "xml" and (bad := check_names(self.body)) is not None:
            raise ValueError(f"'{bad}' cannot be the name of an XML element or attribute")
        return self
