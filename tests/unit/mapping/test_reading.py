"""Who a message is about: message id, job key and version, from whatever bytes come."""

import hashlib

import orjson
import pytest

from bridge.domain.model import JobRef
from bridge.mapping.pack import Reading, Unreadable
from tests.unit.mapping.builders import acme, read, snapshot, toy, unmapped


def test_a_message_is_identified_by_its_id_job_and_version() -> None:
    reading = read(acme(), snapshot())
    assert isinstance(reading, Reading)
    assert reading.message == "E-000000123"
    assert reading.job == JobRef("acme-wfm", "J-4711")
    assert reading.versions == {"job": 4}
    assert reading.problem is None


@pytest.mark.parametrize("missing", [None, ""])
def test_a_message_without_an_id_is_known_by_a_hash_of_its_body(missing: object) -> None:
    body = orjson.dumps(snapshot(MSG_ID=missing))
    reading = acme().read(body, "", {})
    assert isinstance(reading, Reading)
    assert reading.message == "sha256:" + hashlib.sha256(body).hexdigest()
    assert reading.problem is None


def test_a_pack_without_ids_and_versions_hashes_every_body() -> None:
    reading = toy().read(b'{"job":{"key no":12}}', "", {})
    assert isinstance(reading, Reading)
    assert reading.message.startswith("sha256:")
    assert reading.job.key == "12"
    assert reading.versions == {}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body is not JSON"),
        (b"{", "the body is not JSON"),
        (b"\xff\xfe{}", "the body is not JSON"),
        (b"\x1f\x8b{}", "the body is gzip, and broken"),
        (b"[" * 100_000, "the body is not JSON"),
        (b'{"JOB_NO":NaN}', "the body is not JSON"),
        (b'{"JOB_NO":"\\ud800"}', "the body is not JSON"),
        (b"1" + b"0" * 400, "the body is not JSON"),
        (b"null", "job ($.JOB_NO): expected text of 1 to 255 characters without NUL; it is missing"),
        (b"[]", "job ($.JOB_NO): expected text of 1 to 255 characters without NUL; it is missing"),
        (b"{}", "job ($.JOB_NO): expected text of 1 to 255 characters without NUL; it is missing"),
        (b'{"JOB_NO":""}', 'job ($.JOB_NO): expected text of 1 to 255 characters without NUL; came ""'),
        (b'{"JOB_NO":null}', "job ($.JOB_NO): expected text of 1 to 255 characters without NUL; came null"),
        (b'{"JOB_NO":"\\u0000"}', 'job ($.JOB_NO): expected text of 1 to 255 characters without NUL; came "\\u0000"'),
        (b'{"JOB_NO":[1]}', "job ($.JOB_NO): expected text of 1 to 255 characters without NUL; came a list of 1 items"),
    ],
)
def test_bytes_without_a_job_are_unreadable_and_say_why(body: bytes, reason: str) -> None:
    result = acme().read(body, "", {})
    assert isinstance(result, Unreadable)
    assert result.reason.startswith(reason)
    assert result.explanation == {"pack": acme().version, "reason": result.reason}


def test_a_job_key_that_no_index_takes_is_unreadable() -> None:
    assert isinstance(read(acme(), snapshot(JOB_NO="J" * 256)), Unreadable)
    assert isinstance(read(acme(), snapshot(JOB_NO="J" * 255)), Reading)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"MSG_ID": ["x"]}, "message id: expected text of 1 to 255 characters without NUL; came a list of 1 items"),
        ({"JOB_VER": None}, "version ($.JOB_VER): expected a whole number of at most 64 bits; it is missing"),
        ({"JOB_VER": "four"}, 'version ($.JOB_VER): expected a whole number of at most 64 bits; came "four"'),
        ({"JOB_VER": 2**64 - 1}, "version ($.JOB_VER): expected a whole number of at most 64 bits; came 18446744"),
    ],
)
def test_a_message_of_a_known_job_with_a_broken_identity_is_unmapped(changes: dict[str, object], reason: str) -> None:
    result = unmapped(acme(), snapshot(**changes))
    assert result.rule is None
    assert result.reason.startswith(reason)
