"""Conditions: on a value, on a list of values, on free text."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from bridge.mapping.document.base import Bound, Pieces, Scalar, Strict, as_list, widen

BOUNDS = ("at_least", "above", "at_most", "below")


class Words(Strict):
    """A test of free text: literal pieces, whatever the case of the letters; any of them is enough."""

    starts_with: Pieces | None = None
    """A text that begins so, or with one of a list; upper or lower case are the same."""
    ends_with: Pieces | None = None
    """A text that ends so, or with one of a list; upper or lower case are the same."""
    contains_word: Pieces | None = None
    """A text in which this word, these words, or one of a list stand; upper or lower case are the same."""


class Cell(Words):
    """A condition of a rule on one column: a value, a list (any of), or one of the tests."""

    any: Annotated[tuple[Scalar, ...], Field(min_length=1)] | None = None
    """One of these values; `[A, B]` is short for it, and `A` for a single one."""
    not_: Annotated[tuple[Scalar, ...], Field(min_length=1)] | None = Field(default=None, alias="not")
    """Any value but this, or these; an absent one fits too."""
    present: bool | None = None
    """`true` fits a value that is there, `false` an absent one."""
    at_least: Bound | None = None
    """A whole number, or a moment with its offset, that is this or more. Bounds may be combined."""
    above: Bound | None = None
    """A whole number, or a moment, that is more than this."""
    at_most: Bound | None = None
    """A whole number, or a moment, that is this or less."""
    below: Bound | None = None
    """A whole number, or a moment, that is less than this."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        data = widen(data, "any") if isinstance(data, list | dict) else {"any": [data]}
        return {key: as_list(value) if key in ("any", "not") else value for key, value in data.items()}  # type: ignore[attr-defined]

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        conditions = {"range" if name in BOUNDS else name for name in self.written}
        if len(conditions) != 1:
            raise ValueError("write one condition: a value, a list, {not: …}, {present: …}, a range or a test of text")
        return self
