"""A reply is a yes only where the pack has declared that it is one, and so with a no; all else is unreadable."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.model import Accepted, CommandKind, Refused
from bridge.mapping.pack import Pack, ReplyRead, Unreadable
from bridge.yaml_source import InvalidDocument
from tests.unit.examples import examples
from tests.unit.mapping.patches import pack_with, problems

TABLES = """
tables:
  errors: {key: error, on_miss: default, default: {code: otherIssue}, rows: [{error: full, code: invalidValue}]}
  rows_only: {key: error, on_miss: park, rows: [{error: full, code: invalidValue, reason: Full}]}
  told:
    key: error
    on_miss: default
    default: {code: otherIssue, reason: No}
    rows: [{error: "17", code: invalidValue, reason: Full}]
"""


def pack_of(reply: str, format_: str = "json") -> Pack:
    body = "" if format_ == "json" else "body: {visit: null, crew: null, Cancel: {value: job}}, "
    return pack_with(f"{TABLES}commands: {{cancel: {{format: {format_}, {body}reply: {reply}}}}}")


def read(pack: Pack, reply: object) -> ReplyRead | Unreadable:
    body = reply.encode() if isinstance(reply, str) else orjson.dumps(reply)
    return pack.read_reply(CommandKind.CANCEL, body)


def meaning(pack: Pack, reply: object) -> str:
    result = read(pack, reply)
    if isinstance(result, Unreadable):
        return f"unreadable: {result.reason}"
    return "yes" if isinstance(result.reply, Accepted) else f"no: {result.reply.reason}"  # type: ignore[union-attr]


APART = "{status: $.ok, accepted: [true], refused: {table: told, code: $.error.code}}"
LISTED = "{status: $.result, accepted: [ok], refused: {table: told, codes: [no], code: $.why}}"
BY_CELLS = (
    "{status: null, accepted: {when: {$.visit: {present: true}}}, "
    "refused: {table: told, when: {$.error: {present: true}}, code: $.error.code}}"
)
STATUS_OF_ERRORS = "{status: $.error, accepted: {when: {$.visit: {present: true}}}, refused: told}"
ROWS = "{status: $.rc, accepted: [ok], refused: rows_only}"
XML = """{status: "$.Answer['@result']", accepted: [OK], refused: {table: told, code: "$.Answer['@code']"}}"""


@pytest.mark.parametrize(
    ("declared", "reply", "told"),
    [
        (APART, {"ok": True}, "yes"),
        (APART, {"ok": "true"}, "yes"),
        (APART, {"ok": True, "error": {"code": 0}}, "yes"),
        (APART, {"ok": False, "error": {"code": 17}}, "no: Full"),
        (APART, {"ok": False, "error": {"code": 17.0}}, "no: Full"),
        (APART, {"ok": False, "error": {"code": " 17 "}}, "no: Full"),
        (APART, {"ok": False, "error": {"code": "new"}}, "no: No"),
        (APART, {"ok": False}, "no: No"),
        (APART, {"error": {"code": 17}}, "no: Full"),
        (APART, {"error": {"code": "new"}}, "unreadable: status ($.ok): expected a code; it is missing"),
        (APART, {"ok": "", "code": 0}, 'unreadable: status ($.ok): expected a code; came ""'),
        (APART, {"ok": [True]}, "unreadable: status ($.ok): expected a code; came a list of 1 items"),
        (APART, {}, "unreadable: status ($.ok): expected a code; it is missing"),
        (APART, None, "unreadable: status ($.ok): expected a code; it is missing"),
        (
            APART,
            {"ok": True, "error": {"code": 17}},
            "unreadable: it says yes ($.ok is true) and no ($.error.code is 17) at once",
        ),
        (LISTED, {"result": "ok"}, "yes"),
        (LISTED, {"result": "no", "why": 17}, "no: Full"),
        (
            LISTED,
            {"result": "queued", "why": 17},
            (
                'unreadable: it says neither yes nor no; no yes: $.result is "queued", expected "ok"; '
                'no refusal: $.result is "queued", expected "no"'
            ),
        ),
        (BY_CELLS, {"visit": "V-1"}, "yes"),
        (BY_CELLS, {"error": {"code": 17}}, "no: Full"),
        (BY_CELLS, {"error": "down"}, "no: No"),
        (
            BY_CELLS,
            {"visit": None, "Whatever": 1},
            (
                "unreadable: it says neither yes nor no; no yes: $.visit is absent, expected present; "
                "no refusal: $.error is absent, expected present"
            ),
        ),
        (
            BY_CELLS,
            {"visit": "V-1", "error": {}},
            'unreadable: it says yes ($.visit is "V-1") and no ($.error is an object of 0 members) at once',
        ),
        (STATUS_OF_ERRORS, {"visit": "V-1"}, "yes"),
        (STATUS_OF_ERRORS, {"error": 5}, "no: No"),
        (
            STATUS_OF_ERRORS,
            {"visit": "V-1", "error": 0},
            'unreadable: it says yes ($.visit is "V-1") and no ($.error is 0) at once',
        ),
        (
            STATUS_OF_ERRORS,
            {"visit": " ", "error": ""},
            "unreadable: it says neither yes nor no; no yes: $.visit is absent, expected present",
        ),
        (ROWS, {"rc": "full"}, "no: Full"),
        (ROWS, {"rc": "queued"}, 'unreadable: the refusal "queued" is not in the table, and the table has no default'),
    ],
)
def test_a_reply_says_yes_no_or_nothing(declared: str, reply: object, told: str) -> None:
    assert meaning(pack_of(declared), reply) == told


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ('<Answer result="OK"/>', "yes"),
        ('<Answer result="NOK" code="17"/>', "no: Full"),
        ('<Answer code="17"/>', "no: Full"),
        ("<Answer/>", "unreadable: status ($.Answer['@result']): expected a code; it is missing"),
        ("<Whatever/>", "unreadable: status ($.Answer['@result']): expected a code; it is missing"),
    ],
)
def test_result_and_code_may_be_attributes(reply: str, told: str) -> None:
    assert meaning(pack_of(XML, "xml"), reply) == told


NAMED = (
    "{status: null, accepted: {when: {$.Booked: {present: true}}}, "
    "refused: {table: told, when: {$.Refused: {present: true}}}}"
)


@pytest.mark.parametrize(
    ("reply", "told"),
    [("<Booked/>", "yes"), ("<Refused/>", "no: No"), ("<Booked><Visit/></Booked>", "yes"), ("<Other/>", "unreadable")],
)
def test_the_name_of_a_root_says_something(reply: str, told: str) -> None:
    assert meaning(pack_of(NAMED, "xml"), reply).startswith(told)


def test_the_explanation_says_which_path_was_taken() -> None:
    pack = pack_of("{status: [$.ok, $.result.ok], accepted: [true], refused: {table: told, code: [$.a, $.b]}}")
    result = read(pack, {"ok": "", "result": {"ok": False}, "b": 17})
    assert isinstance(result, ReplyRead)
    assert result.explanation["status"] == {"path": "$.result.ok", "raw": False}
    assert result.explanation["code"] == {"path": "$.b", "raw": 17}


OWN_TEXT = (
    "{status: $.ok, accepted: [true], refused: {table: errors, codes: [false], reason: {path: $.text, default: Sorry}}}"
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Closed on Sundays", "Closed on Sundays"),
        ("  two\n lines\t here ", "two lines here"),
        ("x" * 300, "x" * 254 + "…"),
        ("a\u0007b\u202ec", "abc"),
        ("", "Sorry"),
        (None, "Sorry"),
        (["a"], "Sorry"),
        ("a\u0000b", "Sorry"),
        (17, "17"),
    ],
)
def test_the_buyer_is_told_the_wfms_own_text_where_the_row_has_none(text: object, told: str) -> None:
    result = read(pack_of(OWN_TEXT), {"ok": False, "text": text})
    assert isinstance(result, ReplyRead)
    assert result.reply == Refused("otherIssue", told)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ("{accepted: [ok], no_status: accepted}", "a reply without a code is no yes"),
        ("{accepted: {when: {$.error: {present: false}}}}", "empty-reply: an empty reply would be a yes"),
        (
            "{accepted: {when: {$.error: {not: 7}, $.a: {present: false}}}}",
            "empty-reply: an empty reply would be a yes",
        ),
        ("{refused: {table: told, when: {$.visit: {present: false}}}}", "empty-reply: an empty reply would be a no"),
        ("{status: null, accepted: [ok], refused: {table: told, codes: [no]}}", "these are codes at the status"),
        (
            "{status: null, accepted: {when: {$.visit: {present: true}}}, refused: told}",
            "missing-key: nothing says which reply is a no; write status",
        ),
        ("{accepted: [ok, no], refused: {table: told, codes: [no]}}", "'no' is an accepted code, too"),
        ("{accepted: {}}", "write the codes that mean yes, or when"),
        ("{refused: errors}", "a refusal needs reason, or the reply says where the WFM's own text stands"),
        ("{refused: {table: rows_only, codes: [no]}}", "table rows_only needs on_miss: default and a default row"),
    ],
)
def test_a_yes_that_nobody_says_is_refused(reply: str, told: str) -> None:
    found = problems(f"{TABLES}commands: {{cancel: {{reply: {reply}}}}}")
    assert found
    assert all(told in one for one in found), found


# Whatever a pack declares and a WFM replies

CODES: list[Any] = ["ok", "no", "17", True, 0]
_codes = st.lists(st.sampled_from(CODES), min_size=1, max_size=2, unique_by=str)
_cells = st.one_of(
    st.sampled_from([{"present": True}, {"present": False}]),
    st.lists(st.sampled_from(CODES), min_size=1, max_size=2, unique_by=str).map(lambda some: {"any": some}),
    st.sampled_from(CODES).map(lambda one: {"not": one}),
)
_whens = st.dictionaries(st.sampled_from(["$.a", "$.b"]), _cells, min_size=1, max_size=2)
_yes = st.one_of(_codes.map(lambda codes: {"codes": codes}), _whens.map(lambda when: {"when": when}))
_no = st.fixed_dictionaries(
    {"table": st.just("told")}, optional={"codes": _codes, "when": _whens, "code": st.just("$.b")}
)
_said = st.sampled_from([*CODES, "queued", "", None, [], {}, 1.0, "OK"])
_replies = st.one_of(st.dictionaries(st.sampled_from(["s", "a", "b", "x"]), _said, max_size=4), st.just({}), _said)


@given(_yes, _no, st.booleans(), st.lists(_replies, min_size=1, max_size=8))
@examples(300)
def test_no_pack_takes_for_a_yes_what_it_has_not_declared(
    yes: dict[str, Any], no: dict[str, Any], status: bool, replies: list[Any]
) -> None:
    reply = {"status": "$.s" if status else None, "accepted": yes, "refused": no}
    try:
        pack = pack_with(f"{TABLES}commands: {{cancel: {{reply: {orjson.dumps(reply).decode()}}}}}")
    except InvalidDocument:
        return
    for one in [{}, None, [], {"x": 1}]:
        assert meaning(pack, one).startswith("unreadable"), one
    for one in replies:
        told = meaning(pack, one)
        if told == "yes":
            assert fits(yes, one)
        elif told.startswith("no"):
            assert not fits(yes, one) or "codes" not in yes
        else:
            assert not fits(yes, one) or "at once" in told


def fits(yes: dict[str, Any], reply: Any) -> bool:
    """Whether a reply has what is declared, read as plainly as possible."""
    said = reply if isinstance(reply, dict) else {}
    if "codes" in yes:
        return _text(said.get("s")) in map(_text, yes["codes"])
    return all(_cell(cell, path[2:] in said, said.get(path[2:])) for path, cell in yes["when"].items())


def _cell(cell: dict[str, Any], is_there: bool, value: Any) -> bool:
    if "present" in cell:
        return (is_there and value not in (None, "")) == cell["present"]
    if "any" in cell:
        return _text(value) in map(_text, cell["any"])
    return isinstance(value, list | dict) is False and _text(value) != _text(cell["not"])


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, list | dict):
        return None
    return (
        str(value).lower() if isinstance(value, bool) else str(int(value)) if isinstance(value, float) else str(value)
    )
