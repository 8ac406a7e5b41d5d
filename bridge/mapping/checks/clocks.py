"""Checks of formats that look as if their texts bore an offset, and do not: two hours off, and nobody would know.

A `Z` in a format is a letter. Read so, the time is one of the zone that stands for it, and written so, too. Where that
zone is UTC it is what it says; else a person must say which of the two is meant.
"""

from bridge.mapping.checks.report import Loc, Report
from bridge.mapping.formats.datetimes import is_utc, offset_in_letters


def check_letters(loc: Loc, pattern: str | None, zone: str | None, report: Report, *, written: bool = False) -> None:
    """Check the format at `loc` of a time that has no zone of its own; `zone` is the one that stands for it."""
    letters = offset_in_letters(pattern) if pattern is not None else None
    if letters is None or is_utc(letters, zone):
        return
    does, own = ("written", "writes") if written else ("read", "reads")
    message = (
        f"the {letters} in '{pattern}' is only letters, and the time is {does} in the zone {zone or 'UTC'}; "
        f"say here which zone it is (zone: UTC), or write %z, which {own} the offset"
    )
    report.add(loc, "no-offset", message)
