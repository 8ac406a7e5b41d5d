"""Windows of time in the WFM's replies."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from bridge.mapping.document.base import Format, Name, Path, Strict, Zone, as_list, widen


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
