"""Look-ups."""

from typing import Literal

from bridge.mapping.document.base import Name, Strict, Text


class Table(Strict):
    """A look-up: rows found by the text in their key column."""

    key: Name
    on_miss: Literal["park", "default", "keep"] = "park"
    default: dict[Name, str] | None = None
    file: Text | None = None
    rows: tuple[dict[Name, str], ...]
