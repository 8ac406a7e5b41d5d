"""Formats that look as if their texts bore an offset are told, in both directions, unless the pack says the zone."""

import pytest

from bridge.mapping.formats.datetimes import is_utc, offset_in_letters
from tests.unit.mapping.patches import problems

DAY = "%Y-%m-%d"
TELLING = {
    f"{DAY}T%H:%M:%SZ": "Z",
    f"{DAY}T%H:%M:%S.000Z": "Z",
    f"{DAY}T%H:%M:%S.%fZ": "Z",
    f"{DAY} %H:%Mz": "z",
    f"{DAY} %H:%M:%S Z": "Z",
    f"{DAY} %H:%M UTC": "UTC",
    f"{DAY} %H:%MGMT": "GMT",
    f"{DAY} %H:%M (CET)": "CET",
    f"{DAY} %H:%M UTC+1": "UTC+1",
    f"{DAY}T%H:%M:%S+00:00": "+00:00",
    f"{DAY}T%H:%M:%S+0000": "+0000",
    f"{DAY}T%H:%M:%S-05": "-05",
    f"%H:%M:%S+02:00 {DAY}": "+02:00",
    f"{DAY} %I:%M %p EST": "EST",
    f"UTC {DAY} %H:%M": "UTC",
    f"{DAY} %H:%M MESZ": "MESZ",
    f"{DAY} %I:%M %p ET": "ET",
    f"{DAY}T%H:%M:%S[Europe/Berlin]": "Europe/Berlin",
    f"{DAY} %H:%M W. Europe Standard Time": "Standard Time",
    f"{DAY} %H:%M:%S\N{MINUS SIGN}05:00": "\N{MINUS SIGN}05:00",
    f"{DAY}T%H:%M:%SZ00": "Z00",
    f"{DAY}Z %H:%M": "Z",
    f"{DAY}+01:00 %H:%M": "+01:00",
    f"{DAY}Z": "Z",
    f"{DAY} %H:%M:%S\uff3a": "\uff3a",
    f"{DAY} %H:%M:%S\uff0b01:00": "\uff0b01:00",
    f"{DAY} %H:%M:%S\N{EN DASH}05:00": "\N{EN DASH}05:00",
    f"{DAY} %H:%M Coordinated Universal Time": "Universal Time",
    f"{DAY} %H:%M Central European Time": "European Time",
    f"{DAY} %H:%M UCT": "UCT",
    f"{DAY}T%H:%M:%SXXX": "XXX",
    f"{DAY}T%H:%M:%SZZ": "ZZ",
    f"{DAY}T%H:%M:%S+HH:MM": "+HH:MM",
}
SILENT = [
    *(
        f"{DAY} %H:%M",
        f"{DAY}T%H:%M:%S",
        f"{DAY}T%H:%M:%S%z",
        f"{DAY}T%H:%M:%SZ%z",
        "%d.%m.%Y %H:%M Uhr",
        "%d-%m-%Y %Hh%M",
    ),
    *("%Y%m%d-%H%M", "%H:%M:%S-%d.%m.%Y", f"{DAY} %H:%M Zone", "iso", "epoch", "%Y-%m-01 %H:%M", f"Best {DAY} %H:%M"),
    *(f"{DAY} at %H:%M, pt 7", f"{DAY} %H:%M met", "%d/%m/%Y %H:%M", "%d-%m-%Y/%H:%M", f"Am {DAY} um %H:%M"),
]


def test_what_looks_like_an_offset_is_known_by_where_it_stands() -> None:
    assert {pattern: offset_in_letters(pattern) for pattern in TELLING} == TELLING
    assert {pattern: offset_in_letters(pattern) for pattern in SILENT} == dict.fromkeys(SILENT)


def test_in_utc_all_that_says_utc_says_what_it_is() -> None:
    assert all(
        is_utc(letters, "UTC")
        for letters in ("Z", "zulu", "+00:00", "-0000", "UTC+0", "GMT+00:00", "Z00", "\uff3a", "UCT")
    )
    assert not any(is_utc(letters, "UTC") for letters in ("CET", "+01:00", "-10", "UTC+1", "Europe/Berlin"))


ZULU = '"%Y-%m-%dT%H:%M:%SZ"'
PLACES = {
    "fields: {at: {path: $.at, type: datetime, format: @}}": "read",
    "fields: {all: {path: $.all, type: items, fields: {at: {path: $.at, type: datetime, format: @}}}}": "read",
    "inbound: {version: {path: $.v, format: @}}": "read",
    "inbound: {versions: {visit: {path: $.v, format: @}}}": "read",
    "commands: {search: {reply: {slots: {start: {path: $.a, format: @}}}}}": "read",
    "commands: {cancel: {reply: {window: {start: {path: $.a, format: @}, end: {path: $.b, format: iso}}}}}": "read",
    "commands: {search: {body: {when: null, a: {value: window.start, format: @}}}}": "written",
}


@pytest.mark.parametrize("place", PLACES)
def test_a_z_is_a_letter_wherever_a_time_is_read_or_written(place: str) -> None:
    def told(format_: str, zone: str) -> list[str]:
        return problems(f"zone: {zone}\n{place.replace('@', format_)}")

    (problem,) = told(ZULU, "Europe/Warsaw")
    assert problem.startswith(
        "no-offset: the Z in '%Y-%m-%dT%H:%M:%SZ' is only letters, and the time is "
        f"{PLACES[place]} in the zone Europe/Warsaw"
    )
    assert (
        told(ZULU, "UTC")
        == told(f"{ZULU}, zone: UTC", "Europe/Warsaw")
        == told(f"{ZULU}, zone: Asia/Tokyo", "UTC")
        == []
    )
    assert len(told('"%Y-%m-%dT%H:%M:%S+01:00"', "UTC")) == 1
    assert told('"%Y-%m-%dT%H:%M:%S%z"', "Europe/Warsaw") == []


@pytest.mark.parametrize(
    ("format_", "reason"),
    [
        ("%Y-%m-%d %H:%M %Z", "reads the name of a zone and forgets it; write %z"),
        ("%Y-%m-%d %H:%M %p", "forgets AM and PM, which say nothing beside %H; write %I"),
        ("%Y-%m-%d %I:%M", "loses a part of the date or time"),
        ("%Y-%m-%d %I:%M AM", "loses a part of the date or time"),
        ("yyyy-MM-dd'T'HH:mm:ss'Z'", "write something like '%Y-%m-%dT%H:%M:%S%z'"),
        ("yyyy-MM-dd'T'HH:mm:ssXXX", "write something like '%Y-%m-%dT%H:%M:%S%z'"),
    ],
)
def test_a_format_that_forgets_what_it_reads_is_refused(format_: str, reason: str) -> None:
    (problem,) = problems(f'fields: {{at: {{path: $.at, type: datetime, zone: UTC, format: "{format_}"}}}}')
    assert reason in problem


@pytest.mark.parametrize("format_", ["%I:%M", "%d.%m.%Y %I:%M Uhr", "%I:%M PM"])
def test_a_clock_of_twelve_hours_is_written_with_am_and_pm(format_: str) -> None:
    def told(format_: str) -> list[str]:
        return problems(
            f'commands: {{search: {{body: {{a: {{value: window.start, zone: UTC, format: "{format_}"}}}}}}}}'
        )

    assert "writes a clock of twelve hours without AM or PM; write %H, or %p beside it" in told(format_)[0]
    assert told("%I:%M %p") == told("%H:%M %Z") == []
