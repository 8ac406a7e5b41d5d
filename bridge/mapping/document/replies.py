"""The WFM's replies: how one is read, with its windows and slots, and how it finds the command that it answers."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from bridge.mapping.document.base import Cell, Format, Name, Path, Strict, Text, Zone, as_list, widen
from bridge.mapping.document.inbound import Version


class ReplyZone(Strict):
    """The zone of a moment in a reply: its name, or the path of what says it."""

    name: Zone | None = None
    """A zone such as `Europe/Warsaw`. `zone: Europe/Warsaw` and `zone: $.tz` are short for a name and for a path."""
    path: Path | None = None
    """Path of the zone's name."""
    table: Name | None = None
    """The table in which that name is looked up, where the WFM has names of its own."""
    column: Name | None = None
    """The column of the table that has the zone."""
    minutes: Path | None = None
    """Path of the minutes east of Greenwich."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        return widen(data, "path" if isinstance(data, str) and data.startswith("$") else "name")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if [self.name, self.path, self.minutes].count(None) != 2:
            raise ValueError("write a zone such as Europe/Warsaw, {path: …} or {minutes: …}")
        table = (self.table, self.column)
        if table != (None, None) and None in (self.path, *table):
            raise ValueError("path, table and column go together")
        return self


class ReplyMoment(Strict):
    """A date-time in a reply."""

    path: Annotated[tuple[Path, ...], Field(min_length=1), BeforeValidator(as_list)]
    """Where it stands in the reply; the texts of several paths are joined by a blank."""
    format: Format
    """How it is written, as for a datetime field."""
    zone: ReplyZone | None = None
    """Its zone, or the path of what says it; the pack's `zone` where it is left out."""


class ReplyEnd(ReplyMoment):
    """The end of a window in a reply."""

    not_before: Literal["start"] | None = None
    """`start`: a time of day before the start is one of the next day."""


class ReplyWindow(Strict):
    """A window in a reply."""

    start: ReplyMoment
    """When it begins."""
    end: ReplyEnd
    """When it ends."""


_A_WEEK = 7 * 24 * 60  # minutes


class Dictionary(Strict):
    """A list in a reply whose entries are found by a name that slots have; one becomes the slot's member `entry`."""

    list: Path
    """Path of the list of entries in the reply."""
    key: Path
    """Path, from an entry, of the name it is found by."""
    by: Path
    """Path, from a slot, of the name of its entry."""


class Around(Strict):
    """A list around the slots: days, areas, technicians."""

    list: Path
    """Path of the list, from what it lies in."""
    where: dict[Path, Cell] = {}
    """The cells, by path from an item, that the item must fit; else there are no slots in it."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        return widen(data, "list")


class Prefer(Strict):
    """Which of several slots of the same window is taken."""

    path: Path
    """Path, from the slot, of a number."""
    order: Literal["lowest", "highest"]
    """The slot of the `lowest` or of the `highest` number is taken."""


class Slots(ReplyWindow):
    """The offered slots of a search; paths inside start at the slot."""

    within: tuple[Around, ...] = ()
    """The lists around `each`, outermost first, each by its path or with a `where`. What a slot lies in is its member
    `parent`, and so on outwards; the last one is the reply itself.
    """
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
    prefer: Prefer | None = None
    """Which of several slots of the same window is taken; left out, the first."""
    partly: Literal["drop", "clip"] = "drop"
    """A window that lies partly outside the period the Buyer asks for is left out (`drop`), or cut to it (`clip`). Cut
    only where the WFM books, and tells, the piece that is asked for, not the whole window.
    """
    shortest: Annotated[int, Field(ge=1, le=_A_WEEK)] | None = None
    """Minutes that must be left of a window that is cut."""


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
    characters) and, if you like, `path` (a JSON Pointer into the Buyer's request) and `final` (`"yes"`: the WFM never
    takes a visit back that it refuses to with this code, as when it has begun; the Buyer is then shown the visit of a
    booking that was answered too late). It needs a `default` row.
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


def _of_the_wfm(queue: str) -> str:
    """Refuse the bridge's own queues: what is in them has an owner already."""
    for prefix, owner in (("mef-bridge.", "the bridge"), ("amq.", "RabbitMQ")):
        if queue.startswith(prefix):
            raise ValueError(f"queues of {owner} begin with {prefix}; write the name that the WFM answers to")
    return queue


class Replies(Strict):
    """How all replies of the WFM find their commands, where it knows nothing of AMQP's reply_to or correlation_id."""

    queue: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_of_the_wfm)] | None = None
    """The queue that the WFM answers to, whatever a command says; commands then carry no `reply_to`."""
    correlation: Annotated[tuple[Path, ...], Field(min_length=1), BeforeValidator(as_list)] | None = None
    """Where a reply bears the `correlation` that its command has written, instead of in the AMQP property
    `correlation_id`; of several paths, the first that says something.
    """

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.queue is None and self.correlation is None:
            raise ValueError("write queue: <name>, correlation: <path>, or both")
        return self
