"""Writes what stands beside a message as it was read: properties and headers that go on go on unchanged.

The library would round floating-point numbers, cut long names, and refuse text that is not UTF-8. What cannot go on, as
the headers of a message that have no room in a frame, is left out, and said in the header `UNREADABLE`.
"""

import struct
from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from pamqp import encode
from pamqp.commands import Basic

from bridge.wfm.frames import UNREADABLE
from bridge.wfm.topology import short_string

LARGEST: Final = 120_000
"""Bytes of properties and headers; all of them must fit into one frame, which has 131,072 by default."""
USER_ID: Final = "x-bridge-user-id"
"""The header for AMQP's user id."""

_LONGEST_NOTE: Final = 2000


class Properties(Basic.Properties):
    """Properties whose headers are written with the very values that were read."""

    def encode_property(self, name: str, value: Any) -> bytes:
        """Write one of them."""
        if name == "headers":
            return _table(value)
        if isinstance(value, str):
            return encode.short_string(short_string(value))
        return _moment(value) if isinstance(value, datetime) else super().encode_property(name, value)


def going_on(came: Basic.Properties, id_: str, keep: Collection[str], **changed: Any) -> Properties:
    """Give the properties of a message that goes on: those that it came with, but kept on disk, and some `changed`.

    RabbitMQ refuses a user id that is not ours: it goes into a header. Where all headers cannot be written, only those
    to `keep` are.
    """
    values = {name: getattr(came, name) for name in came.attributes()}
    properties = Properties(**{**values, **changed, "message_id": id_, "delivery_mode": 2, "cluster_id": ""})
    if came.user_id:
        properties.headers = {**(properties.headers or {}), USER_ID: came.user_id}
        properties.user_id = None
    problem = _problem(properties)
    if problem is not None:
        headers = properties.headers or {}
        notes = (headers.get(UNREADABLE), f"the headers were left out when the message was passed on: {problem}")
        properties.headers = {name: value for name, value in headers.items() if name in keep}
        properties.headers[UNREADABLE] = "; ".join(str(note) for note in notes if note)[:_LONGEST_NOTE]
    return properties


def _problem(properties: Properties) -> str | None:
    """Say why they cannot be written; None if they can be."""
    try:
        size = len(properties.marshal())
    except Exception as wrong:  # noqa: BLE001 - of every kind: it writes what anybody may have written
        return str(wrong)
    return f"they have {size} bytes" if size > LARGEST else None


def _table(entries: dict[str, Any]) -> bytes:
    return _long(b"".join([encode.short_string(short_string(name)) + _field(value) for name, value in entries.items()]))


def _field(value: Any) -> bytes:
    match value:
        case float():
            return b"d" + struct.pack(">d", value)
        case bytes():
            return b"S" + _long(value)
        case dict():
            return b"F" + _table(value)
        case list():
            return b"A" + _long(b"".join([_field(each) for each in value]))
        case datetime():
            return b"T" + _moment(value)
        case _:
            return encode.encode_table_value(value)


def _moment(moment: datetime) -> bytes:
    """Write seconds, or milliseconds where the moment has some: who reads it tells them by their size."""
    return struct.pack(">Q", round(moment.timestamp() * 1000) if moment.microsecond else int(moment.timestamp()))


def _long(raw: bytes) -> bytes:
    return struct.pack(">I", len(raw)) + raw
