"""Messages that nobody should send: what is left of good ones after damage to bytes, values, structure or encoding.

Everything is drawn from a `random.Random`, so that a seed gives the same mutants again.
"""

import gzip
import json
import random
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from xml.sax.saxutils import escape, unescape

from bridge.packtools.sandbox import RawMessage

SURROGATE = "\ud800"
TEXTS: tuple[str, ...] = (
    "", " ", "\x00", "a\x00b", "\u202e|\u2028", "٣", "１７", "😀" * 300, SURROGATE, f"x{SURROGATE}", "-" * 5000, "%n%s",
    "NaN", "Infinity", "1e999", "0x10", "1_000", "+5", "null", "true", "../../etc/passwd", "' OR 1=1 --", "<a/>", "]]>",
    "0001-01-01 00:00", "9999-12-31 23:59:59", "2026-03-29 02:30", "2026-02-30", "0000-00-00", "24:00:00", "99:99",
    "2026-03-29T02:30:00+99:99", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "P1000000000Y", "PT1e9H",
    "/Date(99999999999999999)/", "/Date(-62135596800001+0000)/", "/Date(0+9999)/", "{", '{"a":', '{"a":{"a":[]}}', "[]",
    "Europe/Nowhere", "/etc/localtime", "a" * 256, "1,234", "1 234 567", "1.234,5-", "9" * 39 + "e999", "1e-999",
    "2026-12-31 24:00", "9999-12-31T24:00:00Z", "2026-W53-7T23:59:60+01", "2026366T00z", "24:00", "\uff1226",
)  # fmt: skip
NUMBERS: tuple[object, ...] = (
    0, -1, -0.0, 0.1, 10**18, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**400, 1e308, 5e-324,
    float("nan"), float("inf"), float("-inf"), 253402300800, -62135596801, 253402300800000,
)  # fmt: skip
VALUES: tuple[object, ...] = (
    *TEXTS, *NUMBERS, None, True, False, [], {}, [[[[]]]], {"": {"": []}}, [None], [""], {"value": None}, ["a"] * 600,
)  # fmt: skip
ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "cp1250", "cp037", "utf-7", "shift-jis")
BYTES = (
    b"\x00",
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\xf5\x80\x80\x80",
    b'"',
    b"\\",
    b"\\ud800",
    b"}",
    b"<",
)
RAW = "raw text goes here"

Change = Callable[[random.Random, object], object]


def mutant(rng: random.Random, words: RawMessage) -> RawMessage:
    """Damage a message, and now and then what RabbitMQ says beside it."""
    body = words.body
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        body = damaged(rng, body)
    return replace(words, body=body, routing_key=_text(rng, words.routing_key), headers=_headers(rng, words.headers))


def damaged(rng: random.Random, body: bytes) -> bytes:
    """Damage a body once."""
    if rng.random() < 0.25:
        return rng.choice(_DAMAGE)(rng, body)
    if body.lstrip().startswith(b"<"):
        return rng.choice(_XML)(rng, body)
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return rng.choice(_DAMAGE)(rng, body)
    return _json(rng, data)


def _text(rng: random.Random, text: str) -> str:
    return rng.choice(TEXTS).replace(SURROGATE, "�") if rng.random() < 0.05 else text


def _headers(rng: random.Random, headers: Mapping[str, str]) -> dict[str, str]:
    return {name: _text(rng, text) for name, text in headers.items() if rng.random() > 0.02}


# Bytes


def _flip(rng: random.Random, body: bytes) -> bytes:
    changed = bytearray(body or b" ")
    for _ in range(rng.choice((1, 1, 2, 8))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _truncate(rng: random.Random, body: bytes) -> bytes:
    return body[: rng.randrange(len(body) + 1)]


def _cut(rng: random.Random, body: bytes) -> bytes:
    start = rng.randrange(len(body) + 1)
    return body[:start] + body[start + rng.randrange(20) :]


def _repeat(rng: random.Random, body: bytes) -> bytes:
    start = rng.randrange(len(body) + 1)
    piece = body[start : start + rng.randrange(1, 40)]
    return body[:start] + piece * rng.choice((2, 3, 50)) + body[start:]


def _insert(rng: random.Random, body: bytes) -> bytes:
    start = rng.randrange(len(body) + 1)
    return body[:start] + rng.choice((*BYTES, rng.randbytes(4))) + body[start + rng.randrange(2) :]


def _encode(rng: random.Random, body: bytes) -> bytes:
    return body.decode("utf-8", "replace").encode(rng.choice(ENCODINGS), "replace")


def _pack(rng: random.Random, body: bytes) -> bytes:
    packed = rng.choice((lambda plain: gzip.compress(plain, mtime=0), zlib.compress))(body)
    return packed if rng.random() < 0.5 else _insert(rng, packed)


_DAMAGE: Sequence[Callable[[random.Random, bytes], bytes]] = (_flip, _truncate, _cut, _repeat, _insert, _encode, _pack)


# JSON


def _json(rng: random.Random, data: object) -> bytes:
    changed, raw = _changed(rng, data), ""
    if rng.random() < 0.1:
        changed, raw = _replaced(rng, changed, lambda *_: RAW), _raw(rng)
    text = json.dumps(changed, ensure_ascii=rng.random() < 0.5)
    if rng.random() < 0.1 and text.startswith("{") and isinstance(data, dict) and data:
        member = f"{json.dumps(rng.choice(list(data)))}: {json.dumps(rng.choice(VALUES))}"
        text = f"{{{member}, {text[1:]}" if rng.random() < 0.5 else f"{text[:-1]}, {member}}}"
    return text.replace(json.dumps(RAW), raw).encode("utf-8", "surrogatepass")


def _raw(rng: random.Random) -> str:
    """JSON that no decoder of Python would give back: depth and size. The largest are rare; they take their time."""
    size = rng.choice((10, 10, 10, 100, 100, 1_000, 20_000))
    many = rng.choice(
        (
            "[" * size + "]" * size,
            '{"a":' * size + "1" + "}" * size,
            "[" * size,
            "9" * size,
            f"-{'9' * size}.{'9' * size}e{size}",
            f'"{"x" * size}"',
            '"' + "\\u0000" * size + '"',
            f"[{'{},' * size}0]",
            "NaN",
            "-Infinity",
            "01",
            "'x'",
        )
    )
    return str(many)


def _changed(rng: random.Random, data: object) -> object:
    change = rng.choice(_CHANGES)
    changed = _replaced(rng, data, change)
    return None if changed is _GONE else changed


def _replaced(rng: random.Random, data: object, change: Change) -> object:
    """Change one value somewhere in the data; mostly a leaf. A list may become its only item, which stands for it."""
    if isinstance(data, list) and data and rng.random() < 0.03:
        return rng.choice(data)
    if isinstance(data, dict) and data and rng.random() < 0.95:
        key = rng.choice(list(data))
        value = _replaced(rng, data[key], change)
        if value is _GONE:
            return {name: other for name, other in data.items() if name != key}
        return {**data, key: value}
    if isinstance(data, list) and data and rng.random() < 0.95:
        index = rng.randrange(len(data))
        value = _replaced(rng, data[index], change)
        return [*data[:index], *([] if value is _GONE else [value]), *data[index + 1 :]]
    return change(rng, data)


_GONE = object()


def _another(rng: random.Random, _: object) -> object:
    return rng.choice(VALUES)


def _other_type(_: random.Random, value: object) -> object:
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) < 20 else [value]
    return str(value)


def _dropped(_: random.Random, value: object) -> object:
    return _GONE if not isinstance(value, dict) or value else None


def _wrapped(rng: random.Random, value: object) -> object:
    return rng.choice(([value], {"value": value}, [value, value], {"": value}))


def _nulled(_: random.Random, __: object) -> object:
    """In a delta that is something: empty."""
    return None


def _renamed(rng: random.Random, value: object) -> object:
    return {rng.choice(TEXTS): value}


def _inside(rng: random.Random, value: object) -> object:
    """JSON within a text is damaged like the rest."""
    if not isinstance(value, str) or not value.startswith(("{", "[")):
        return f"{value}{rng.choice(TEXTS)}"
    try:
        inner = json.loads(value)
    except (ValueError, RecursionError):
        return value[1:]
    return json.dumps(_changed(rng, inner))


def _swapped(rng: random.Random, value: object) -> object:
    if not isinstance(value, str) or len(value) < 2:
        return rng.choice(NUMBERS)
    letters = list(value)
    rng.shuffle(letters)
    return "".join(letters)


def _nearby(rng: random.Random, value: object) -> object:
    """Give something that may well be meant: another number, date or version."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value + rng.choice((-1, 1, 100))
    digits = [index for index, letter in enumerate(value) if letter in "0123456789"] if isinstance(value, str) else []
    if not isinstance(value, str) or not digits:
        return value
    at = rng.choice(digits)
    return value[:at] + rng.choice("0123456789") + value[at + 1 :]


_CHANGES: Sequence[Change] = (
    *(_nearby,) * 5, *(_another,) * 3, _other_type, _dropped, _dropped, _nulled, _wrapped, _renamed, _inside, _swapped,
)  # fmt: skip


# XML


def _doctype(rng: random.Random, body: bytes) -> bytes:
    return rng.choice(DOCTYPES) + body[body.find(b"?>") + 2 if body.startswith(b"<?xml") else 0 :]


def _laughs() -> bytes:
    lines = [b'<!ENTITY a "ha">', *(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(12))]
    return b"<!DOCTYPE r [" + b"".join(lines) + b"]>"


DOCTYPES = (
    _laughs(),
    b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    b'<!DOCTYPE r [<!ENTITY % p SYSTEM "http://127.0.0.1:9/evil.dtd"> %p;]>',
    b'<!DOCTYPE r SYSTEM "http://127.0.0.1:9/evil.dtd">',
    b'<!DOCTYPE r PUBLIC "-//X//EN" "file:///dev/zero">',
    b'<!DOCTYPE r [<!ENTITY x "' + b"A" * 50_000 + b'">]>',
    b"<!DOCTYPE r [<!ELEMENT r ANY><!ATTLIST r a CDATA 'x'>]>",
    b'<?xml version="1.0" encoding="utf-16"?>',
    b'<?xml version="1.0" encoding="no-such-code"?>',
    b'<?xml version="1.1"?>',
    b'<?xml-stylesheet href="file:///etc/passwd"?>',
)


def _in_element(rng: random.Random, body: bytes) -> bytes:
    """Put something nasty behind the end of some start tag."""
    ends = [index for index, byte in enumerate(body) if byte == ord(">")]
    at = rng.choice(ends) + 1 if ends else len(body)
    return body[:at] + _xml_piece(rng) + body[at:]


def _xml_piece(rng: random.Random) -> bytes:
    size = rng.choice((1, 10, 60, 70, 1_000, 20_000))
    pieces = (
        b"<a>" * size + b"</a>" * size,
        b"<a/>" * size,
        b"<a " + b" ".join(b'x%d="1"' % number for number in range(min(size, 1000))) + b"/>",
        b"<![CDATA[" + b"]" * size + b"]]>",
        b"x" * size,
        b"&lol;",
        b"&b;",
        b"&#0;",
        b"&#xD800;",
        b"&#x10FFFF;",
        b"&amp;" * size,
        b"<!--" + b"-" * size + b"-->",
        b'<a xmlns="urn:other"/>',
        b'<n:a xmlns:n="urn:other" n:b="1"/>',
        b'<n:a xmlns:n=""/>',
        b"<unbound:a/>",
        b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>',
        b'<a xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>',
        rng.choice(TEXTS).encode("utf-8", "surrogatepass"),
    )
    return rng.choice(pieces)


def _no_namespaces(rng: random.Random, body: bytes) -> bytes:
    return body.replace(b"xmlns", rng.choice((b"xmln", b"xmlns:xml", b"xmlns:xmlns", b"XMLNS")))


_CONTENT = re.compile(rb">([^<>]+)<|=(\"[^\"<>]*\"|'[^'<>]*')")
_ELEMENT = re.compile(rb"<([\w:.-]+)(?:\s[^<>]*)?(?:/>|>(?:[^<]|<(?!/?\1[\s>]))*</\1\s*>)", re.DOTALL)


def _value(rng: random.Random, body: bytes) -> bytes:
    """Change the text of an element or attribute, as a value in JSON is changed."""
    spans = [match.span(1) if match[1] else (match.start(2) + 1, match.end(2) - 1) for match in _CONTENT.finditer(body)]
    if not spans:
        return _flip(rng, body)
    start, end = rng.choice(spans)
    changed = rng.choice(_CHANGES)(rng, unescape(body[start:end].decode("utf-8", "replace")))
    text = changed if isinstance(changed, str) else "" if changed is _GONE else json.dumps(changed)
    written = escape(text, {'"': "&quot;"}) if rng.random() < 0.9 else text
    return body[:start] + written.encode("utf-8", "surrogatepass") + body[end:]


def _element(rng: random.Random, body: bytes) -> bytes:
    """Leave an element out, say it twice, put it into itself, or give it another name."""
    elements = list(_ELEMENT.finditer(body))
    if not elements:
        return _flip(rng, body)
    element = rng.choice(elements)
    name, whole = element[1], element[0]
    changed = rng.choice(
        (
            b"",
            whole * 2,
            whole * 50,
            b"<" + name + b">" + whole + b"</" + name + b">",
            whole.replace(name, b"x:" + name, 1),
        )
    )
    return body[: element.start()] + changed + body[element.end() :]


_XML: Sequence[Callable[[random.Random, bytes], bytes]] = (
    *(_value,) * 5, _element, _element, _doctype, _in_element, _in_element, _no_namespaces,
)  # fmt: skip
