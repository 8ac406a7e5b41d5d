"""What stands beside a message goes on as it was read, whatever it is; only what has no room in a frame does not."""

import struct
from typing import Any

import pamqp.frame
import pytest
from hypothesis import given
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from bridge.wfm.frames import UNREADABLE, unmarshal
from bridge.wfm.properties import LARGEST, going_on
from tests.unit.wfm.test_frames import ENTRIES, PROPERTIES, note, read, short, table


def passed(came: Basic.Properties, **changed: Any) -> Basic.Properties:
    """Write them as they go on, and read them as the next one does."""
    _, _, found = unmarshal(
        pamqp.frame.marshal(ContentHeader(properties=going_on(came, "m-1", ("kept",), **changed)), 1)
    )
    assert isinstance(found, ContentHeader)
    return found.properties


def long(raw: bytes) -> bytes:
    return struct.pack(">I", len(raw)) + raw


@pytest.mark.parametrize(
    "entry",
    {
        "text that is not UTF-8": short(b"k") + b"S" + long("Störung".encode("latin-1")),
        "bytes": short(b"k") + b"x" + long(b"\xff\0"),
        "a number of milliseconds": short(b"k") + b"d" + struct.pack(">d", 1_796_028_000_123.0),
        "a large number": short(b"k") + b"d" + struct.pack(">d", 1e300),
        "a small number": short(b"k") + b"f" + struct.pack(">f", 0.1),
        "a decimal": short(b"k") + b"D\x02" + struct.pack(">I", 12345),
        "a moment in milliseconds": short(b"k") + b"T" + struct.pack(">Q", 1_796_028_000_123),
        "a long name": short(b"k" * 255) + b"t\1",
        "nothing": short(b"k") + b"V",
        "a table with all of them": short(b"k") + b"F" + table(short(b"k" * 200) + b"A" + long(b"S" + long(b"\xff"))),
    }.items(),
    ids=lambda case: case[0],
)
def test_a_header_goes_on_as_it_was_read(entry: tuple[str, bytes]) -> None:
    came = read(headers=table(entry[1]), content_encoding=short(b"gzip"))
    went = passed(came)
    assert went.headers == came.headers
    assert went.content_encoding == "gzip"


@given(entries=ENTRIES)
def test_whatever_the_headers_are_they_go_on_as_they_were_read(entries: list[bytes]) -> None:
    came = read(headers=table(*entries))
    assert repr(passed(came).headers) == repr(came.headers)  # NaN is not equal to itself


@given(properties=PROPERTIES)
def test_whatever_the_properties_are_they_can_go_on(properties: dict[str, bytes]) -> None:
    passed(read(**properties))


def test_a_message_goes_on_for_as_long_as_it_takes_and_from_whom_it_came() -> None:
    came = read(user_id=short(b"wfm"), delivery_mode=b"\1", cluster_id=short(b"c"), expiration=short(b"5000"))
    went = passed(came, expiration=None)
    assert (went.message_id, went.delivery_mode, went.user_id, went.cluster_id) == ("m-1", 2, None, "")
    assert (went.headers, went.expiration) == ({"x-bridge-user-id": "wfm"}, None)


def test_text_that_is_longer_when_escaped_is_cut() -> None:
    went = passed(read(correlation_id=short(b"\xff" * 255), content_encoding=short(b"gzip")))
    assert went.correlation_id == (r"\xff" * 255)[:255]
    assert went.content_encoding == "gzip"


def test_headers_that_have_no_room_are_left_out_and_said_and_nothing_else_is() -> None:
    came = read(headers=table(short(b"x") + b"S" + long(b"x" * LARGEST)), content_encoding=short(b"gzip"))
    went = passed(came, headers={**(came.headers or {}), "kept": "1", UNREADABLE: "timestamp is no date: 7"})
    assert (went.headers or {}).keys() == {"kept", UNREADABLE}
    assert note(went).startswith("timestamp is no date: 7; the headers were left out when the message was passed on: ")
    assert went.content_encoding == "gzip"
