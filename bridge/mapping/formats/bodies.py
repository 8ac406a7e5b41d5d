"""Bodies as they come off the bus, as UTF-8: unpacked, and out of whatever encoding they are written in.

What a body is written in says a byte-order mark, else the message's content type, else the pack. A body that is UTF-8
is taken for that whatever else is said: by chance no other text is, but for encodings that write all in ASCII (UTF-7,
ISO-2022), which count where they are named. Compression is known by its first bytes.

Of names that stand twice in one object of JSON only the last counts, which is remarked on.
"""

import codecs
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeVar

import orjson

from bridge.domain.model import CONTENT_ENCODING, CONTENT_TYPE
from bridge.mapping.formats.values import Misread, briefly

T = TypeVar("T")

MOST_UNPACKED: Final = 16 << 20  # bytes; a job is a few thousand
_GZIP: Final = b"\x1f\x8b"
_OTHERS: Final = {b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x04\x22\x4d\x18": "lz4"}
_PACKINGS: Final = ("", "identity", "gzip", "x-gzip", "deflate", "br", "zstd", "compress", "xz")
_MOST_MEMBERS: Final = 64
"""Of one gzip body (RFC 1952, 2.2): each is copied with all that is behind it."""
_EITHER: Final = zlib.MAX_WBITS | 32  # gzip's or zlib's head
_BARE: Final = -zlib.MAX_WBITS  # no head at all, as some say deflate
_CHARSET: Final = re.compile(r"(?<![\w-])charset\s*=\s*[\"']?([\w.:+-]+)", re.IGNORECASE)
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UTF8: Final = ("utf-8", "utf8", "ascii", "us-ascii")
_IN_ASCII: Final = ("utf-7", "iso2022", "hz")
_XML_HEAD: Final = re.compile(r"^<\?xml[^>]*\?>")
_SPACED: Final = re.compile(rb'"[ \t\r\n]+:')
_EXACT: Final = 2**53
"""Below it, each whole number is a float, too."""
_LARGEST: Final = 1e40
"""Nothing that is counted or numbered has so many digits."""
_NAMED: Final = 5  # repeated names in a remark
_IN_XML: Final = re.compile(rb"""<\?xml[^>]*\bencoding\s*=\s*["']([\w.:+-]+)""")


def reader(parse: Callable[[bytes], T], encoding: str | None) -> Callable[[bytes, Mapping[str, str]], T]:
    """Make a function that parses a body as it is, or else as it may be meant. It raises `Misread`."""

    def read(raw: bytes, headers: Mapping[str, str]) -> T:
        if _writes_in_ascii(headers, encoding):
            return parse(Body(raw, headers, encoding).in_utf8())
        try:
            return parse(raw)
        except Misread as misread:
            return Body(raw, headers, encoding).read(parse, misread)

    return read


def _writes_in_ascii(headers: Mapping[str, str], encoding: str | None) -> bool:
    """Tell whether a text is said to be in an encoding whose bytes are all ASCII, and so would pass for UTF-8."""
    in_type = _CHARSET.search(headers.get(CONTENT_TYPE, ""))
    name = in_type[1] if in_type else encoding
    try:
        return name is not None and codecs.lookup(name).name.startswith(_IN_ASCII)
    except (LookupError, ValueError):
        return False


def check_encoding(name: str) -> str:
    """Return the name of an encoding that Python knows. Raises `ValueError` with a sentence."""
    if not _is_known(name):
        raise ValueError(f"'{name}' is no encoding that is known, such as windows-1250 or iso-8859-2")
    return name


def _is_known(name: str) -> bool:
    try:
        "".encode(name)
    except (LookupError, ValueError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class Body:
    """A body, with what is said of how it is written: by its message, and by the pack (`encoding`)."""

    raw: bytes
    headers: Mapping[str, str]
    encoding: str | None = None

    def read(self, parse: Callable[[bytes], T], problem: Misread) -> T:
        """Parse it in UTF-8; as it is, it could not be because of a `problem`. Raises `Misread`."""
        try:
            for body in self._meant():
                return parse(body)
            raise problem
        except Misread as misread:
            raise Misread(f"{misread}{self._not_understood()}") from misread

    def _not_understood(self) -> str:
        """Say what else the message says of how its body is written that nobody here knows; mostly nothing."""
        found, packing = _CHARSET.search(self.headers.get(CONTENT_TYPE, "")), self._content_encoding
        charset = found[1] if found else ""
        said = (
            (charset, "its charset", _is_known(charset)),
            (packing, "its content_encoding", packing in _PACKINGS or _is_known(packing)),
        )
        return "".join(
            f"; {what} {briefly(name)} is not known" for name, what, is_known in said if name and not is_known
        )

    def in_utf8(self) -> bytes:
        """Give it in UTF-8, for whoever has the bytes alone; as it is, where nobody can tell how it is written."""
        try:
            return next(self._meant(), self.raw)
        except Misread:
            return self.raw

    def _meant(self) -> Iterator[bytes]:
        """Give it in UTF-8, if that makes a difference. Raises `Misread` where it cannot be."""
        body = self._unpacked()
        text = self._text(body).strip("\ufeff\0 \t\r\n")
        plain = _XML_HEAD.sub("", text).encode(errors="surrogatepass")  # what it says of the encoding is over
        if plain != self.raw:
            yield plain

    def _unpacked(self) -> bytes:
        body = self.raw
        if _is_packed(body):
            plain = _inflated(body)
            return _inflated(plain) if _is_packed(plain) else plain  # some gateways pack what is packed
        declared = self._content_encoding
        if declared == "deflate":
            return _inflated(body, _BARE)
        known = next((name for start, name in _OTHERS.items() if body.startswith(start)), None)
        if known is not None or declared in ("br", "zstd", "compress", "xz"):
            raise Misread(f"the body is compressed ({known or declared}); gzip and deflate can be read")
        return body

    @property
    def _content_encoding(self) -> str:
        """What the message says of its packing; some clients write there what the text is encoded in."""
        return self.headers.get(CONTENT_ENCODING, "").strip().lower()

    def _text(self, body: bytes) -> str:
        try:
            if b"\0" in body.rstrip(b"\0") or _writes_in_ascii(self.headers, self.encoding):
                return self._declared(body)
            return body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            return self._declared(body, error)

    def _declared(self, body: bytes, error: UnicodeDecodeError | None = None) -> str:
        """Decode what is not UTF-8."""
        for name in self._encodings(body):
            try:
                return body.decode(name)
            except (UnicodeDecodeError, ValueError):
                raise Misread(f"the body is not {name}, in which it is said to be written") from None
        if error is None:
            return body.decode("utf-8", errors="replace")
        raise Misread(
            f"the body is not UTF-8 (byte 0x{body[error.start]:02x} at {error.start}); its content type or "
            "inbound: {encoding: …} may say what it is written in"
        )

    def _encodings(self, body: bytes) -> Iterator[str]:
        yield from (name for mark, name in _MARKS if body.startswith(mark))
        if (by_zeros := _by_zeros(body)) is not None:
            yield by_zeros
        in_type, in_xml = _CHARSET.search(self.headers.get(CONTENT_TYPE, "")), _IN_XML.match(body.lstrip())
        in_xml_head = in_xml and in_xml[1].decode("ascii", "replace")
        names = (in_type and in_type[1], self._content_encoding, in_xml_head, self.encoding)
        yield from (name for name in names if name and _is_known(name) and name.lower() not in _UTF8)


def _by_zeros(body: bytes) -> str | None:
    """JSON and XML begin with ASCII: where the zeros stand in that says how wide a character is (RFC 4627, 3)."""
    match [byte == 0 for byte in body[:4]]:
        case [False, True, True, True]:
            return "utf-32-le"
        case [True, True, True, False]:
            return "utf-32-be"
        case [False, True, False, *_]:
            return "utf-16-le"
        case [True, False, True, *_]:
            return "utf-16-be"
    return None


def _is_packed(body: bytes) -> bool:
    """Tell whether a body begins as gzip does, or as zlib."""
    return body.startswith(_GZIP) or (body[:1] == b"\x78" and int.from_bytes(body[:2], "big") % 31 == 0)


def _inflated(body: bytes, head: int = _EITHER) -> bytes:
    """Unpack gzip or deflate. What only looks like it is let be."""
    plain, rest = b"", body
    for _ in range(_MOST_MEMBERS):
        unpacker = zlib.decompressobj(head)
        try:
            plain += unpacker.decompress(rest, MOST_UNPACKED + 1 - len(plain))
        except zlib.error as error:
            if body.startswith(_GZIP):
                raise Misread(f"the body is gzip, and broken: {error}") from error
            return body
        if len(plain) > MOST_UNPACKED:
            raise Misread(f"the body unpacks to more than {MOST_UNPACKED} bytes")
        if not unpacker.eof:
            raise Misread("the body is compressed, and ends too early")
        rest = unpacker.unused_data
        if not rest.startswith(_GZIP):  # what else may follow only fills up
            return plain
    raise Misread(f"the body is gzip, of more than {_MOST_MEMBERS} members")


def read_json(text: bytes | str) -> tuple[object, list[str]]:
    """Read JSON, with what must be said of it. Raises `orjson.JSONDecodeError`.

    It is read once more, slowly, where the first reading loses something (names that stand twice in one object, numbers
    with more digits than a float has: one that no 64 bits hold comes as a text), or takes offence at a line break or
    tab that stands bare in a text.
    """
    body = text.encode() if isinstance(text, str) else text
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if "control character" not in str(error):
            raise
        return _with_bare_breaks(body, error)
    members, is_exact = _survey(data)
    if is_exact and not _SPACED.search(body) and body.count(b'":') == members:
        return data, []
    try:
        return _reread(body)
    except (ValueError, RecursionError):
        return data, []


def _with_bare_breaks(body: bytes, error: orjson.JSONDecodeError) -> tuple[object, list[str]]:
    try:
        data, remarks = _reread(body, strict=False)
        orjson.dumps(data)  # half surrogates are no text
    except (ValueError, TypeError, RecursionError):
        raise error from None
    return data, [*remarks, "line breaks or other control characters stand bare in a text"]


def _survey(data: object) -> tuple[int, bool]:
    """Count the members of all objects, and tell whether all numbers are what was written."""
    members, is_exact, left = 0, True, [data]
    while left:
        one = left.pop()
        if type(one) is dict:
            members += len(one)
            left += one.values()
        elif type(one) is list:
            left += one
        elif type(one) is float and not -_EXACT < one < _EXACT:
            is_exact = False
    return members, is_exact


def _reread(body: bytes, *, strict: bool = True) -> tuple[object, list[str]]:
    found: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found.extend(repeated(name for name, _ in pairs))
        return dict(pairs)

    data = json.loads(
        body.decode(),
        strict=strict,
        object_pairs_hook=note,
        parse_int=_whole,
        parse_float=_fraction,
        parse_constant=_refuse,
    )
    return data, said_of_repeated(found, "object")


def repeated(names: Iterable[str]) -> list[str]:
    """Give the names that stand more than once."""
    return [name for name, times in Counter(names).items() if times > 1]


def said_of_repeated(names: Iterable[str], where: str) -> list[str]:
    """Say of such names what is taken; nothing where there are none."""
    shown = [briefly(name) for name in dict.fromkeys(names)][:_NAMED]
    return [f"{', '.join(shown)} stands more than once in one {where}; the last one is taken"] if shown else []


def _refuse(name: str) -> object:
    raise ValueError(f"JSON has no {name}")


def _whole(text: str) -> object:
    number = float(text)
    return int(text) if abs(number) < _EXACT or -(2**63) <= int(text) < 2**64 else _in_digits(number, text)


def _fraction(text: str) -> object:
    number = float(text)
    if abs(number) < _EXACT:
        return number
    exact = Decimal(text)
    return _whole(format(exact, ".0f")) if exact == exact.to_integral_value() else _in_digits(number, text)


def _in_digits(number: float, text: str) -> object:
    return text if abs(number) < _LARGEST else number
