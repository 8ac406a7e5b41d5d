"""The WFM's replies: how one is read, with its windows and slots, and how it finds the command that it answers."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from bridge.mapping.document.base import (
    Cell,
    Format,
    JobField,
    Name,
    Path,
    Paths,
    Scalar,
    Strict,
    Text,
    Zone,
    as_list,
    widen,
)
from bridge.mapping.document.inbound import Version


class ReplyZone(Strict):
    """The zone of a moment in a reply: its name, or the path of what says it."""

    name: Zone | None = None
    """A zone such as `Europe/Warsaw`. `zone: Europe/Warsaw`, `zone: $.tz` and `zone: field.region.zone` are short for a
    name, a path and a field.
    """
    field: JobField | None = None
    """What the job told before, as in a command: `field.<name>` or `field.<name>.<column>`. The pack's `zone` stands in
    where it is not known.
    """
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
        text = data if isinstance(data, str) else ""
        return widen(data, "path" if text.startswith("$") else "field" if text.startswith("field.") else "name")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if [self.name, self.field, self.path, self.minutes].count(None) != 3:
            raise ValueError("write a zone such as Europe/Warsaw, field.<name>, {path: …} or {minutes: …}")
        table = (self.table, self.column)
        if table != (None, None) and None in (self.path, *table):
            raise ValueError("path, table and column go together")
        return self


class ReplyMoment(Strict):
    """A date-time in a reply."""

    path: Paths
    """Where it stands in the reply; the texts of several paths are joined by a blank."""
    format: Format
    """How it is written, as for a datetime field."""
    empty: Annotated[tuple[Text, ...], BeforeValidator(as_list)] = ()
    """Texts that say nothing, such as `"-"` or `"0000-00-00 00:00"`; what is absent, null or blank says nothing anyway.
    """
    zone: ReplyZone | None = None
    """Its zone, or the path of what says it; the pack's `zone` where it is left out."""


class ReplyEnd(ReplyMoment):
    """The end of a window in a reply."""

    not_before: Literal["start"] | None = None
    """`start`: a time of day before the start is one of the next day."""


class ReplyWindow(Strict):
    """A window in a reply."""

    start: Annotated[tuple[ReplyMoment, ...], Field(min_length=1), BeforeValidator(as_list)]
    """When it begins; of a list of moments, the first that says something."""
    end: Annotated[tuple[ReplyEnd, ...], Field(min_length=1), BeforeValidator(as_list)]
    """When it ends; of a list of moments, the first that says something."""

    @property
    def job_zones(self) -> tuple[str, ...]:
        """The zones that the job told before: `field.<name>` and `field.<name>.<column>`."""
        zones = (moment.zone for moment in (*self.start, *self.end))
        return tuple(zone.field for zone in zones if zone is not None and zone.field is not None)


_A_WEEK = 7 * 24 * 60  # minutes
LONGEST_REASON = 255  # characters, Error422.reason


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


Codes = Annotated[tuple[Scalar, ...], Field(min_length=1), BeforeValidator(as_list)]


class Yes(Strict):
    """By what a reply says yes: codes at `status`, cells that fit, or both."""

    codes: Codes | None = None
    """The codes at `status` that mean yes; `accepted: [ok]` is short for `accepted: {codes: [ok]}`."""
    when: dict[Path, Cell] = {}
    """The cells, by path in the reply, that a yes must fit, all of them. An empty reply must not fit them."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        return widen(data, "codes")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.codes is None and not self.when:
            raise ValueError("write the codes that mean yes, or when: {<path>: <cell>}")
        return self


class ReplyReason(Strict):
    """The WFM's own text about a refusal."""

    path: Paths
    """Where it stands in the reply; `reason: $.text` is short for `reason: {path: $.text}`. Of a list of paths the
    first that says something is taken. Of a long text the Buyer is told the first 255 characters.
    """
    default: Annotated[str, Field(min_length=1, max_length=LONGEST_REASON)] = "The workforce system refused the request"
    """What the Buyer is told where the WFM gives no text."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        return widen(data, "path")


class No(Strict):
    """By what a reply says no, and what the Buyer is told then."""

    table: Name
    """The table of refusals, by the WFM's codes (a key column of another name), with the columns `code` (the standard's
    error code), `reason` (at most 255 characters) and, if you like, `path` (a JSON Pointer into the Buyer's request)
    and `final` (`"yes"`: the WFM never takes a visit back that it refuses to with this code, as when it has begun; the
    Buyer is then shown the visit of a booking that was answered too late). Its `default` row is for the codes that
    nobody told us of. `refused: refusals` is short for `refused: {table: refusals}`.
    """
    codes: Codes | None = None
    """The codes at `status` that mean no. Without `codes` and `when`, a reply is a no if its status is none of the
    accepted codes, or if the `code` that stands elsewhere has a row of its own.
    """
    when: dict[Path, Cell] = {}
    """The cells, by path in the reply, that a no must fit, all of them."""
    code: Paths | None = None
    """Where the code stands that is looked up in the table, if that is not the status; of several paths, the first that
    says something. The `default` row is for a no without a code.
    """
    reason: ReplyReason | None = None
    """The WFM's own text, which the Buyer is told for codes whose row has no `reason`. Left out, each row has one."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        return widen(data, "table")


class Reply(Strict):
    """How the WFM answers a command. What is neither a declared yes nor a declared no is unreadable."""

    status: Paths | None = None
    """Where the code stands that says yes or no; of several paths, the first that says something."""
    accepted: Yes
    """What means yes: codes at `status`, or cells by path."""
    refused: No
    """What means no, and the table that says what the Buyer is told of it."""
    visit: Paths | None = None
    """Where the WFM's reference of the visit stands; of several paths, the first that says something."""
    window: ReplyWindow | None = None
    """The window that was really agreed, where the WFM says so."""
    version: Version | None = None
    """The version that the job has since this yes, as in `inbound.version`: messages of a lower one are older than it.
    For `book`, `reschedule` and `cancel`.
    """
    slots: Slots | None = None
    """The slots that are offered; for `search` only."""

    @property
    def job_zones(self) -> tuple[str, ...]:
        """The zones that the job told before: `field.<name>` and `field.<name>.<column>`."""
        return tuple(zone for window in (self.window, self.slots) if window is not None for zone in window.job_zones)

    @model_validator(mode="before")
    @classmethod
    def _only_yes_is_yes(cls, data: object) -> object:
        """Say what to write instead of a key by which an empty reply was a yes."""
        if isinstance(data, dict) and "no_status" in data:
            raise ValueError(
                "a reply without a code is no yes, so there is no no_status; write what a yes has: "
                "accepted: {when: {$.visit: {present: true}}}, and what a no has: refused: {table: …, when: …}"
            )
        return data


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
    correlation: Paths | None = None
    """Where a reply bears the `correlation` that its command has written, instead of in the AMQP property
    `correlation_id`; of several paths, the first that says something.
    """

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.queue is None and self.correlation is None:
            raise ValueError("write queue: <name>, correlation: <path>, or both")
        return self
