"""A reason never exceeds what the standard allows, and can always be written as UTF-8."""

import pytest
from pydantic import ValidationError

from bridge.mef.error_bodies import MAX_REASON, Error400, Error400Code, Error422, Error500, shorten


@pytest.mark.parametrize("text", ["", "short", "x" * MAX_REASON, "ü" * MAX_REASON])
def test_a_reason_that_fits_is_kept(text: str) -> None:
    assert Error500(reason=text).reason == text


def test_a_longer_reason_is_cut_and_says_so() -> None:
    reason = Error500(reason="x" * 10_000).reason
    assert reason == "x" * (MAX_REASON - 1) + "…"


def test_no_blank_stands_before_the_cut() -> None:
    assert shorten("abc defgh", 5) == "abc…"


def test_half_a_character_becomes_a_question_mark() -> None:
    """A lone surrogate cannot be written as UTF-8."""
    assert Error500(reason="a\ud800b").model_dump_json(include={"reason"}) == '{"reason":"a?b"}'


def test_an_error_is_written_with_the_standards_names() -> None:
    error = Error422(reason="x", code="invalidValue", property_path="/a")  # type: ignore[arg-type]
    assert error.model_dump(by_alias=True, exclude_none=True, mode="json") == {
        "reason": "x",
        "code": "invalidValue",
        "propertyPath": "/a",
    }


def test_a_code_is_one_of_the_standards() -> None:
    assert Error400(reason="x", code=Error400Code.INVALID_BODY).code == "invalidBody"
    with pytest.raises(ValidationError):
        Error400(reason="x", code="teapot")  # type: ignore[arg-type]
