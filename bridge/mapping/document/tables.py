"""Look-ups."""

from collections.abc import Mapping
from functools import cached_property
from typing import Literal

from bridge.mapping.document.base import Name, Strict, Text


class Table(Strict):
    """A look-up: rows found by the text in their key column."""

    key: Name
    """The column that is looked up."""
    on_miss: Literal["park", "default", "keep"] = "park"
    """What becomes of a code without a row: its message is parked (`park`), it gets the `default` row, or it stays as
    it is without a row (`keep`).
    """
    default: dict[Name, str] | None = None
    """The columns of a code without a row, with `on_miss: default`."""
    file: Text | None = None
    """A file beside the pack that has the rows: CSV with the columns' names in the first line (an empty cell is
    absent), or YAML with the one key `rows`.
    """
    rows: tuple[dict[Name, str], ...]
    """The rows, unless they stand in a `file`. Every cell is a text: put codes that look like numbers in quotes."""

    @cached_property
    def by_key(self) -> Mapping[str, Mapping[str, str]]:
        """The rows by their codes; made once, for many fields may ask and a table may be a directory of thousands."""
        return {row[self.key]: row for row in self.rows}
