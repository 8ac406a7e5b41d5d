"""Values, not types: what is commonly written is read where it means one thing, and refused with a sentence else."""

import bz2
import codecs
import gzip
import lzma
import zlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.model import Accepted, CommandKind, Job
from bridge.mapping.formats.bodies import read_json
from bridge.mapping.formats.datetimes import moment_reader, moment_writer
from bridge.mapping.formats.durations import duration_reader
from bridge.mapping.formats.values import decimal_number, readable_text, whole_number
from bridge.mapping.pack import Pack, Reading, ReplyRead, Translated, Unreadable
from tests.unit.examples import examples
from tests.unit.mapping.builders import acme, snapshot
from tests.unit.mapping.patches import pack_with, problems


def zipped(body: bytes) -> bytes:
    """The same at any time of day."""
    return gzip.compress(body, mtime=0)


# Numbers


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        (1.0, 1),
        (1e3, 1000),
        ("007", 7),
        ("+5", 5),
        ("\u22125", -5),
        ("5-", -5),
        (" 5\u00a0", 5),
        ("\u200e5", 5),
        ("1.0", 1),
        ("1,0", 1),
        ("17.0000", 17),
        ("1772715845.000", 1772715845),
        ("1.5e3", 1500),
        ("1E3", 1000),
        ("1 234", 1234),
        ("1\u202f234\u202f567", 1234567),
        ("1'234", 1234),
        ("1,234,567", 1234567),
        ("1.234.567", 1234567),
        ("1,234.00", 1234),
        ("1.234,00", 1234),
        ("12", 12),
        ("٣", 3),
        ("9223372036854775807", 2**63 - 1),
        *[
            (raw, None)
            for raw in ("", "-", "1,234", "1.234", "-1,234", "1.5", "1_000", "0x10", "²", "5²", "1 23", "12,34,567")
        ],
        *[(raw, None) for raw in ("NaN", "1e999", "9223372036854775808", "--5", "+5-", "five", "1-2", "1e", "e5", "½")],
        *[(raw, None) for raw in (True, None, [1], {}, 1.5, float("inf"), 1e30, 2**63)],
    ],
)
def test_a_whole_number_is_one_however_it_is_written(raw: object, number: int | None) -> None:
    found = whole_number(raw)
    assert (found, type(found)) == (number, type(number))


@given(st.integers(-(2**63) + 1, 2**63 - 1))
@examples(200)
def test_every_way_to_write_a_whole_number_is_read_as_that_or_not_at_all(number: int) -> None:
    grouped = f"{number:,}"
    ways = [
        str(number),
        f"{number:+}",
        f"{number}.0",
        f"{number},00",
        grouped.replace(",", " "),
        grouped.replace(",", "'"),
    ]
    assert {whole_number(way) for way in ways} == {number}
    may_be_two = 1000 <= abs(number) < 1_000_000
    for way in (grouped, grouped.replace(",", ".")):
        assert whole_number(way) == (None if may_be_two else number)


@pytest.mark.parametrize(
    ("raw", "number"), [("1.234", "1.234"), ("1,5", "1.5"), (".5", "0.5"), ("1,234", None), (0.1, "0.1")]
)
def test_a_decimal_number_has_a_point_or_a_comma(raw: object, number: str | None) -> None:
    assert decimal_number(raw) == (Decimal(number) if number is not None else None)


# Times

WARSAW = "Europe/Warsaw"


def moment(pattern: str, raw: object) -> str:
    try:
        return moment_reader(pattern, WARSAW)(raw, []).strftime("%Y-%m-%dT%H:%M:%S.%fZ").replace(".000000Z", "Z")
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize(
    ("pattern", "raws", "read"),
    [
        (
            "%Y-%m-%d %H:%M",
            [
                "2026-03-06 24:00",
                "2026-03-06T24:00:00",
                "2026-03-07 0:00",
                " 2026-03-07\u00a000:00 ",
                "２０２６-03-07 00:00",
            ],
            "2026-03-06T23:00:00Z",
        ),
        (
            "%Y-%m-%dT%H:%M:%S%z",
            [
                *(
                    "2026-03-06T12:00:00Z",
                    "2026-03-06t12:00:00z",
                    "2026-03-06T13:00:00+01:00",
                    "2026-03-06T13:00:00+0100",
                ),
                *(
                    "2026-03-06T13:00:00+01",
                    "2026-03-06T13:00:00 +01:00",
                    "2026-03-06T12:00:00 UTC",
                    "2026-03-06 12:00:00GMT",
                ),
                *("2026-03-06T12:00:00.000Z", "2026-03-06T12:00:00,5Z", "2026-03-06T13:00:00+1:00"),
            ],
            "2026-03-06T12:00:00Z",
        ),
        ("%Y-%m-%d %H:%M:%S", ["2026-03-06 23:59:60", "2026-03-07 00:00:00.999"], "2026-03-06T23:00:00Z"),
        ("%d.%m.%Y %H:%M", ["06.03.2026 08:05", "6.3.2026 8:05", "06.03.2026  08:05"], "2026-03-06T07:05:00Z"),
        ("%Y%m%d %H%M", ["20260306 0130", "20260306 130"], "2026-03-06T00:30:00Z"),
        ("%Y%m%d %H%M", ["20260306 0005", "20260306 5"], "2026-03-05T23:05:00Z"),
        ("%d%m%Y%H%M", ["010320260800", "10320260800", 10320260800, 10320260800.0], "2026-03-01T07:00:00Z"),
        (
            "%d %b %Y %I:%M %p",
            ["06 Mar 2026 01:30 PM", "6 MAR 2026 1:30 pm", "06 mar 2026 01:30 p.m."],
            "2026-03-06T12:30:00Z",
        ),
        ("%m/%d/%y %I:%M %p", ["03/06/26 12:00 AM"], "2026-03-05T23:00:00Z"),
        (
            "iso",
            [
                *(
                    "2026-03-06T12:00:00Z",
                    "2026-03-06t12:00:00z",
                    "20260306T120000Z",
                    "2026-W10-5T12:00:00Z",
                    "2026W105T12Z",
                ),
                *("2026-065T12:00Z", "2026-03-06T13:00:00+01", "2026-03-06 13:00:00 +0100", "2026-03-06T12:00:00,000Z"),
                *(
                    "2026-03-06T13:00",
                    "2026-03-06 12:00:00 UTC",
                    "2026-03-06T13:00:00+1:00",
                    "\ufeff2026-03-06T12:00Z\n",
                ),
            ],
            "2026-03-06T12:00:00Z",
        ),
        ("iso", ["2026-03-06T24:00Z", "2026-03-06T24:00:00.0Z", "2026-03-06T23:59:60Z"], "2026-03-07T00:00:00Z"),
        ("iso", ["2026-03-06T24Z", "2026-03-07Z", "2026-03-07+00:00", "2026-066Z"], "2026-03-07T00:00:00Z"),
        ("iso", ["2026-03-07+01:00", "2026-03-07", "2026-03-07T00:00 GMT+1"], "2026-03-06T23:00:00Z"),
        (
            "iso",
            [
                *("2026-03-06T12,5Z", "2026-03-06T12.5Z", "20260306T12,5Z", "2026-03-06T13,5", "2026-03-06T12:30,0Z"),
                *("2026-03-06T13:30:00+01:00[Europe/Warsaw]", "2026-03-06T12:30Z[UTC]", "2026-03-06T12:30UT"),
                *("2026-03-06  12:30Z", "2026\u201003\u201106T12:30Z", "2026-03-06T12.500Z"),
            ],
            "2026-03-06T12:30:00Z",
        ),
        ("iso", ["2026-03-06T12:30.5Z", "2026-03-06T12:30,5Z", "20260306T1230,5Z"], "2026-03-06T12:30:30Z"),
        (
            "iso",
            [
                *("2026-366", "2026-366T12:00Z", "2026-W10", "2026-W54-1", "2026-03-06-05:00", "2026-03-06T12.30Z"),
                *("2026-03-06T12:30.15Z", "2026-03-06T12:00+02:00[Europe/Warsaw]", "2026-03-06T12:00Z[Mars/Base]"),
                *("2026-03-06T12:00+24:00", "2026-03-06T12:00[Europe/Warsaw]", "0000-03-06T12:00Z"),
            ],
            None,
        ),
        ("epoch_us", [1772798400000001, "1772798400000001", "1772798400000001.0"], "2026-03-06T12:00:00.000001Z"),
        ("epoch_ns", [1772798400000001999, "1772798400000001999"], "2026-03-06T12:00:00.000001Z"),
        (
            "%Y-%m-%d %H:%M:%S.%f",
            ["2026-03-06 13:00:00", "2026-03-06 13:00:00.0", "2026-03-06T13:00:00,000"],
            "2026-03-06T12:00:00Z",
        ),
        ("%Y-%m-%dT%H:%M:%S.%fZ", ["2026-03-06T13:00:00Z", "2026-03-06T13:00:00.0z"], "2026-03-06T12:00:00Z"),
        ("%Y-%m-%dT%H:%M:%S%z", ["2026-03-06T12:00Z", "2026-03-06 13:00 GMT+01:00"], "2026-03-06T12:00:00Z"),
        ("%Y-%m-%d %H:%M:%S", ["2026-03-06 13:00", "2026-03-06T13:00:00"], "2026-03-06T12:00:00Z"),
        ("%m/%d/%Y %I:%M:%S %p", ["03/06/2026 1:00 PM", "03/06/2026 1:00:00PM"], "2026-03-06T12:00:00Z"),
        ("%d %b %Y %H:%M", ["06 March 2026 13:00", "6 mar 2026 13:00"], "2026-03-06T12:00:00Z"),
        ("%A, %d %B %Y %H:%M", ["Fri, 6 Mar 2026 13:00"], "2026-03-06T12:00:00Z"),
        ("%G-W%V-%u %H:%M", [" 2026-W10-5 13:00", "2026-w10-5T13:00"], "2026-03-06T12:00:00Z"),
        ("%x %X", ["03/05/26 24:00:00", " 03/06/26 00:00:00"], "2026-03-05T23:00:00Z"),
        ("epoch", [1772798400, 1772798400.0, "1772798400", "1772798400.0", " 1.7727984e9 "], "2026-03-06T12:00:00Z"),
        ("epoch", [1772798400.5, "1772798400,5"], "2026-03-06T12:00:00.500000Z"),
        ("epoch_ms", [1772798400000, "1772798400000.0", 1.7727984e12], "2026-03-06T12:00:00Z"),
        ("json_date", ["/Date(1772798400000)/", " /Date(1772798400000+0100)/ "], "2026-03-06T12:00:00Z"),
        (
            "%Y-%m-%d %H:%M",
            ["2026-03-06 24:01", "2026-03-06 08:00:30", "2026-02-30 08:00", "2026-03-06 8", True, [], None],
            None,
        ),
        ("%Y%m%d %H%M", ["2026306 0130", "20260306 2500", "20260306 01:30"], None),
        ("%Y-%m-%dT%H:%M:%S%z", ["2026-03-06T12:00:00", "2026-03-06T12:00:00+0160", "2026-03-06T12:00:00 CET"], None),
        ("%d %b %Y %I:%M %p", ["06 Mar 2026 13:30 PM", "06 Mar 2026 0:30 AM"], None),
        ("iso", ["20260306", "20260306120000", "1772798400", 1772798400, "2026-03-06T24:30Z", "2026-367T12:00Z"], None),
        ("iso", ["2026-03-06T12:00:00Z\0", "9999-12-31T24:00Z"], None),
        ("epoch", [True, "1,772", "soon", 1e30, ""], None),
    ],
)
def test_a_time_is_one_however_it_is_written(pattern: str, raws: list[object], read: str | None) -> None:
    found = {moment(pattern, raw) for raw in raws}
    assert found == {read} if read is not None else all(one.startswith("it is") or "fit" in one for one in found)


MOMENTS = st.integers(86_400, 3_124_137_600).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
FORMATS = [
    "%Y-%m-%d %H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
    "%Y%m%d%H%M%S",
    "%d%m%y %H%M%S",
    "%I:%M:%S %p %m/%d/%Y",
    "%j %Y %H:%M:%S",
    "iso",
    "epoch",
]


@given(MOMENTS, st.sampled_from(FORMATS))
@examples(300)
def test_what_is_written_is_read_again_also_as_a_number_that_has_lost_its_zeros(at: datetime, pattern: str) -> None:
    written = moment_writer(pattern, "UTC")(at)
    read = moment_reader(pattern, "UTC")
    assert read(written, []) == at
    if isinstance(written, str) and written.isdigit():
        assert read(int(written), []) == at


@pytest.mark.parametrize(
    ("unit", "raw", "minutes"),
    [
        ("hours", "1,5", 90),
        ("hours", "1.500", 90),
        ("hours", 1e0, 60),
        ("minutes", " 90 ", 90),
        ("minutes", "９０", 90),
        ("clock", " 1:30", 90),
        ("iso", "pt1h30m", 90),
        ("iso", "PT1.5H", 90),
        ("iso", "PT1,5H", 90),
        ("minutes", "1,500", None),
        ("hours", -1, None),
        ("iso", "PT", None),
        ("iso", "P999999999W", None),
    ],
)
def test_a_duration_is_one_however_it_is_written(unit: str, raw: object, minutes: int | None) -> None:
    if minutes is None:
        with pytest.raises(ValueError, match=r"it is"):
            duration_reader(unit)(raw)
    else:
        assert duration_reader(unit)(raw) == timedelta(minutes=minutes)


# Bodies

TEXT = '{"job": "J", "kind": "Łódź"}'
KIND = "rules: [{rule: any, then: {work_order: open, creates: true}}]"


def told(pack: Pack, body: bytes, headers: dict[str, str] | None = None) -> object:
    """The text that was read, or why none was."""
    read = pack.read(body, "", headers or {})
    if isinstance(read, Unreadable):
        return read.reason
    assert isinstance(read, Reading)
    translated = pack.translate(read, Job(ref=read.job))
    assert isinstance(translated, Translated), translated.reason
    fields: Any = translated.explanation["fields"]
    return fields["kind"]["value"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("pack", [bytes, zipped, zlib.compress])
def test_a_body_is_read_in_every_unicode_and_unpacked(encoding: str, pack: Any) -> None:
    assert told(pack_with(KIND), pack(TEXT.encode(encoding))) == "Łódź"


POLISH = TEXT.encode("windows-1250")


def test_another_encoding_is_named_by_the_content_type_or_by_the_pack() -> None:
    assert told(pack_with(KIND), POLISH, {"content-type": "application/json; charset=windows-1250"}) == "Łódź"
    own = pack_with(f"inbound: {{encoding: windows-1250}}\n{KIND}")
    assert told(own, POLISH) == told(own, TEXT.encode()) == "Łódź"
    assert told(own, POLISH, {"content-type": 'text/json;charset="windows-1250"'}) == "Łódź"


def test_the_content_encoding_may_name_an_encoding_as_some_clients_write_it() -> None:
    assert told(pack_with(KIND), POLISH, {"content-encoding": "Windows-1250"}) == "Łódź"
    assert told(pack_with(KIND), TEXT.encode(), {"content-encoding": "UTF-8"}) == "Łódź"


@pytest.mark.parametrize("encoding", ["utf-7", "iso-2022-jp", "hz-gb-2312"])
def test_an_encoding_that_writes_all_in_ascii_counts_where_it_is_named(encoding: str) -> None:
    """Its bytes are UTF-8 as well, and would be read as another text without a word."""
    written = TEXT.replace("Łódź", "日本")
    headers = {"content-type": f"application/json; charset={encoding}"}
    assert told(pack_with(KIND), written.encode(encoding), headers) == "日本"
    assert told(pack_with(f"inbound: {{encoding: {encoding}}}\n{KIND}"), written.encode(encoding)) == "日本"
    assert told(pack_with(KIND), written.encode(), headers) == "日本"  # said, and not so
    assert told(pack_with(KIND), TEXT.replace("Łódź", "plain").encode(), headers) == "plain"


def test_gzip_may_have_several_members_and_may_be_packed_twice() -> None:
    """RFC 1952, 2.2: as logs are that are appended to. Of the first one alone nobody would know that it is not all."""
    text = TEXT.encode()
    assert told(pack_with(KIND), zipped(text[:9]) + zipped(b"") + zipped(text[9:])) == "Łódź"
    assert told(pack_with(KIND), zipped(text) + b"\0\0\n") == "Łódź"
    assert told(pack_with(KIND), zipped(zipped(text)), {"content-encoding": "gzip, gzip"}) == "Łódź"


def test_a_body_may_be_packed_by_gzip_within_deflate_and_the_other_way_round() -> None:
    for packed in (zlib.compress(zipped(TEXT.encode())), zipped(zlib.compress(TEXT.encode()))):
        assert told(pack_with(KIND), packed, {"content-encoding": "deflate, gzip"}) == "Łódź"


def test_a_charset_may_stand_in_either_quotes() -> None:
    assert told(pack_with(KIND), POLISH, {"content-type": "application/json; CHARSET='Windows-1250'"}) == "Łódź"


@pytest.mark.parametrize("head", [zlib.MAX_WBITS, -zlib.MAX_WBITS])
def test_deflate_is_read_with_and_without_its_head(head: int) -> None:
    packer = zlib.compressobj(wbits=head)
    packed = packer.compress(TEXT.encode()) + packer.flush()
    assert told(pack_with(KIND), packed, {"content-encoding": "deflate"}) == "Łódź"


@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        (POLISH, {}, "the body is not UTF-8 (byte 0xa3 at 22); its content type or inbound: {encoding: …} may say"),
        (
            POLISH,
            {"content-type": "application/json; charset=shift_jis"},
            "the body is not shift_jis, in which it is said to be",
        ),
        (
            POLISH,
            {"content-type": "application/json; charset=martian"},
            (
                "the body is not UTF-8 (byte 0xa3 at 22); its content type or inbound: {encoding: …} may say what it "
                'is written in; its charset "martian" is not known'
            ),
        ),
        (
            b"sNaPpY",
            {"content-encoding": "snappy"},
            (
                "the body is not JSON: unexpected character, expected a JSON value: line 1 column 1 (char 0); "
                'its content_encoding "snappy" is not known'
            ),
        ),
        (zipped(TEXT.encode())[:-9], {}, "the body is compressed, and ends too early"),
        (zipped(b" " * (17 << 20)), {}, "the body unpacks to more than 16777216 bytes"),
        (b"\x1f\x8b\x08nonsense", {}, "the body is gzip, and broken"),
        (b"\x28\xb5\x2f\xfd...", {}, "the body is compressed (zstd); gzip and deflate can be read"),
        (bz2.compress(TEXT.encode()), {}, "the body is compressed (bzip2); gzip and deflate can be read"),
        (lzma.compress(TEXT.encode()), {}, "the body is compressed (xz); gzip and deflate can be read"),
        (zipped(b" ") * 65, {}, "the body is gzip, of more than 64 members"),
        (zipped(b" " * (15 << 20)) * 2, {}, "the body unpacks to more than 16777216 bytes"),
        (zipped(zipped(b" " * (17 << 20))), {}, "the body unpacks to more than 16777216 bytes"),
        (b"\x8b\x02", {"content-encoding": "br"}, "the body is compressed (br); gzip and deflate can be read"),
        (b"x", {}, "the body is not JSON"),
    ],
)
def test_what_cannot_be_read_says_why(body: bytes, headers: dict[str, str], reason: str) -> None:
    assert str(told(pack_with(KIND), body, headers)).startswith(reason)


XML = """<?xml version="1.0" encoding="%s"?>\n<Job id="J"><Kind>Łódź</Kind></Job>"""
FROM_XML = "inbound: {format: xml, job: \"$.Job['@id']\"}\nfields: {kind: {path: $.Job.Kind}}\n" + KIND


@pytest.mark.parametrize(
    "body",
    [
        *[(XML % name).encode(name) for name in ("utf-8", "utf-16", "utf-32", "iso-8859-2", "windows-1250")],
        (XML % "utf-16").encode(),  # said, and not so
        codecs.BOM_UTF8 + (XML % "utf-8").encode(),
        b"\n  " + (XML % "utf-8").encode(),
        (XML % "utf-8").encode() + b"\0\0",
        zipped((XML % "utf-8").encode()),
    ],
)
def test_xml_is_read_in_what_it_says_it_is_written_in_and_if_it_is_mistaken(body: bytes) -> None:
    assert told(pack_with(FROM_XML), body) == "Łódź"


@pytest.mark.parametrize(
    ("body", "flags"),
    [
        (
            '{"job": "J", "kind": "a", "kind": "b"}',
            ['"kind" stands more than once in one object; the last one is taken'],
        ),
        (
            '{"job": "J", "kind": "b", "x": {"a": 1, "a" : 1}}',
            ['"a" stands more than once in one object; the last one is taken'],
        ),
        ('{"job": "J", "kind": "b", "x": [{"a": 1}, {"a": 1}], "y": "\\"a\\": 1"}', []),
    ],
)
def test_equal_names_in_one_object_are_told(body: str, flags: list[str]) -> None:
    assert flags_of(KIND, body) == flags


def flags_of(patch: str, body: str) -> list[str]:
    """What is odd about a message."""
    pack = pack_with(patch)
    read = pack.read(body.encode(), "", {})
    assert isinstance(read, Reading)
    translated = pack.translate(read, Job(ref=read.job))
    assert isinstance(translated, Translated)
    return list(translated.update.flags)


@pytest.mark.parametrize(
    ("written", "number", "text"),
    [
        ("9007199254740993.0", 9007199254740993, "9007199254740993"),
        ("9007199254740993e0", 9007199254740993, "9007199254740993"),
        ("1e18", 10**18, "1000000000000000000"),
        ("-9007199254740993.0", -9007199254740993, "-9007199254740993"),
        ("18446744073709551615", None, "18446744073709551615"),
        ("123456789012345678901234567890", None, "123456789012345678901234567890"),
        ("9007199254740993.5", None, "9007199254740993.5"),
        ("1e300", None, None),
        ("-9223372036854775808", None, "-9223372036854775808"),
        ("0.1", None, "0.1"),
    ],
)
def test_a_number_with_more_digits_than_a_float_has_is_read_as_it_is_written(
    written: str, number: int | None, text: str | None
) -> None:
    data, remarks = read_json(f'{{"a": [{written}]}}')
    raw = data["a"][0]  # type: ignore[index,call-overload]
    assert (whole_number(raw), readable_text(raw), remarks) == (number, text, [])


def test_line_breaks_and_tabs_that_stand_bare_in_a_text_are_read_and_told() -> None:
    assert read_json('{"a": "one\ntwo\tthree", "a": 1, "a": "x\ny"}') == (
        {"a": "x\ny"},
        [
            '"a" stands more than once in one object; the last one is taken',
            "line breaks or other control characters stand bare in a text",
        ],
    )
    for broken in ('{"a": "x\n\\ud800"}', '{"a": "x\n", "b": NaN}', '{"a": "x\n"', b'"\n\xff"'):
        with pytest.raises(orjson.JSONDecodeError):
            read_json(broken)


def test_a_body_that_was_written_as_json_twice_is_read_and_told() -> None:
    assert flags_of(KIND, orjson.dumps(TEXT).decode()) == ["the body is JSON that is written into a text"]
    assert told(pack_with(KIND), orjson.dumps(TEXT)) == "Łódź"
    assert "the body is" not in str(told(pack_with(KIND), b'"no object"'))


@pytest.mark.parametrize(
    ("unpack", "twice", "once", "where"),
    [
        ("{json: $.x}", r'"{\"a\": 1, \"a\": 2}"', r'"{\"a\": 1, \"b\": 2}"', "object"),
        ("{pairs: $.x}", '[{"name": "a"}, {"name": "a"}]', '[{"name": "a"}, {"name": "b"}]', "list of pairs"),
    ],
)
def test_equal_names_in_what_is_unpacked_are_told(unpack: str, twice: str, once: str, where: str) -> None:
    pack = f"{{inbound: {{unpack: [{unpack}]}}, {KIND}}}"
    flag = f'$.x: "a" stands more than once in one {where}; the last one is taken'
    assert flags_of(pack, f'{{"job": "J", "kind": "b", "x": {twice}}}') == [flag]
    assert flags_of(pack, f'{{"job": "J", "kind": "b", "x": {once}}}') == []


def test_replies_are_read_in_the_same_ways() -> None:
    reply = {"RC": " 00 ", "VISIT_NO": 17.0}
    for body in (
        orjson.dumps(reply),
        zipped(orjson.dumps(reply)),
        orjson.dumps(reply).decode().encode("utf-16"),
    ):
        read = acme().read_reply(CommandKind.BOOK, body)
        assert isinstance(read, ReplyRead)
        assert read.reply == Accepted(visit="17")
    twice = acme().read_reply(CommandKind.BOOK, b'{"RC": "00", "RC": "17"}')
    assert isinstance(twice, ReplyRead)
    assert twice.flags == ('"RC" stands more than once in one object; the last one is taken',)


def test_a_version_is_a_whole_number_and_a_window_ends_at_midnight() -> None:
    read = acme().read(orjson.dumps(snapshot(JOB_VER=4.0, WIN_TO="2026-03-06 24:00", JOB_NO=" J-4711 ")), "job.any", {})
    assert isinstance(read, Reading)
    assert (read.versions, read.job.key) == ({"job": 4}, "J-4711")
    translated = acme().translate(read, Job(ref=read.job))
    assert isinstance(translated, Translated)
    assert translated.update.visit.window is not None
    assert translated.update.visit.window.end_date_time == datetime(2026, 3, 6, 23, tzinfo=UTC)


def test_an_encoding_that_nobody_knows_is_refused() -> None:
    (problem,) = problems("inbound: {encoding: martian}")
    assert "'martian' is no encoding that is known, such as windows-1250" in problem
    assert "hex" in problems("inbound: {encoding: hex}")[0]
