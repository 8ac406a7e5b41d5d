"""Where outputs take their values from: `Value` entries compiled to getters, with the type that the output wants."""

from collections.abc import Callable
from datetime import datetime

from bridge.mapping import document
from bridge.mapping.formats.values import Get, Misread, Values, as_text, constant, shown
from bridge.mapping.reading.columns import Lookups, field_getter


def value_getter(value: document.Value, lookups: Lookups) -> Get:
    """Make a getter for the first present source of a value, else its default, else None; empty lists say nothing."""
    if value.literal is not None:
        return constant(value.literal)
    getters = tuple(field_getter(reference, lookups) for reference in value.value)
    default = value.default
    if len(getters) == 1 and default is None:
        return getters[0]

    def get(values: Values) -> object:
        return next((found for getter in getters if (found := getter(values)) not in (None, ())), default)

    return get


def text_getter(where: str, value: document.Value, lookups: Lookups) -> Callable[[Values], str]:
    """As `value_getter`, for text that must be there. The getter raises `Misread` where it is not."""
    get = value_getter(value, lookups)

    def get_text(values: Values) -> str:
        found = get(values)
        if found is None:
            raise Misread(f"{where}: {_source(value)} is absent")
        return as_text(found)

    return get_text


def optional_text_getter(value: document.Value, lookups: Lookups) -> Callable[[Values], str | None]:
    """As `value_getter`, for text that may be absent."""
    get = value_getter(value, lookups)

    def get_text(values: Values) -> str | None:
        found = get(values)
        return as_text(found) if found is not None else None

    return get_text


def moment_getter(where: str, value: document.Value, lookups: Lookups) -> Callable[[Values], datetime | None]:
    """As `value_getter`, for a moment that may be absent."""
    get = value_getter(value, lookups)

    def get_moment(values: Values) -> datetime | None:
        found = get(values)
        if found is not None and not isinstance(found, datetime):
            raise Misread(f"{where}: expected a date and time from {_source(value)}; came {shown(found)}")
        return found

    return get_moment


def _source(value: document.Value) -> str:
    return " or ".join(value.value) or "a literal"
