"""The slots that the WFM offers in its reply to a search."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bridge.mapping.document.base import Name, Path, Strict, widen
from bridge.mapping.document.cells import Cell
from bridge.mapping.document.windows import ReplyWindow

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
