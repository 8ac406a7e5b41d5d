"""What comes beside a message's body, read leniently: properties, headers and keys may be anything.

The AMQP library decodes frames in the task that reads the connection. What it cannot decode (a timestamp in
microseconds, a text that is not UTF-8, a header of a type that it does not know) ends the connection, and RabbitMQ
gives the message again after every reconnect, so that nothing behind it would ever come. RabbitMQ checks none of this,
nor the two lowest property flags: it ignores them and passes them on, where the library takes them for more to come.

So frames are read here in its place: by the library first, and where that fails, value by value. What cannot be read,
or would be refused on the way to us, is taken away, and said in the header `UNREADABLE`: the message comes in all the
same.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

import pamqp.frame
from pamqp import commands, constants, decode
from pamqp.base import Frame
from pamqp.frame import FrameTypes
from pamqp.header import ContentHeader

UNREADABLE: Final = "x-bridge-unreadable"
"""The header that says which properties and headers of a message could not be read, with their raw bytes in hex."""

_LONGEST_NOTE: Final = 2000  # characters; a header table may have 128 kB
_SHOWN_BYTES: Final = 100
_DEEPEST: Final = 20  # tables within tables; nobody means more, and each costs a frame of Python's stack

_WITH_KEYS: Final[tuple[type[Frame], ...]] = (commands.Basic.Deliver, commands.Basic.GetOk, commands.Basic.Return)
"""The methods that bear what a publisher chose: an exchange, a routing key. Each has one bit at the most."""

_FLAGS_AT: Final = constants.FRAME_HEADER_SIZE + 13  # the second byte of the property flags in a frame
_PROPERTY_FLAGS: Final = 0xFC  # in that byte; the lowest two stand for no property

_strict: Final = pamqp.frame.unmarshal


def read_leniently() -> None:
    """Read the frames of all AMQP connections of this process so from now on; to say it again changes nothing."""
    pamqp.frame.unmarshal = unmarshal


def unmarshal(data_in: bytes) -> tuple[int, int, FrameTypes]:
    """Read one whole frame: its size in bytes, its channel, and what it says. Raises what the library does where not
    what a publisher chose is at fault, but the frame itself.
    """
    notes: list[str] = []
    if data_in[0] == constants.FRAME_HEADER and len(data_in) > _FLAGS_AT and data_in[_FLAGS_AT] & ~_PROPERTY_FLAGS:
        data_in = _without_odd_flags(data_in)
    try:
        size, channel, frame = _strict(data_in)
    except Exception:  # of every kind: it decodes what anybody may have written
        lenient = _read(data_in, notes)
        if lenient is None:
            raise
        size, channel, frame = len(data_in), lenient[0], lenient[1]
    if isinstance(frame, ContentHeader):
        _make_acceptable(frame.properties, notes)
    return size, channel, frame


def _without_odd_flags(data: bytes) -> bytes:
    return data[:_FLAGS_AT] + bytes([data[_FLAGS_AT] & _PROPERTY_FLAGS]) + data[_FLAGS_AT + 1 :]


def _read(data: bytes, notes: list[str]) -> tuple[int, FrameTypes] | None:
    kind, channel, size = struct.unpack_from(">BHI", data)
    payload = data[constants.FRAME_HEADER_SIZE : constants.FRAME_HEADER_SIZE + size]
    if kind == constants.FRAME_HEADER:
        return channel, _content_header(payload, notes)
    if kind == constants.FRAME_METHOD and (method := _method(payload)) is not None:
        return channel, method
    return None


def _method(payload: bytes) -> Frame | None:
    (index,) = struct.unpack_from(">I", payload)
    make = next((one for one in _WITH_KEYS if one.index == index), None)
    if make is None:
        return None
    method, reader = make(), _Reader(payload[4:], [])
    for name in method.attributes():
        setattr(method, name, reader.read(name, method.amqp_type(name)))
    return method


def _content_header(payload: bytes, notes: list[str]) -> ContentHeader:
    header = ContentHeader()
    header.class_id, header.weight, header.body_size = struct.unpack_from(">HHQ", payload)
    length, flags = header._get_flags(payload[12:])  # noqa: SLF001 - the flags are in order, what follows is not
    reader = _Reader(payload[12 + length :], notes)
    for name in header.properties.attributes():
        if flags & header.properties.flags[name]:
            try:
                setattr(header.properties, name, reader.read(name, header.properties.amqp_type(name)))
            except (struct.error, ValueError, IndexError):
                notes.append(f"{name} and what follows: {_shown(reader.rest)}")
                break
    return header


class _Reader:
    """Reads values one behind the other; what it cannot read of one goes into `notes`, and the next one is read."""

    def __init__(self, data: bytes, notes: list[str]) -> None:
        self._data = data
        self._at = 0
        self._notes = notes

    @property
    def rest(self) -> bytes:
        """What is not read yet."""
        return self._data[self._at :]

    def read(self, name: str, type_: str) -> Any:
        """Read a value of an AMQP type; None where it cannot be. Raises where nobody can tell where the next begins."""
        if type_ == "shortstr":
            return self._text(name, self._take(self._take(1)[0]))
        if type_ == "timestamp":
            return self._moment(name, self._take(8))
        if type_ == "table":
            return self._table(name, self._take_long(), 0)
        if type_ == "bit":
            return bool(self._take(1)[0] & 1)
        length, value = decode.METHODS[type_](self.rest)
        self._take(length)
        return value

    def _take(self, length: int) -> bytes:
        taken = self._data[self._at : self._at + length]
        if len(taken) < length:
            raise ValueError("it ends too early")
        self._at += length
        return taken

    def _take_long(self) -> bytes:
        (length,) = struct.unpack_from(">I", self.rest)
        return self._take(4 + length)[4:]

    def _text(self, name: str, raw: bytes) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self._notes.append(f"{name} is not UTF-8: {_shown(raw)}")
            return raw.decode(errors="backslashreplace")

    def _moment(self, name: str, raw: bytes) -> Any:
        try:
            return decode.timestamp(raw)[1]
        except (ValueError, OverflowError, OSError):
            self._notes.append(f"{name} is no date: {int.from_bytes(raw)}")
            return None

    def _table(self, name: str, raw: bytes, depth: int) -> dict[str, Any]:
        inner, found = _Reader(raw, self._notes), dict[str, Any]()
        while inner.rest:
            before = inner.rest
            try:
                key = inner._text(f"a key of {name}", inner._take(inner._take(1)[0]))
                found[key] = inner._field(f"{name}.{key}", depth)
            except (struct.error, ValueError, IndexError):
                self._notes.append(f"{name} from here on: {_shown(before)}")
                break
        return found

    def _array(self, name: str, raw: bytes, depth: int) -> list[Any]:
        inner, found = _Reader(raw, self._notes), list[Any]()
        while inner.rest:
            found.append(inner._field(f"{name}[{len(found)}]", depth))
        return found

    def _field(self, name: str, depth: int) -> Any:
        if depth >= _DEEPEST:
            raise ValueError("too deep")
        kind = self._take(1)
        if kind == b"F":
            return self._table(name, self._take_long(), depth + 1)
        if kind == b"A":
            return self._array(name, self._take_long(), depth + 1)
        if kind == b"T":
            return self._moment(name, self._take(8))
        read: Callable[[bytes], tuple[int, Any]] | None = decode.TABLE_MAPPING.get(kind)
        if read is None:
            raise ValueError(f"unknown type {kind!r}")
        length, value = read(self.rest)
        self._take(length)
        return value


def _make_acceptable(properties: commands.Basic.Properties, notes: list[str]) -> None:
    """Take away what the client refuses to make a message of, and would then never settle."""
    if properties.delivery_mode not in (None, 1, 2):
        notes.append(f"delivery_mode: {properties.delivery_mode}")
        properties.delivery_mode = None
    if not _is_number(properties.expiration):
        notes.append(f"expiration: {properties.expiration!r}")
        properties.expiration = None
    if notes:
        headers: Mapping[str, Any] = properties.headers or {}
        properties.headers = {**headers, UNREADABLE: "; ".join(notes)[:_LONGEST_NOTE]}


def _is_number(text: str | None) -> bool:
    try:
        float("0" if text is None else text)
    except ValueError:
        return False
    return True


def _shown(raw: bytes) -> str:
    return raw[:_SHOWN_BYTES].hex() + ("…" if len(raw) > _SHOWN_BYTES else "")
