"""A date-time of the standard is RFC 3339 and nothing else, wherever it is read."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.mef.models import Event, TimePeriod
from bridge.mef.moments import EXPECTED, parse_moment, rfc3339

END = "2026-03-06T12:00:00Z"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-06T08:00:00Z", datetime(2026, 3, 6, 8, tzinfo=UTC)),
        ("2026-03-06t08:00:00z", datetime(2026, 3, 6, 8, tzinfo=UTC)),
        ("2026-03-06T08:00:00.5+01:30", datetime(2026, 3, 6, 6, 30, 0, 500_000, tzinfo=UTC)),
        ("2026-03-06T08:00:00.123456789-00:00", datetime(2026, 3, 6, 8, 0, 0, 123_456, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_rfc_3339_is_read_into_utc(text: str, moment: datetime) -> None:
    assert parse_moment(text) == moment
    period = TimePeriod.model_validate_json(f'{{"startDateTime": "{text}", "endDateTime": "{END}"}}', strict=True)
    assert period.start_date_time == moment
    assert period.start_date_time.utcoffset() == moment.utcoffset()


@pytest.mark.parametrize(
    "text",
    [
        "1772784000",
        "2026-03-06",
        "2026-03-06T08:00Z",
        "2026-03-06T08:00:00",
        "2026-03-06 08:00:00Z",
        "2026-03-06T24:00:00Z",
        "2026-03-06T08:00:60Z",
        "2026-02-30T08:00:00Z",
        "2026-03-06T08:00:00+24:00",
        "2026-03-06T08:00:00+0100",
        "2026-W10-5T08:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "٢٠٢٦-03-06T08:00:00Z",
        "2026-03-06T08:00:00Z\n",
        "",
    ],
)
def test_anything_else_is_no_moment(text: str) -> None:
    assert parse_moment(text) is None
    with pytest.raises(ValidationError, match="RFC 3339 date-time with seconds and an offset"):
        TimePeriod.model_validate({"startDateTime": text, "endDateTime": END})


@pytest.mark.parametrize("value", [1772784000, 1.5, True, None, ["2026-03-06T08:00:00Z"], {}])
def test_what_is_no_text_is_no_moment_either(value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        TimePeriod.model_validate({"startDateTime": value, "endDateTime": END})
    assert [(each["loc"], each["msg"]) for each in caught.value.errors()] == [
        (("startDateTime",), f"expected {EXPECTED}")
    ]


def test_our_own_code_must_say_the_offset() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        TimePeriod(start_date_time=datetime(2026, 3, 6, 8), end_date_time=datetime(2026, 3, 6, 9, tzinfo=UTC))  # noqa: DTZ001


def test_a_listener_that_reads_strictly_refuses_an_event_at_a_generous_time() -> None:
    raw = '{"eventId": "1", "eventTime": "2026-03-06T08:00Z", "eventType": "x", "event": {"id": "1"}}'
    with pytest.raises(ValidationError, match="eventTime"):
        Event.model_validate_json(raw, strict=True, by_alias=True, by_name=False)


def test_a_moment_is_written_in_utc_with_milliseconds() -> None:
    period = TimePeriod.model_validate({"startDateTime": "2026-03-06T08:00:00+01:00", "endDateTime": END})
    assert period.model_dump(mode="json", by_alias=True)["startDateTime"] == "2026-03-06T07:00:00.000Z"
    assert rfc3339(datetime(2026, 3, 6, 8, 0, 0, 1999, tzinfo=UTC)) == "2026-03-06T08:00:00.001Z"
