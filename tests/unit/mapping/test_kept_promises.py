"""What `mapping check` lets pass can be done: a pack that would fail at its first message is told before it runs."""

import pytest

from tests.unit.mapping.patches import problems

FIELDS = {
    "kind": "{path: $.kind}",
    "level": "{path: $.level, type: integer}",
    "urgent": "{path: $.urgent, type: boolean}",
    "at": "{path: $.at, type: datetime, format: iso, zone: UTC}",
    "lasts": "{path: $.lasts, type: duration, format: iso}",
    "parts": "{path: $.parts, type: list}",
}


def beside(made: str, rest: str = "") -> str:
    """A pack that makes one more field of others."""
    fields = "".join(f"  {name}: {spec}\n" for name, spec in FIELDS.items())
    return f"fields:\n{fields}  made: {made}\n{rest}"


UNREADABLE = {
    "inbound: {unpack: [{json: $}]}": "wrong-value: '$' must end in a name or an index",
    "inbound: {unpack: [{pairs: \"$.udf[?@.k == 'x']\"}]}": "must end in a name or an index, such as $.payload",
    beside("{value: at}"): "wrong-type: at is datetime and cannot be read as text; name it where it is wanted",
    beside("{value: at, type: datetime, format: iso, zone: UTC}"): "at is datetime and cannot be read as datetime",
    beside("{value: parts}"): "parts is list and cannot be read as text",
    beside("{value: lasts, type: duration, format: iso}"): "lasts is duration and cannot be read as duration",
    beside("{value: urgent}"): "urgent is boolean and cannot be read as text",
    beside("{value: urgent, type: boolean, yes: [Y], no: [N]}"): "take yes and no out",
    beside("{value: kind, type: boolean}"): "kind is text and cannot be read as boolean; write its spellings under yes",
    beside("{value: kind, type: list}"): "kind is text and cannot be read as list; write split",
    beside("{header: h, type: boolean}"): "header h is text and cannot be read as boolean; write its spellings",
    beside("{routing_key: true, type: list}"): "the routing key is text and cannot be read as list; write split",
    beside("{join: [kind, parts]}"): "expected text, code, integer, boolean or datetime; parts is list",
    beside("{join: [kind, lasts]}"): "expected text, code, integer, boolean or datetime; lasts is duration",
    beside("{join: [kind, level], type: boolean}"): "what is joined is text and cannot be read as boolean",
    beside("{path: $.x, type: datetime, format: iso, zone: UTC, not_before: kind}"): "expected datetime; kind is text",
    beside("{path: $.x, type: datetime, format: iso, zone: {value: level}}"): "expected text or code; level is integer",
    beside("{path: $.x}", "attribution: {reason: parts, unknown: buyer}"): "integer or boolean; parts is list",
    "inbound: {format: xml}\nfields: {kind: {path: $.x, type: boolean}}": "what XML says is text",
}


@pytest.mark.parametrize("patch", UNREADABLE)
def test_what_could_never_be_read_is_told(patch: str) -> None:
    (problem,) = problems(patch)
    assert UNREADABLE[patch] in problem


@pytest.mark.parametrize(
    "made",
    [
        "{value: kind, type: list, split: ','}",
        "{value: parts, type: list, distinct: true}",
        "{value: urgent, type: boolean}",
        "{value: level, type: datetime, format: epoch}",
        "{join: [level, at, urgent]}",
        "{path: $.x, type: datetime, format: iso, zone: {value: kind}, not_before: at}",
        "{first: [parts, parts]}",
    ],
)
def test_what_can_be_read_is_let_be(made: str) -> None:
    assert problems(beside(made)) == []
