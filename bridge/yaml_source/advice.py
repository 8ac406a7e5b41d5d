"""What to write instead, for the mistakes in YAML that people make. The parser only says what it stumbled over."""

import re
from collections.abc import Sequence
from typing import Final

_ADVICE: Final[Sequence[tuple[str, str]]] = (
    (r"found character '\\t'", "indent with blanks, not with tabs"),
    (r"found character '(.)'", "a text that begins with {0} needs quotes"),
    (r"scanning an alias", "a text that begins with * needs quotes"),
    (r"scanning an anchor", "a text that begins with & needs quotes"),
    (r"mapping values are not", "a text with ': ' in it needs quotes; else indent this line as those it belongs to"),
    (r"expected ',' or '(.)', but got '[\[{]'", "a text with brackets, braces or commas needs quotes here"),
    (r"expected ',' or '(.)', but got ':'", "close with {0}, or put a text with ': ' in it in quotes"),
    (r"expected ',' or '(.)', but got", "close with {0}, or put a comma between the entries"),
    (r"scanning a quoted scalar", "close the quotes"),
    (r"unknown escape", "use single quotes, or write each backslash twice"),
    (r"<block end>, but found '[\]},]'", "take the bracket out, or open it before"),
    (r"<block end>, but found '<scalar>'", "a quoted text is the whole value; write '' for ' inside single quotes"),
    (r"<block end>", "indent this line as those it belongs to"),
    (r"could not find expected ':'", "a key is followed by a colon and a blank"),
    (r"sequence entries are not", "begin the list on the next line"),
    (r"expected the node content", "put a text that begins with this character in quotes"),
)


def advice(problem: str) -> str:
    """Give `; ` and what to write, or nothing for what is not known."""
    for pattern, words in _ADVICE:
        if (found := re.search(pattern, problem)) is not None:
            return f"; {words.format(*found.groups())}"
    return ""
