"""What systems write in place of plain characters: blanks of every width, hyphens, full-width and national digits.

None of it means anything else than the plain character, so numbers, times and codes are read without it. Nothing that
could change a value is touched: a superscript is no digit.
"""

import unicodedata
from typing import Final

_MINUS: Final = "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"
_ARABIC: Final = {"\u066b": ".", "\u066c": "'"}
"""The separators of fractions and of thousands, each of which can be nothing else."""
_WIDE: Final = range(0xFF01, 0xFF5F)  # full-width forms of ASCII
_FROM_WIDE: Final = 0xFEE0


def tidy(text: str) -> str:
    """Write a text in plain characters, without blanks around it."""
    if not text.isascii():
        text = "".join(map(_plain, text))
    return text.strip(" \t\r\n\f\v")


def _plain(character: str) -> str:
    if character in _MINUS:
        return "-"
    if character in _ARABIC:
        return _ARABIC[character]
    if ord(character) in _WIDE:
        return chr(ord(character) - _FROM_WIDE)
    match unicodedata.category(character):
        case "Nd":
            return str(unicodedata.decimal(character))
        case "Zs" | "Zl" | "Zp":
            return " "
        case "Cf":  # marks of direction, a byte-order mark: nothing to see
            return ""
    return character
