"""Moments and text keep their value, and their order, on the way to the database and back."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
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
def test_a_moment_comes_back_in_utc_to_the_microsecond(dialect: object, moment: datetime) -> None:
    bound = Utc().process_bind_param(moment, dialect)  # type: ignore[arg-type]
    back = Utc().process_result_value(bound, dialect)  # type: ignore[arg-type]
    assert back == moment
    assert back is not None
    assert back.utcoffset() == timedelta(0)


@examples(50)
@given(first=moments, second=moments)
def test_the_order_of_the_text_is_the_order_of_the_moments(first: datetime, second: datetime) -> None:
    assert (utc_text(first) < utc_text(second)) == (first < second)
    assert len(utc_text(first)) == UTC_TEXT_LENGTH


@DIALECTS
def test_a_moment_without_a_zone_is_refused(dialect: object) -> None:
    with pytest.raises(ValueError, match="naive datetime 2026-03-05T00:00:00"):
        Utc().process_bind_param(datetime(2026, 3, 5), dialect)  # type: ignore[arg-type]  # noqa: DTZ001


@DIALECTS
def test_nothing_is_nothing(dialect: object) -> None:
    for column in (Utc(), Plain()):
        assert column.process_bind_param(None, dialect) is None  # type: ignore[arg-type]
        assert column.process_result_value(None, dialect) is None  # type: ignore[arg-type]


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
