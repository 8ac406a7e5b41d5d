"""How messages arrive and what identifies them."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from bridge.mapping.document.base import Cell, Format, Key, Name, Path, Paths, Strict, Text, Zone, as_list, widen
from bridge.mapping.formats.bodies import check_encoding


class Version(Strict):
    """A number that grows with every change, or a moment that does (`format`)."""

    path: Paths
    """Where it stands in the message; `version: $.rev` is short for `version: {path: $.rev}`. Of a list of paths the
    first that says something is taken.
    """
    format: Format | None = None
    """For a moment: how it is written, as for a datetime field. Left out, the version is a whole number."""
    zone: Zone | None = None
    """The zone of a moment that has none of its own; the pack's `zone` where it is left out."""
    optional: bool = False
    """`true`: a message may lack it, and is applied as it comes then."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        return widen(data, "path")


class ObjectVersion(Version):
    """The version of an object of the job, such as its visit."""

    of: Key | None = None
    """Which object it is of, such as the visit's id: where each visit counts anew, the version of another one says
    nothing of this one. Where it is absent, so is the version. Left out, there is one such object in a job.
    """


class Unpack(Strict):
    """Something in a message to be put in order before it is read: JSON in a text, or a list of names and values."""

    json_: Path | None = Field(default=None, alias="json")
    """Path of a text that holds JSON; what it holds takes its place."""
    pairs: Path | None = None
    """Path of a list of names and values; it becomes an object with these names."""
    name: Text = "name"
    """The member of a pair that has the name."""
    value: Text = "value"
    """The member of a pair that has the value."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.json_ is None) == (self.pairs is None):
            raise ValueError("write json: <path>, or pairs: <path>")
        return self


class Xml(Strict):
    """How XML is read: prefixes for namespaces, and elements that are lists even when there is one."""

    namespaces: dict[Text, Text] = {}
    """The prefixes that paths use for namespaces. Other namespaces are left out of names."""
    lists: tuple[Text, ...] = ()
    """Elements that are lists even where there is only one, in messages and in replies."""


class MessageTest(Strict):
    """A test of a message, made before anything of it must be there."""

    path: Path | None = None
    """Looks at this place of the message."""
    header: Text | None = None
    """Looks at this header of the message."""
    routing_key: Literal[True] | None = None
    """Looks at the routing key."""
    fits: Cell
    """The cell that what is found must fit."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if len(self.written & {"path", "header", "routing_key"}) != 1:
            raise ValueError("write exactly one of path, header or routing_key")
        return self


class IgnoreRule(MessageTest):
    """Messages that are of no interest."""

    why: Text
    """Why the message is of no interest; the journal says it."""


class Deltas(Strict):
    """Which messages tell only what has changed."""

    every: bool = False
    """Every message does; `deltas: true` is short for it."""
    only: Annotated[tuple[MessageTest, ...], Field(min_length=1)] | None = None
    """Only messages that fit one of these tests do; all others are complete."""
    unless: Annotated[tuple[MessageTest, ...], Field(min_length=1)] | None = None
    """Every message does, unless it fits one of these tests: then it is complete."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        return widen(data, "every")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if len(self.written) > 1:
            raise ValueError("write one of every, only and unless")
        return self

    def __bool__(self) -> bool:
        return self.every or self.only is not None or self.unless is not None


class Forget(MessageTest):
    """Messages that take something back."""

    fields: Annotated[tuple[Name, ...], Field(min_length=1), BeforeValidator(as_list)]
    """The fields that are empty after such a message, unless it tells them itself. A made field stands for those that
    it is made of.
    """


class PartitionBy(Strict):
    """What beside a message's body tells which job it is about: RabbitMQ can divide by that, and not by the body."""

    header: Text | None = None
    """This header does. All messages of a job bear it, with the same value of the same type."""
    routing_key: Literal[True] | None = None
    """The routing key does, as a whole: all messages of a job have the same."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if len(self.written) != 1:
            raise ValueError("write header or routing_key")
        return self


class Inbound(Strict):
    """How messages arrive and what identifies them."""

    exchange: Text
    """The WFM's exchange."""
    bindings: Annotated[tuple[Text, ...], Field(min_length=1)]
    """The binding keys of the bridge's queue."""
    partition_by: PartitionBy | None = None
    """What names the job beside the body: with `wfm.partitions` above 1 RabbitMQ's exchange divides the messages by it,
    and the bridge need not read and publish each of them once more. Left out, the bridge divides them by the job's key.
    """
    format: Literal["json", "xml"] = "json"
    """What a message is written in."""
    encoding: Annotated[str, AfterValidator(check_encoding)] | None = None
    """What texts are written in, such as `windows-1250`, in messages and replies that do not say it themselves (by a
    byte-order mark, their content type, or XML's declaration) and are not UTF-8.
    """
    xml: Xml = Xml.model_construct()
    """How XML is read."""
    unpack: tuple[Unpack, ...] = ()
    """What is put in order before anything is read, in this order."""
    ignore: tuple[IgnoreRule, ...] = ()
    """Messages of no interest. They are left alone before a job or a field is looked for."""
    each: Path | None = None
    """Path of a list of which each item is a message of its own, found as `$.part`. Their ids end in `#0`, `#1`, …"""
    message_id: Key | None = None
    """What a message is known by when it comes again; where it is absent a hash of the body stands in."""
    job: Key
    """The WFM's key of the job. A message without it is unreadable."""
    version: Version | None = None
    """What grows with every change of the job: a whole number or a moment. An older complete message is stale."""
    versions: dict[Name, ObjectVersion] = {}
    """The same for other objects of the job, by names of your own."""
    ties: Literal["apply", "stale"] = "apply"
    """A message whose version was applied already is applied too (`apply`), or is `stale`."""
    occurred_at: Name | None = None
    """The datetime field that says when it happened."""
    deltas: Deltas = Deltas.model_construct()
    """Which messages tell only what has changed: a field that is not there keeps its last known value. Of any other
    message, which is complete, it is empty.
    """
    forgets: tuple[Forget, ...] = ()
    """Messages that take back what was told before, such as a visit's window."""
    changed_names: Path | None = None
    """Path of a list that names what has changed, for fields with `changed`."""
