"""How messages arrive and what identifies them."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bridge.mapping.document.base import Format, Key, Name, Path, Strict, Text, Zone, widen
from bridge.mapping.document.cells import Cell


class Version(Strict):
    """A number that grows with every change, or a moment that does (`format`)."""

    path: Path
    format: Format | None = None
    zone: Zone | None = None
    optional: bool = False

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        return widen(data, "path")


class Unpack(Strict):
    """Something in a message to be put in order before it is read: JSON in a text, or a list of names and values."""

    json_: Path | None = Field(default=None, alias="json")
    pairs: Path | None = None
    name: Text = "name"
    value: Text = "value"

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.json_ is None) == (self.pairs is None):
            raise ValueError("write json: <path>, or pairs: <path>")
        return self


class Xml(Strict):
    """How XML is read: prefixes for namespaces, and elements that are lists even when there is one."""

    namespaces: dict[Text, Text] = {}
    lists: tuple[Text, ...] = ()


class IgnoreRule(Strict):
    """Messages that are of no interest, known before anything of them must be there."""

    path: Path | None = None
    header: Text | None = None
    routing_key: Literal[True] | None = None
    fits: Cell
    why: Text

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if len(self.model_fields_set & {"path", "header", "routing_key"}) != 1:
            raise ValueError("write exactly one of path, header or routing_key")
        return self


class Inbound(Strict):
    """How messages arrive and what identifies them."""

    exchange: Text
    bindings: Annotated[tuple[Text, ...], Field(min_length=1)]
    format: Literal["json", "xml"] = "json"
    xml: Xml = Xml()
    unpack: tuple[Unpack, ...] = ()
    ignore: tuple["IgnoreRule", ...] = ()
    each: Path | None = None
    message_id: Key | None = None
    job: Key
    version: Version | None = None
    versions: dict[Name, Version] = {}
    ties: Literal["apply", "stale"] = "apply"
    occurred_at: Name | None = None
    deltas: bool = False
    changed_names: Path | None = None
