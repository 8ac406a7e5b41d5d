"""Frames with properties that nobody should send: each is read, and the one behind it, too."""

import struct
from types import SimpleNamespace
from typing import Any

import pamqp.frame
import pytest
from aio_pika import IncomingMessage
from aiormq.abc import DeliveredMessage
from hypothesis import given
from hypothesis import strategies as st
from pamqp import commands
from pamqp.header import ContentHeader

from bridge.wfm.frames import UNREADABLE, unmarshal

FLAGS = commands.Basic.Properties.flags
SHORT_STRINGS = sorted(
    FLAGS.keys() - {"headers", "delivery_mode", "priority", "timestamp"}, key=lambda name: -FLAGS[name]
)


def short(raw: bytes) -> bytes:
    return bytes([len(raw)]) + raw


def table(*entries: bytes) -> bytes:
    inner = b"".join(entries)
    return struct.pack(">I", len(inner)) + inner


def frame(kind: int, payload: bytes) -> bytes:
    return struct.pack(">BHI", kind, 7, len(payload)) + payload + b"\xce"


def header(**properties: bytes) -> bytes:
    """Make the frame of a content header; the properties are raw bytes."""
    flags = sum(FLAGS[name] for name in properties)
    values = b"".join(properties[name] for name in sorted(properties, key=lambda name: -FLAGS[name]))
    return frame(2, struct.pack(">HHQH", 60, 0, 12, flags) + values)


def read(**properties: bytes) -> commands.Basic.Properties:
    data = header(**properties)
    size, channel, found = unmarshal(data)
    assert (size, channel) == (len(data), 7)
    assert isinstance(found, ContentHeader)
    assert found.body_size == 12
    received(found)
    return found.properties


def received(found: ContentHeader) -> IncomingMessage:
    """Make of it what the client makes of it; raises where the client would."""
    delivery = commands.Basic.Deliver("tag", 1, redelivered=False, exchange="", routing_key="key")
    channel: Any = SimpleNamespace(is_closed=False)
    return IncomingMessage(DeliveredMessage(delivery=delivery, header=found, body=b"body", channel=channel))


def note(properties: commands.Basic.Properties) -> str:
    return str((properties.headers or {})[UNREADABLE])


def test_properties_in_order_are_read_as_they_are() -> None:
    found = read(correlation_id=short(b"c-1"), delivery_mode=b"\x02", timestamp=struct.pack(">Q", 1_796_028_000))
    assert (found.correlation_id, found.delivery_mode, found.headers) == ("c-1", 2, None)
    assert found.timestamp is not None
    assert found.timestamp.timestamp() == 1_796_028_000


@pytest.mark.parametrize("moment", [1_796_028_000_000_000, 1_796_028_000_000_000_000, 2**64 - 1, 2**63])
def test_a_timestamp_that_is_no_date_is_left_out_and_said(moment: int) -> None:
    found = read(correlation_id=short(b"c-1"), timestamp=struct.pack(">Q", moment), app_id=short(b"app"))
    assert (found.correlation_id, found.timestamp, found.app_id) == ("c-1", None, "app")
    assert note(found) == f"timestamp is no date: {moment}"


@pytest.mark.parametrize("name", SHORT_STRINGS)
def test_text_that_is_not_utf_8_is_escaped_and_said(name: str) -> None:
    found = read(**{name: short(b"a\x80\xff"), "message_id" if name != "message_id" else "app_id": short(b"m-1")})
    if name != "expiration":
        assert getattr(found, name) == r"a\x80\xff"
    assert f"{name} is not UTF-8: 6180ff" in note(found)
    assert "m-1" in (found.message_id, found.app_id)


def test_a_header_of_an_unknown_type_ends_the_table_and_nothing_else() -> None:
    headers = table(short(b"kind") + b"S" + struct.pack(">I", 1) + b"x", short(b"odd") + b"?abc")
    found = read(headers=headers, message_id=short(b"m-1"))
    assert found.message_id == "m-1"
    assert found.headers is not None
    assert found.headers["kind"] == "x"
    assert note(found) == f"headers from here on: {(short(b'odd') + b'?abc').hex()}"


def test_a_key_of_a_header_that_is_not_utf_8_is_escaped() -> None:
    found = read(headers=table(short(b"\xe9") + b"t\x01", short(b"kind") + b"V"))
    assert found.headers is not None
    assert (found.headers[r"\xe9"], found.headers["kind"]) == (True, None)


def test_a_moment_in_the_headers_that_is_no_date_is_left_out_and_said() -> None:
    found = read(headers=table(short(b"at") + b"T" + struct.pack(">Q", 2**62), short(b"kind") + b"t\x01"))
    assert found.headers is not None
    assert (found.headers["at"], found.headers["kind"]) == (None, True)
    assert note(found) == f"headers.at is no date: {2**62}"


def test_tables_without_end_are_cut_off() -> None:
    nested = table()
    for _ in range(5_000):
        nested = table(short(b"k") + b"F" + nested)
    assert "from here on" in note(read(headers=nested, message_id=short(b"m-1")))


@pytest.mark.parametrize("mode", [0, 1, 2, 3, 255])
def test_a_delivery_mode_that_the_client_refuses_is_left_out(mode: int) -> None:
    found = read(delivery_mode=bytes([mode]))
    assert found.delivery_mode == (mode if mode in (1, 2) else None)


@pytest.mark.parametrize("expiration", [b"tomorrow", b"", b"60000", b"1,5"])
def test_an_expiration_that_is_no_number_is_left_out(expiration: bytes) -> None:
    assert read(expiration=short(expiration)).expiration in (expiration.decode(), None)


def test_properties_that_end_too_early_give_what_stands_before() -> None:
    found = read(content_type=short(b"text/plain"), timestamp=b"abc")
    assert (found.content_type, found.timestamp) == ("text/plain", None)
    assert note(found) == "timestamp and what follows: 616263"


@pytest.mark.parametrize("odd", [0b01, 0b10, 0b11])
@pytest.mark.parametrize("properties", [{}, {"correlation_id": short(b"c-1")}])
def test_flags_that_stand_for_no_property_are_ignored_as_rabbitmq_does(odd: int, properties: dict[str, bytes]) -> None:
    data = bytearray(header(**properties))
    data[20] |= odd
    size, channel, found = unmarshal(bytes(data))
    assert (size, channel) == (len(data), 7)
    assert isinstance(found, ContentHeader)
    assert (found.body_size, found.properties.headers) == (12, None)
    assert found.properties.correlation_id == ("c-1" if properties else None)


@pytest.mark.parametrize(
    ("index", "values"),
    [
        (0x003C003C, short(b"tag") + struct.pack(">QB", 9, 1)),  # deliver
        (0x003C0047, struct.pack(">QB", 9, 1)),  # get-ok
        (0x003C0032, struct.pack(">H", 312) + short(b"NO_ROUTE")),  # return
    ],
)
def test_a_routing_key_may_have_any_bytes(index: int, values: bytes) -> None:
    data = frame(1, struct.pack(">I", index) + values + short(b"wfm") + short(b"job.\xff") + bytes(4))
    _, _, found = unmarshal(data)
    assert (getattr(found, "exchange"), getattr(found, "routing_key")) == ("wfm", r"job.\xff")  # noqa: B009


def test_a_frame_that_is_broken_itself_is_refused_as_before() -> None:
    with pytest.raises(pamqp.exceptions.UnmarshalingException):
        unmarshal(frame(1, struct.pack(">I", 0x7FFF7FFF)))


FIELDS = st.binary(max_size=60)
PROPERTIES = st.dictionaries(
    st.sampled_from(sorted(FLAGS)),
    st.one_of(
        FIELDS,
        FIELDS.map(lambda raw: short(raw)),
        st.lists(FIELDS).map(lambda raws: table(*raws)),
        st.binary(min_size=8, max_size=8),
    ),
)


@given(properties=PROPERTIES)
def test_whatever_the_properties_are_a_message_comes_of_them(properties: dict[str, bytes]) -> None:
    read(**properties)


KINDS = st.sampled_from([bytes([kind]) for kind in b"tbBsuIilLfdDSATFVx\x00?Zq"])
ENTRIES = st.lists(st.builds(lambda key, kind, raw: short(key) + kind + raw, st.binary(max_size=8), KINDS, FIELDS))


@given(entries=ENTRIES, text=st.binary(max_size=30))
def test_whatever_the_headers_are_the_properties_behind_them_are_read(entries: list[bytes], text: bytes) -> None:
    found = read(headers=table(*entries), message_id=short(text), app_id=short(b"app"))
    assert found.app_id == "app"
    assert found.message_id == text.decode(errors="backslashreplace")
