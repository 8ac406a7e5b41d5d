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
    format: Format
    zone: Annotated[str, AfterValidator(_zone_or_path)] | None = None


class ReplyWindow(Strict):
    """A window in a reply."""

    start: ReplyMoment
    end: ReplyMoment


class Dictionary(Strict):
    """A list in a reply whose entries are found by a name that slots have; one becomes the slot's member `entry`."""

    list: Path
    key: Path
    by: Path


class Slots(ReplyWindow):
    """The offered slots of a search; paths inside start at the slot. `within` are the lists around `each`."""

    within: tuple[Path, ...] = ()
    each: Path
    where: dict[Path, Cell] = {}
    dictionary: Dictionary | None = None
    token: dict[Name, Path] = {}


class Reply(Strict):
    """How the WFM answers a command."""

    status: Path
    accepted: Annotated[tuple[Text, ...], Field(min_length=1)]
    no_status: Literal["accepted", "unreadable"] = "unreadable"
    refused: Name
    visit: Path | None = None
    window: ReplyWindow | None = None
    slots: Slots | None = None


class CommandSpec(Strict):
    """A message to the WFM; `format` is that of the reply too."""

    exchange: Text
    routing_key: str
    format: Literal["json", "xml"] = "json"
    body: Annotated[Any, PlainValidator(parse_body, json_schema_input_type=dict[str, object])]
    reply: Reply | None = None

    @model_validator(mode="after")
    def _writable(self) -> Self:
        if self.format == "xml" and (not isinstance(self.body, dict) or len(self.body) != 1):
            raise ValueError("an XML body has one root element")
        if self.format == "xml" and (bad := check_names(self.body)) is not None:
            raise ValueError(f"'{bad}' cannot be the name of an XML element or attribute")
        return self
