"""Local times in and out: DST policy, fixed formats, and text that is no time."""

from datetime import UTC, datetime

import pytest

from bridge.mapping.formats.datetimes import check_format, check_zone, has_offset, moment_reader, moment_writer
from bridge.mapping.formats.durations import duration_reader

MINUTES = "%Y-%m-%d %H:%M"
WARSAW = "Europe/Warsaw"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "pattern", "zone", "moment"),
    [
        ("2026-03-05 13:04", MINUTES, WARSAW, "2026-03-05 12:04"),
        ("2026-07-05 13:04", MINUTES, WARSAW, "2026-07-05 11:04"),
        ("2026-07-05 13:04", MINUTES, "UTC", "2026-07-05 13:04"),
        ("2026-07-05 13:04", MINUTES, None, "2026-07-05 13:04"),
        ("20260705130405", "%Y%m%d%H%M%S", WARSAW, "2026-07-05 11:04:05"),
        ("5.7.2026 1:04 PM", "%d.%m.%Y %I:%M %p", WARSAW, "2026-07-05 11:04"),
        ("2026-7-5 13:04", MINUTES, WARSAW, "2026-07-05 11:04"),
        ("2026-07-05T13:04:05+0530", "%Y-%m-%dT%H:%M:%S%z", WARSAW, "2026-07-05 07:34:05"),
        ("2026-07-05T13:04:05Z", "%Y-%m-%dT%H:%M:%S%z", None, "2026-07-05 13:04:05"),
    ],
)
def test_a_local_time_is_read_in_its_zone(text: str, pattern: str, zone: str | None, moment: str) -> None:
    remarks: list[str] = []
    read = moment_reader(pattern, zone)(text, remarks)
    assert (read, read.tzinfo, remarks) == (utc(moment), UTC, [])


@pytest.mark.parametrize(
    ("text", "zone", "moment", "remark"),
    [
        ("2026-03-29 02:00", WARSAW, "2026-03-29 01:00", "does not exist and is moved forward"),
        ("2026-03-29 02:30", WARSAW, "2026-03-29 01:30", "does not exist and is moved forward"),
        ("2026-10-25 02:30", WARSAW, "2026-10-25 00:30", "happens twice and is taken as the first"),
        ("2026-10-04 02:10", "Australia/Lord_Howe", "2026-10-03 15:40", "does not exist and is moved forward"),
    ],
)
def test_a_time_in_the_gap_moves_forward_and_an_ambiguous_one_is_the_first_and_both_are_flagged(
    text: str, zone: str, moment: str, remark: str
) -> None:
    read = moment_reader(MINUTES, zone)
    for _ in range(2):  # a remembered text is remarked on again
        remarks: list[str] = []
        assert read(text, remarks) == utc(moment)
        assert remarks == [f"{text}:00 {remark} in {zone}"]


@pytest.mark.parametrize("text", ["2026-03-29 01:59", "2026-03-29 03:00", "2026-10-25 01:59", "2026-10-25 03:00"])
def test_the_minutes_around_a_change_are_plain(text: str) -> None:
    remarks: list[str] = []
    moment_reader(MINUTES, WARSAW)(text, remarks)
    assert remarks == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2026-02-30 10:00",
        "2026-13-01 10:00",
        "2026-03-05 25:00",
        "2026-03-05 13:04:05",
        "0001-01-01 00:30",
        "2026-03-05" + " " * 100 + "13:04",
        "2026-03-05 13:04\x00",
    ],
)
def test_text_that_is_no_time_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its sentence is the field's business
        moment_reader(MINUTES, WARSAW)(text, [])


def test_a_moment_is_written_as_local_time() -> None:
    assert moment_writer(MINUTES, WARSAW)(utc("2026-07-05 11:04")) == "2026-07-05 13:04"
    assert moment_writer("%d.%m.%Y", None)(utc("2026-07-05 23:04")) == "05.07.2026"


@pytest.mark.parametrize("pattern", ["%Y-%m-%dT%H:%M%z", "iso", "json_date", "epoch"])
def test_the_last_hours_of_the_calendar_are_written_too(pattern: str) -> None:
    moment = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)  # Warsaw has no such time any more
    assert moment_reader(pattern, None)(moment_writer(pattern, "Europe/Warsaw")(moment), []) == moment


def test_what_was_written_is_read_back() -> None:
    moment = utc("2026-12-31 23:30")
    assert moment_reader(MINUTES, WARSAW)(moment_writer(MINUTES, WARSAW)(moment), []) == moment


@pytest.mark.parametrize("pattern", ["%Q", "%Y-%m-%d", "%H:%M", "", "today", "%Y-%m-%d %H:%M %", "%y %y"])
def test_a_format_must_keep_date_and_time(pattern: str) -> None:
    with pytest.raises(ValueError, match="'"):
        check_format(pattern)


@pytest.mark.parametrize("zone", ["Europe/Warsav", "", "../etc/passwd", "/etc/localtime", "Mars\x00"])
def test_a_zone_must_be_in_the_time_zone_database(zone: str) -> None:
    with pytest.raises(ValueError, match="not a time zone"):
        check_zone(zone)


def test_a_percent_sign_is_no_offset() -> None:
    assert has_offset("%Y%z")
    assert not has_offset("%Y%%z")


@pytest.mark.parametrize(
    "text", ["2026-03-05T17:00:00Z\0", "2026-03-05T17:00:00.000+01:00\0", "2026-03-05T17:00:00Z\0x"]
)
def test_a_time_with_a_nul_is_none_though_python_reads_it(text: str) -> None:
    """The text is kept as it came, and no database keeps a NUL."""
    with pytest.raises(ValueError, match="not an ISO 8601"):
        moment_reader("iso", None)(text, [])


def test_a_duration_as_a_date_with_a_nul_is_none() -> None:
    with pytest.raises(ValueError, match="not like 1970"):
        duration_reader("date")("1970-01-01T04:00:00Z\0")
