"""Numbers as WFMs write them: JSON's own, or texts with signs, separators, exponents and blanks.

A text is read where it means one number. `1,234` may be more than a thousand or little more than one, so it is none;
`1,234,567` and `1 234` are whole numbers, and `1,5` is one and a half.
"""

import math
import re
from decimal import Decimal, InvalidOperation
from typing import Final

from bridge.mapping.formats.tidy import tidy

LARGEST: Final = 2**63 - 1
"""What a database column and most WFMs can hold."""

_LONGEST: Final = 40  # characters of a number with its sign, separators and exponent
_PLAIN: Final = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+")
_COMMA: Final = re.compile(r"[0-9]*,[0-9]+")
_SPACED: Final = re.compile(r"[0-9]{1,3}(?:[ '’][0-9]{3})+(?:[.,][0-9]+)?")
_GROUPED: Final = (
    re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(\.[0-9]+)?"),
    re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+(,[0-9]+)?"),
)
_SIGNED: Final = re.compile(r"(?P<sign>[+-]?) ?(?P<digits>[^eE+-]*)(?:[eE](?P<exponent>[+-]?[0-9]{1,3}))?(?P<last>-?)")


def whole_number(raw: object) -> int | None:
    """Read a whole number within 64 bits; None for anything else, and for what may be two numbers."""
    if type(raw) is int:
        return raw if abs(raw) <= LARGEST else None
    if isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) < len(str(LARGEST)):
        return int(raw)
    if is_ambiguous(raw):
        return None
    number = decimal_number(raw)
    if number is None or abs(number) > LARGEST or number != int(number):
        return None
    return int(number)


def decimal_number(raw: object) -> Decimal | None:
    """Read a finite number; None for anything else. `1.234` has a decimal point; `1,234` may be two numbers."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    if isinstance(raw, float) and not math.isfinite(raw):
        return None
    text = repr(raw) if isinstance(raw, float) else str(raw) if isinstance(raw, int) and abs(raw) <= LARGEST else raw
    return _read(text) if isinstance(text, str) and len(text) <= _LONGEST else None


def is_ambiguous(raw: object) -> bool:
    """Tell whether a text is a number with one separator that may stand before thousands, or before a fraction."""
    text = tidy(raw).lstrip("+-").strip() if isinstance(raw, str) and len(raw) <= _LONGEST else ""
    return re.fullmatch(r"[1-9][0-9]{0,2}[.,][0-9]{3}", text) is not None


def _read(text: str) -> Decimal | None:
    match = _SIGNED.fullmatch(tidy(text))
    if match is None or (match["sign"] and match["last"]):
        return None
    digits = _without_separators(match["digits"])
    if digits is None:
        return None
    try:
        number = Decimal(digits + (f"e{match['exponent']}" if match["exponent"] else ""))
    except InvalidOperation:
        return None
    return -number if "-" in (match["sign"], match["last"]) else number


def _without_separators(digits: str) -> str | None:
    """Take the separators of thousands out, and put a point before the fraction."""
    if _PLAIN.fullmatch(digits):
        return digits
    if _SPACED.fullmatch(digits):
        return re.sub("[ '’]", "", digits).replace(",", ".")
    for pattern, thousands in zip(_GROUPED, ",.", strict=True):
        match = pattern.fullmatch(digits)
        if match is not None and (match[1] or digits.count(thousands) > 1):
            return digits.replace(thousands, "").replace(",", ".")
    if _COMMA.fullmatch(digits) and not is_ambiguous(digits):
        return digits.replace(",", ".")
    return None
