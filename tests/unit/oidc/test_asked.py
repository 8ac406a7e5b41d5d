"""What an issuer is asked for a login, and which answers count."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from bridge.oidc import Asked, IssuerWrong, LoginRefused, Metadata, is_answer, newly_asked
from bridge.oidc.asked import code_in, request_url

METADATA = Metadata(
    issuer="https://a.example",
    authorization_endpoint="https://a.example/login?tenant=7",
    token_endpoint="https://a.example/token",
    jwks_uri="https://a.example/keys",
    end_session_endpoint=None,
    takes_basic=True,
    names_itself=False,
)
STRICT = replace(METADATA, authorization_endpoint="https://a.example/login", names_itself=True)


def test_the_challenge_is_that_of_the_rfc() -> None:
    """RFC 7636, appendix B."""
    asked = Asked("s", "n", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert asked.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_no_two_logins_are_asked_for_alike() -> None:
    one, other = newly_asked(), newly_asked()
    assert not {*one} & {*other}
    assert min(map(len, one)) >= 43
    assert len(one.verifier) <= 128


def test_a_login_is_asked_for_with_all_that_binds_it_and_what_the_endpoint_has_already() -> None:
    asked = newly_asked()
    url = urlsplit(request_url(METADATA, "console", ("openid", "email"), "https://b.example/console/x", asked))
    assert url.netloc == "a.example"
    assert parse_qs(url.query) == {
        "tenant": ["7"],
        "response_type": ["code"],
        "client_id": ["console"],
        "redirect_uri": ["https://b.example/console/x"],
        "scope": ["openid email"],
        "state": [asked.state],
        "nonce": [asked.nonce],
        "code_challenge": [asked.challenge],
        "code_challenge_method": ["S256"],
    }


def test_an_answer_has_the_state_of_this_browser() -> None:
    asked = newly_asked()
    assert is_answer({"state": asked.state}, asked)
    for other in ({}, {"state": ""}, {"state": newly_asked().state}, {"state": "\ud800"}):
        assert not is_answer(other, asked)


def test_an_answer_of_another_issuer_is_refused_before_its_code_is_used() -> None:
    """RFC 9207, 2.4: an issuer that says it names itself must, and one that does must be the one that was asked."""
    good = {"code": "c", "iss": "https://a.example"}
    assert [code_in(good, METADATA), code_in(good, STRICT), code_in({"code": "c"}, METADATA)] == ["c"] * 3
    for answer, metadata in (({"code": "c"}, STRICT), ({**good, "iss": "https://evil.example"}, METADATA)):
        with pytest.raises(LoginRefused, match="another issuer"):
            code_in(answer, metadata)
    with pytest.raises(LoginRefused, match="neither a code nor an error"):
        code_in({}, METADATA)


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        ("access_denied", LoginRefused, "did not let you in"),
        ("temporarily_unavailable", LoginRefused, "Try again in a while"),
        ("invalid_scope", IssuerWrong, "does not accept how the bridge asks"),
        ("something_new", LoginRefused, "something_new"),
        ("<script>", LoginRefused, "an error that cannot be read"),
    ],
)
def test_an_error_of_the_issuer_is_said_by_its_code_alone(error: str, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said) as refused:
        code_in({"error": error, "error_description": "words of others"}, METADATA)
    assert "words" not in str(refused.value)
    assert "<" not in str(refused.value)
