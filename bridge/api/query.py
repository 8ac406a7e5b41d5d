"""The query of a URL: every parameter known, given once, with a value. Anything else is a 400 that says why."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Final, NoReturn, TypeVar
from urllib.parse import unquote_plus

from bridge.api.failures import bad_request, invalid_query
from bridge.mef.error_bodies import Error400Code, shorten
from bridge.mef.moments import EXPECTED, parse_moment

MAX_OFFSET: Final = 2**63 - 1  # a database's big integer; beyond it nothing can be found
MAX_LIMIT: Final = 2**31 - 1  # the files give `limit` the format int32
_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_INTEGER: Final = re.compile(r"\d{1,19}", re.ASCII)

T = TypeVar("T")
Member = TypeVar("Member", bound=StrEnum)


class Query:
    """The parameters of one request by name. Of several spellings of one parameter, one may be given."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def text(self, *names: str) -> str | None:
        """Give the value, or None where the parameter is absent."""
        given = [name for name in names if name in self._values]
        if len(given) > 1:
            raise invalid_query(f"{' and '.join(given)} are the same parameter; give one of them.")
        return self._values[given[0]] if given else None

    def _read(self, name: str, read: Callable[[str], T | None], expected: str) -> T | None:
        value = self.text(name)
        if value is None:
            return None
        parsed = read(value)
        if parsed is None:
            _refuse(name, value, expected)
        return parsed

    def integer(self, name: str, maximum: int) -> int | None:
        """Give a number from 0 to `maximum`."""
        return self._read(name, partial(_integer, maximum=maximum), f"a whole number from 0 to {maximum}")

    def boolean(self, name: str) -> bool | None:
        """Give what `true` or `false` says."""
        return self._read(name, {"true": True, "false": False}.get, "true or false")

    def member(self, name: str, kind: type[Member]) -> Member | None:
        """Give a member of an enum of the standard."""
        members = {member.value: member for member in kind}
        return self._read(name, members.get, f"one of {', '.join(members)}")

    def moment(self, name: str) -> datetime | None:
        """Give a date-time in UTC."""
        return self._read(name, parse_moment, f"{EXPECTED} (write a + as %2B)")


def _integer(text: str, maximum: int) -> int | None:
    if not _INTEGER.fullmatch(text):
        return None
    number = int(text)
    return number if number <= maximum else None


def _refuse(name: str, value: str, expected: str) -> NoReturn:
    raise invalid_query(f"The value of {name} must be {expected}; got '{shorten(value, 60)}'.")


def parse_query(raw: str, known: frozenset[str]) -> Query:
    """Read a raw query string (without `?`), in which only the parameters in `known` may stand."""
    if _BROKEN_ESCAPE.search(raw):
        raise invalid_query("The query has a % that is not followed by two hexadecimal digits.")
    values: dict[str, str] = {}
    for piece in filter(None, raw.split("&")):
        name, _, value = (_decode(part) for part in piece.partition("="))
        _check(name, value, values, known)
        values[name] = value
    return Query(values)


def _decode(part: str) -> str:
    try:
        text = unquote_plus(part, errors="strict")
    except UnicodeDecodeError as error:
        raise invalid_query("The query has escapes that are not UTF-8.") from error
    if "\0" in text:  # no database keeps it; any other character is merely one that nothing is named by
        raise invalid_query("The character U+0000 is not allowed in a query.")
    return text


def _check(name: str, value: str, seen: Mapping[str, str], known: frozenset[str]) -> None:
    shown = shorten(name, 60)
    if name not in known:
        raise invalid_query(f"There is no parameter '{shown}' here; known are {', '.join(sorted(known))}.")
    if name in seen:
        raise invalid_query(f"The parameter {shown} is given twice.")
    if not value.strip():
        raise bad_request(Error400Code.MISSING_QUERY_VALUE, f"The parameter {shown} has no value.")
