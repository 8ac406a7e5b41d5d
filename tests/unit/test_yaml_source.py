"""Reading YAML: plain values by the core schema, every problem at its place, nothing hostile unfolds."""

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import pytest
from pydantic import BaseModel, ConfigDict, Discriminator, Field, RootModel, SecretStr, Tag, field_validator

from bridge.yaml_source import Finding, InvalidDocument, mask_secrets, parse_yaml, read_yaml, validate
from bridge.yaml_source.reader import MAX_ALIASES, MAX_BYTES, MAX_DEPTH, MAX_NODES


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


def findings(text: str, model: type[BaseModel] = RootModel[Any]) -> list[str]:
    """Give what reading (and validating) a text complains about, without the file's name."""
    with pytest.raises(InvalidDocument) as caught:
        validate(model, parse_yaml(text, "f"))
    return [str(finding).removeprefix("f:") for finding in caught.value.findings]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("2026-03-05", "2026-03-05"),
        ("2026-03-05 13:04:05", "2026-03-05 13:04:05"),
        ("12:30", "12:30"),
        ("0o17", 15),
        ("0x1F", 31),
        ("017", 17),
        ("1_000", "1_000"),
        ("-7", -7),
        ("1.5e3", 1500.0),
        (".inf", math.inf),
        ("-.inf", -math.inf),
        ("~", None),
        ("", None),
        ("null", None),
        ("true", True),
        ("'true'", "true"),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("!!int 5", 5),
        ("|\n  a\n  b", "a\nb"),
        ("[1, {b: c}]", [1, {"b": "c"}]),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    data = parse_yaml(f"a: {text}", "f").data["a"]
    assert data == value
    assert type(data) is type(value)


def test_not_a_number_is_a_number() -> None:
    assert math.isnan(parse_yaml("a: .nan", "f").data["a"])


def test_keys_are_text_as_written() -> None:
    assert parse_yaml("00: a\ntrue: b\n2026-01-01: c", "f").data == {"00": "a", "true": "b", "2026-01-01": "c"}


def test_an_alias_stands_for_its_anchor() -> None:
    assert parse_yaml("a: &x {b: 1}\nc: *x", "f").data == {"a": {"b": 1}, "c": {"b": 1}}


def test_positions_are_one_based_and_fall_back_to_the_nearest_parent() -> None:
    source = parse_yaml("a:\n  - b: 1\n  - c: [x,  y]\n", "f")
    assert source.position(()) == (1, 1)
    assert source.position(("a", 0, "b")) == (2, 8)
    assert source.position(("a", 1, "c", 1)) == (3, 13)
    assert source.position(("a", 1, "nope", "deeper")) == (3, 5)
    assert source.position(("a", 9)) == (2, 3)
    assert source.key_position(("a", 1, "c")) == (3, 5)
    assert source.key_position(("a", 1)) == (3, 5)
    assert source.key_position(()) == (1, 1)
    assert source.key_position(("nope", "b")) == (1, 1)


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("a: [1", "1:6: syntax: expected ',' or ']', but got '<stream end>', while parsing a flow sequence"),
        ("a: b: c", "1:5: syntax: mapping values are not allowed here"),
        ("\ta: 1", "1:1: syntax: found character '\\t' that cannot start any token"),
        ("a: 1\nb: *c", "2:4: syntax: alias *c has no anchor &c before it"),
        ("a: &a [*a]", "1:8: syntax: alias *a has no anchor &a before it"),
        ("a: 1\n---\nb: 2", "2:1: syntax: expected one document, found a second one"),
        ("a: !foo x", "1:4: syntax: tag !foo is not known"),
        ("a: !!python/object:os.system x", "1:4: syntax: tag !!python/object:os.system is not known"),
        ("a: !!int x", "1:4: syntax: tag !!int is not known or does not fit here"),
        ("a: !!seq {}", "1:4: syntax: tag !!seq is not known or does not fit here"),
        ("? [1]\n: 2", "1:3: wrong-type: a key must be plain text"),
        ("a: &a {}\nb:\n  <<: *a", "3:3: syntax: merge keys (<<) are not part of YAML 1.2"),
        ("a: b\nc: \x01", "2:4: syntax: this character may not stand in YAML"),
        ('a: "\\ud800"', "1:4: encoding: half of a surrogate pair is not a character"),
        ("", "1:1: wrong-type: the file is empty; expected a mapping"),
        ("# only a comment", "1:1: wrong-type: the file is empty; expected a mapping"),
        ("- a", "1:1: wrong-type: expected a mapping, got a list"),
        ("abc", "1:1: wrong-type: expected a mapping, got 'abc'"),
    ],
)
def test_what_is_no_document_is_reported_at_its_place(text: str, finding: str) -> None:
    (only,) = findings(text)
    assert only.startswith(finding)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("a:\n\tb: 1", "2:1: indent with blanks, not with tabs"),
        ("a: @x", "1:4: a text that begins with @ needs quotes"),
        ("a: [*.x]", "1:5: a text that begins with * needs quotes"),
        ("a: [job.*, *]", "1:13: a text that begins with * needs quotes"),
        ("a: & b", "1:5: a text that begins with & needs quotes"),
        ("a: !x y", "1:4: a text that begins with ! needs quotes"),
        ("why: no: yes", "1:8: a text with ': ' in it needs quotes; else indent this line as those it belongs to"),
        ("a: {path: $.a[?@.k == 'x'].v}", "1:14: a text with brackets, braces or commas needs quotes here"),
        ("a: {b: c", "1:9: close with }, or put a comma between the entries"),
        ("a: {b: c}}", "1:10: take the bracket out, or open it before"),
        ("a: 'x", "1:6: close the quotes"),
        ('a: "\\d"', "1:6: use single quotes, or write each backslash twice"),
        ("a: 'it's'", "1:8: a quoted text is the whole value; write '' for ' inside single quotes"),
        ("a:\n  - b\n c: 1", "3:2: indent this line as those it belongs to"),
        ("a: 1\nb\n", "3:1: a key is followed by a colon and a blank"),
        ("a: - b", "1:4: begin the list on the next line"),
        ("a: ]", "1:4: put a text that begins with this character in quotes"),
        ("a: |x", "1:5: "),
    ],
)
def test_an_error_of_syntax_says_what_to_write(text: str, advice: str) -> None:
    (only,) = findings(text)
    place, _, said = only.partition(": syntax: ")
    assert f"{place}: {said.partition('; ')[2]}" == advice


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a:\n  - {park: Nobody #said why}\n  - {b: c}\n", "2:19"),
        ("a: [one, two #three]\nb: c\n", "1:14"),
        ("a: {b: [c], d: e #f}\n", "1:18"),
    ],
)
def test_a_bracket_in_a_comment_is_told_where_the_comment_begins(text: str, place: str) -> None:
    (only,) = findings(text)
    said = "what follows ` #` is a comment, and so is the bracket that would close; put the text in quotes"
    assert only == f"{place}: syntax: {said}"


def test_a_comment_behind_what_is_closed_is_not_blamed_for_another_mistake() -> None:
    assert "comment" not in findings("a: {b: c} #d}\ne: [f\n")[0]


def test_all_duplicate_keys_are_reported_at_once() -> None:
    assert findings("a: 1\nb: {c: 1, c: 2}\na: 2\n") == [
        "2:11: duplicate-key: key 'c' stands on line 2 already; keep one of them",
        "3:1: duplicate-key: key 'a' stands on line 1 already; keep one of them",
    ]


def test_depth_is_bounded() -> None:
    assert "too-big: nested deeper than" in findings("a: " + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))[0]


def test_aliases_that_unfold_beyond_measure_stop_early() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert f"too-big: more than {MAX_NODES} values" in findings("\n".join(lines))[0]


def test_the_number_of_aliases_is_bounded() -> None:
    text = "a: &a 1\nb: [" + ", ".join(["*a"] * (MAX_ALIASES + 1)) + "]"
    assert f"too-big: more than {MAX_ALIASES} aliases" in findings(text)[0]


def _refusal(path: Path) -> Finding:
    with pytest.raises(InvalidDocument) as caught:
        read_yaml(path)
    (finding,) = caught.value.findings
    return finding


def test_a_file_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    assert _refusal(tmp_path / "none.yaml").kind == "unreadable"
    assert _refusal(tmp_path).kind == "unreadable"


def test_a_file_that_is_too_large_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    path.write_bytes(b"a" * (MAX_BYTES + 1))
    assert _refusal(path).kind == "too-big"


def test_a_byte_that_is_not_utf8_is_found_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("a: ü\nb: caf".encode() + b"\xe9\n")
    assert str(_refusal(path)) == f"{path}:2:7: encoding: byte 0xe9 is not UTF-8"


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    source = read_yaml(path)
    assert source.data == {"a": 1}
    assert source.file == str(path)


# ---- validating ------------------------------------------------------------------------------------------------------


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Circle(Strict):
    kind: Literal["circle"]
    radius: int


class Square(Strict):
    kind: Literal["square"]
    side: int = 1


class Point(Strict):
    x: int
    y: int


class Names(RootModel[dict[str, Point]]):
    pass


def _shape_of(value: Any) -> str:
    return "point" if "x" in value else "circle"


class Document(Strict):
    name: str = ""
    count: Annotated[int, Field(ge=1)] = 1
    ratio: float = 0.0
    on: bool = True
    colour: Colour = Colour.RED
    mode: Literal["fast", "slow"] = "fast"
    only: Literal["this"] = "this"
    point: Point | None = None
    path: tuple[Point, ...] = ()
    pair: tuple[int, str] = (0, "")
    shapes: list[Annotated[Circle | Square, Field(discriminator="kind")]] = []
    by_name: dict[str, Point] = {}
    names: Names = Names({})
    loose: str | int | list[int] = 0
    either: Point | Circle | str = ""
    tagged: (
        Annotated[
            Annotated[Circle, Tag("circle")] | Annotated[Point, Tag("point")],
            Discriminator(_shape_of),
        ]
        | None
    ) = None
    aliased: int = Field(default=0, alias="wireName")
    secret: SecretStr = SecretStr("")
    maybe_secret: SecretStr | None = None
    keyed: dict[Annotated[str, Field(pattern="^[A-Z]+$")], int] = {}
    some: Annotated[tuple[int, ...], Field(min_length=2)] = (0, 0)
    slug: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")] = "x"
    child: Optional["Document"] = None

    @field_validator("name")
    @classmethod
    def _no_blanks(cls, value: str) -> str:
        if " " in value:
            raise ValueError("a name has no blanks")
        return value


SLUG = "a name of lower-case letters, digits and -"


def test_a_right_document_becomes_the_model() -> None:
    document = validate(Document, parse_yaml("colour: green\npath: [{x: 1, y: 2}]\nwireName: 4", "f"))
    assert document.colour is Colour.GREEN
    assert document.path == (Point(x=1, y=2),)
    assert document.aliased == 4


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("nam: a", "1:1: unknown-key: unknown key 'nam'; did you mean 'name'?"),
        ("wireNam: 1", "1:1: unknown-key: unknown key 'wireNam'; did you mean 'wireName'?"),
        ("point: {x: 1, y: 2, qq: 3}", "1:21: unknown-key: unknown key 'qq'; known here: x, y"),
        ("child: {child: {coutn: 1}}", "1:17: unknown-key: unknown key 'coutn'; did you mean 'count'?"),
        ("path:\n  - {x: 1, y: 1}\n  - {x: 1}", "3:5: missing-key: the key 'y' is missing"),
        ("by_name:\n  a:\n    x: 1", "3:5: missing-key: the key 'y' is missing"),
        ("names:\n  a:\n    x: 1\n    yy: 1\n    y: 2", "4:5: unknown-key: unknown key 'yy'; did you mean 'y'?"),
        ("name: 5", "1:7: wrong-type: expected text, got the number 5; put it in quotes if it is meant as text"),
        ("name: true", "1:7: wrong-type: expected text, got true; put it in quotes if it is meant as text"),
        ("name:", "1:6: wrong-type: expected text, got nothing"),
        ("name: a b", "1:7: wrong-value: a name has no blanks"),
        ("count: 0", "1:8: wrong-value: expected a number not less than 1, got the number 0"),
        ("count: '1'", "1:8: wrong-type: expected a whole number, got '1'"),
        ("count: 1.5", "1:8: wrong-type: expected a whole number, got the number 1.5"),
        ("ratio: []", "1:8: wrong-type: expected a number, got a list"),
        ("on: yes", "1:5: wrong-type: expected true or false, got 'yes'"),
        ("colour: gren", "1:9: wrong-value: expected 'red' or 'green', got 'gren'; did you mean 'green'?"),
        ("mode: fsat", "1:7: wrong-value: expected 'fast' or 'slow', got 'fsat'; did you mean 'fast'?"),
        ("only: that", "1:7: wrong-value: expected 'this', got 'that'"),
        ("point: [1]", "1:8: wrong-type: expected a mapping, got a list"),
        ("path: {}", "1:7: wrong-type: expected a list, got a mapping"),
        ("pair: [1, 2]", "1:11: wrong-type: expected text, got the number 2; put it in quotes if it is meant as text"),
        ("some: [1]", "1:7: wrong-value: expected at least 2 entries, got a list"),
        ("some: [1, x]", "1:11: wrong-type: expected a whole number, got 'x'"),
        ("by_name: 1", "1:10: wrong-type: expected a mapping, got the number 1"),
        ("shapes: [{kind: square, sid: 1}]", "1:25: unknown-key: unknown key 'sid'; did you mean 'side'?"),
        ("shapes: [{kind: circle, radius: x}]", "1:33: wrong-type: expected a whole number, got 'x'"),
        ("shapes: [{radius: 1}]", "1:10: missing-key: the key 'kind' is missing"),
        (
            "shapes: [{kind: sqare}]",
            "1:17: wrong-value: expected one of 'circle', 'square', got 'sqare'; did you mean 'square'?",
        ),
        ("loose: {}", "1:8: wrong-type: expected text, a whole number or a list, got a mapping"),
        ("loose: [1, x]", "1:12: wrong-type: expected a whole number, got 'x'"),
        ("either: {x: 1}", "1:9: missing-key: the key 'y' is missing"),
        ("either: {kind: circle, radius: x}", "1:32: wrong-type: expected a whole number, got 'x'"),
        ("either: []", "1:9: wrong-type: expected a mapping or text, got a list"),
        ("tagged: {x: 1, z: 2, y: 3}", "1:16: unknown-key: unknown key 'z'; known here: x, y"),
        (
            "secret: 12345",
            "1:9: wrong-type: expected text, got a value that is not shown; put it in quotes if it is meant as text",
        ),
        ("maybe_secret: [hunter2]", "1:15: wrong-type: expected text, got a value that is not shown"),
        ("slug: Too_late", f"1:7: wrong-value: expected {SLUG}, got 'Too_late'; write 'too-late'"),
        ("slug: tooLate", f"1:7: wrong-value: expected {SLUG}, got 'tooLate'; write 'too-late'"),
        ("slug: '-'", f"1:7: wrong-value: expected {SLUG}, got '-'"),
        ("path: start", "1:7: wrong-type: expected a list, got 'start'; write [start]"),
        ("keyed: {A: 1, b: 2}", "1:15: wrong-value: expected text that matches ^[A-Z]+$, got 'b'"),
        ("ratio: amqp://me:hunter2@host/", "1:8: wrong-type: expected a number, got 'amqp://me:***@host/'"),
        (f"ratio: {'x' * 99}", f"1:8: wrong-type: expected a number, got '{'x' * 57}...'"),
    ],
)
def test_a_violation_says_what_was_expected_and_what_came(text: str, finding: str) -> None:
    assert findings(text, Document) == [finding]


def test_all_violations_are_reported_in_the_order_of_the_file() -> None:
    text = "mode: x\nshapes:\n  - {kind: circle}\n  - {kind: square, side: a}\npoint: {x: 1}\nnope: 1\n"
    places = [finding.split(": ")[:2] for finding in findings(text, Document)]
    assert places == [
        ["1:7", "wrong-value"],
        ["3:5", "missing-key"],
        ["4:26", "wrong-type"],
        ["5:8", "missing-key"],
        ["6:1", "unknown-key"],
    ]


def test_the_error_lists_all_findings_one_a_line() -> None:
    with pytest.raises(InvalidDocument) as caught:
        validate(Point, parse_yaml("x: a\nz: 1", "points.yaml"))
    assert str(caught.value).splitlines() == [
        "points.yaml:1:1: missing-key: the key 'y' is missing",
        "points.yaml:1:4: wrong-type: expected a whole number, got 'a'",
        "points.yaml:2:1: unknown-key: unknown key 'z'; known here: x, y",
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("amqp://u@corp:hunter2@h/", "amqp://u@corp:***@h/"),
        ("amqp://u:hunter2@h/", "amqp://u:***@h/"),
        ("//:hunter2@h", "//:***@h"),
        ("postgresql://h/d?passwd=hunter2&x=1", "postgresql://h/d?passwd=***&x=1"),
        ("postgresql://h/d?x=1&PASSWORD=hunter2", "postgresql://h/d?x=1&PASSWORD=***"),
        ("https://h/?client_secret=hunter2", "https://h/?client_secret=***"),
        ("https://h/?access_token=hunter2", "https://h/?access_token=***"),
        ("{'Authorization': 'Bearer 00Dxx0000001gPL!AR8hunter2'}", "{'Authorization': 'Bearer ***'}"),
        ('{"sent": "basic hunter2:hunter2|x"}', '{"sent": "basic ***"}'),
        ('Bearer realm="x", error="invalid_token"', 'Bearer realm="x", error="invalid_token"'),
        ("https://h:8443/a?limit=10", "https://h:8443/a?limit=10"),
    ],
)
def test_no_url_or_header_shows_a_secret_whatever_is_in_it(text: str, shown: str) -> None:
    assert mask_secrets(text) == shown
