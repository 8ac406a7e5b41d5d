"""Moments and text keep their value, and their order, on the way to the database and back."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql, sqlite

from bridge.store.columns import UTC_TEXT_LENGTH, Plain, Utc, escape, unescape, utc_text
from tests.unit.examples import examples

moments = st.datetimes(
    datetime(1, 1, 2),  # noqa: DTZ001 - the strategy adds the zone
    datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))]),
)
DIALECTS = pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()], ids=["sqlite", "postgresql"])


@DIALECTS
@examples(50)
@given(moment=moments)
def test_a_moment_comes_back_in_utc_to_the_microsecond(dialect: Dialect, moment: datetime) -> None:
    bound = Utc().bind_processor(dialect)(moment)
    read = Utc().result_processor(dialect, None)
    if read is None:
        assert dialect.name == "postgresql"  # whose driver gives moments in UTC by itself
        assert bound == moment
        return
    back = read(bound)
    assert back == moment
    assert back.utcoffset() == timedelta(0)


@examples(50)
@given(first=moments, second=moments)
def test_the_order_of_the_text_is_the_order_of_the_moments(first: datetime, second: datetime) -> None:
    assert (utc_text(first) < utc_text(second)) == (first < second)
    assert len(utc_text(first)) == UTC_TEXT_LENGTH


@DIALECTS
def test_a_moment_without_a_zone_is_refused(dialect: Dialect) -> None:
    with pytest.raises(ValueError, match="naive datetime 2026-03-05T00:00:00"):
        Utc().bind_processor(dialect)(datetime(2026, 3, 5))  # noqa: DTZ001


@DIALECTS
def test_nothing_is_nothing(dialect: Dialect) -> None:
    for column in (Utc(), Plain()):
        assert column.bind_processor(dialect)(None) is None
        read = column.result_processor(dialect, None)
        assert read is None or read(None) is None


@examples(50)
@given(text=st.text(st.characters()))
@example(text="\x00")
@example(text="\ud800")
@example(text="\u241b0000")
def test_any_text_becomes_one_that_every_database_holds_and_comes_back(text: str) -> None:
    stored = escape(text)
    assert "\x00" not in stored
    assert stored.encode("utf-8").decode("utf-8") == stored
    assert unescape(stored) == text


@examples(50)
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\u241b")))
def test_ordinary_text_is_stored_as_it_is(text: str) -> None:
    assert escape(text) == text
