"""How a Buyer's listeners are called: credentials, certificates and signatures, on real sockets."""

import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from standardwebhooks import Webhook as Peer

from bridge.delivery.access import PLAIN, Access, TlsFiles
from bridge.delivery.access_tokens import TokenRequest
from bridge.delivery.sender import open_sender
from bridge.delivery.signing import new_key
from bridge.delivery.webhook import Webhook
from bridge.domain.model import BuyerId
from bridge.domain.retry import Answered, Failed, SendResult, TimedOut
from bridge.errors import PermanentError
from bridge.secret import FileSecret, Secret
from bridge.settings import DeliverySettings
from tests.support import PATIENCE_S
from tests.unit.delivery.authorization_server import AuthorizationServer, giving_tokens
from tests.unit.delivery.certificates import Authority
from tests.unit.delivery.listener import Answer, Listener, Received, listening, statuses

BUYER, OTHER = BuyerId("acme-buyer"), BuyerId("other-buyer")
LAB = DeliverySettings(allow_private_callbacks=True, timeout_seconds=PATIENCE_S)
BODY = b'{"eventId":"event-1"}'


def now() -> datetime:
    return datetime.now(UTC)


async def post(url: str, access: Access = PLAIN, buyer: BuyerId = BUYER, **settings: Any) -> SendResult:
    chosen = LAB.model_copy(update=settings)
    async with open_sender(chosen, now, {BUYER: access}) as sender:
        return await sender.send(Webhook(url, BODY, {"X-A": "b"}, "event-1"), buyer)


def authorizations(listener: Listener) -> list[str | None]:
    return [received.headers.get("Authorization") for received in listener.received]


@pytest.fixture
async def server() -> AsyncIterator[AuthorizationServer]:
    async with giving_tokens() as running:
        yield running


def by_oauth2(server: AuthorizationServer) -> Access:
    return Access(oauth2=TokenRequest(url=server.url, client_id="c", client_secret=Secret("s")))


async def test_nobody_is_shown_credentials_of_another() -> None:
    async with listening() as listener:
        assert await post(listener.callback) == Answered(204)
        assert await post(listener.callback, Access(bearer=Secret("t0ken")), OTHER) == Answered(204)
    assert authorizations(listener) == [None, None]


async def test_a_listener_is_shown_the_bearer_token_of_its_buyer() -> None:
    async with listening() as listener:
        assert await post(listener.callback, Access(bearer=Secret("t0ken"))) == Answered(204)
    assert authorizations(listener) == ["Bearer t0ken"]


async def test_a_token_in_a_file_is_taken_up_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    access = Access(bearer=FileSecret(file))
    async with listening() as listener, open_sender(LAB, now, {BUYER: access}) as sender:
        for text in ("first\n", "second"):
            file.write_text(text)
            access.refresh()
            await sender.send(Webhook(listener.callback, BODY, {}), BUYER)
    assert authorizations(listener) == ["Bearer first", "Bearer second"]


async def test_a_token_is_fetched_once_and_shown_to_all_listeners_of_its_buyer(server: AuthorizationServer) -> None:
    async with listening() as listener, open_sender(LAB, now, {BUYER: by_oauth2(server)}) as sender:
        for _ in range(3):
            assert await sender.send(Webhook(listener.callback, BODY, {}), BUYER) == Answered(204)
    assert authorizations(listener) == ["Bearer token-1"] * 3
    assert len(server.forms) == 1


async def test_a_token_that_is_refused_is_renewed_once(server: AuthorizationServer) -> None:
    async with listening(statuses(401, 204)) as listener:
        assert await post(listener.callback, by_oauth2(server)) == Answered(204)
    assert authorizations(listener) == ["Bearer token-1", "Bearer token-2"]
    assert len({received.body for received in listener.received}) == 1


async def test_a_listener_that_refuses_the_new_token_too_has_answered(server: AuthorizationServer) -> None:
    async with listening(statuses(401)) as listener:
        assert await post(listener.callback, by_oauth2(server)) == Answered(401)
    assert authorizations(listener) == ["Bearer token-1", "Bearer token-2"]
    assert len(server.forms) == 2


async def test_a_refusal_of_what_does_not_change_is_an_answer_like_any_other() -> None:
    async with listening(statuses(401)) as listener:
        assert await post(listener.callback, Access(bearer=Secret("t0ken"))) == Answered(401)
    assert len(listener.received) == 1


async def test_without_a_token_nothing_is_sent(server: AuthorizationServer) -> None:
    server.answers.append(lambda: web.json_response({"error": "invalid_client"}, status=401))
    async with listening() as listener:
        assert await post(listener.callback, by_oauth2(server)) == Failed(
            f"no token from {server.url}: it answered 401 invalid_client"
        )
    assert listener.received == []


async def test_a_token_that_takes_too_long_is_a_timeout(server: AuthorizationServer) -> None:
    server.gate.clear()
    async with listening() as listener:
        assert await post(listener.callback, by_oauth2(server), timeout_seconds=0.1) == TimedOut(
            "no answer within 0.1 s"
        )
    assert listener.received == []


def echo() -> Answer:
    async def answer(_listener: Listener, received: Received) -> web.StreamResponse:
        return web.Response(status=400, text=f"what is {received.headers['Authorization']}?" + "x" * 1000)

    return answer


async def test_what_a_listener_repeats_of_its_token_is_not_kept(server: AuthorizationServer) -> None:
    async with listening(echo()) as listener:
        for access in (Access(bearer=Secret("token-1")), by_oauth2(server)):
            answered = await post(listener.callback, access)
            assert isinstance(answered, Answered)
            assert answered.excerpt.startswith("what is Bearer ***?xxx")
            assert len(answered.excerpt) == 500


async def test_a_listener_at_a_host_that_was_not_agreed_on_is_shown_nothing() -> None:
    access = Access(hosts=frozenset({"127.0.0.1"}), bearer=Secret("t0ken"))
    async with listening() as listener:
        elsewhere = listener.callback.replace("127.0.0.1", "localhost")
        assert await post(elsewhere, access) == Failed(
            "callback refused: localhost is none of the hosts of this Buyer's listeners"
        )
        assert listener.received == []
        assert await post(listener.callback, access) == Answered(204)


# Certificates


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def test_a_listener_whose_certificate_nobody_vouches_for_is_refused(authority: Authority) -> None:
    async with listening(tls=authority.server("127.0.0.1")) as listener:
        refused = await post(listener.callback)
    assert isinstance(refused, Failed)
    assert "certificate verify failed" in refused.error
    assert listener.received == []


async def test_authorities_of_the_settings_and_of_the_buyer_are_trusted_besides_the_systems(
    authority: Authority,
) -> None:
    ours = TlsFiles([authority.certificate])
    assert ours.context.cert_store_stats()["x509_ca"] >= ssl.create_default_context().cert_store_stats()["x509_ca"]
    async with listening(tls=authority.server("127.0.0.1")) as listener:
        assert await post(listener.callback, ca_file=authority.certificate) == Answered(204)
        assert await post(listener.callback, Access(tls=ours)) == Answered(204)
        assert isinstance(await post(listener.callback, Access(tls=ours), OTHER), Failed)


async def test_the_authorization_server_is_trusted_alike(authority: Authority, server: AuthorizationServer) -> None:
    async def token(_listener: Listener, _received: Received) -> web.StreamResponse:
        return web.json_response({"access_token": "over-tls"})

    async with listening(token, tls=authority.server("127.0.0.1")) as idp, listening() as listener:
        request = TokenRequest(url=idp.callback, client_id="c", client_secret=Secret("s"))
        assert await post(listener.callback, Access(oauth2=request), ca_file=authority.certificate) == Answered(204)
    assert authorizations(listener) == ["Bearer over-tls"]


async def test_a_listener_that_asks_for_a_certificate_is_shown_that_of_its_buyer(authority: Authority) -> None:
    files = authority.issue("bridge")
    shown = Access(tls=TlsFiles([authority.certificate], files.certificate, files.key))
    silent = Access(tls=TlsFiles([authority.certificate]))
    async with listening(tls=authority.server("127.0.0.1", asks_for_certificates=True)) as listener:
        assert isinstance(await post(listener.callback, silent), Failed)
        assert listener.received == []
        assert await post(listener.callback, shown) == Answered(204)


def encrypted(key: Path, password: str) -> Path:
    """Write a private key again, so that it needs a password."""
    loaded = serialization.load_pem_private_key(key.read_bytes(), None)
    made = key.with_name("encrypted.pem")
    made.write_bytes(
        loaded.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(password.encode()),
        )
    )
    return made


async def test_a_private_key_may_have_a_password(authority: Authority) -> None:
    files = authority.issue("bridge")
    key = encrypted(files.key, "hunter2")
    access = Access(tls=TlsFiles([authority.certificate], files.certificate, key, Secret("hunter2")))
    async with listening(tls=authority.server("127.0.0.1", asks_for_certificates=True)) as listener:
        assert await post(listener.callback, access) == Answered(204)
    for password in (None, Secret("wrong-word")):
        with pytest.raises(PermanentError, match=r"bridge\.pem: ") as refused:
            TlsFiles([], files.certificate, key, password)
        assert "wrong-word" not in str(refused.value)


async def test_a_certificate_that_changes_is_taken_up_and_a_broken_one_is_not(authority: Authority) -> None:
    files, other = authority.issue("bridge"), authority.issue("other")
    tls = TlsFiles([authority.certificate], files.certificate, files.key)
    first = tls.context
    tls.refresh()
    assert tls.context is first
    files.certificate.write_text("none")
    tls.refresh()
    assert tls.context is first
    files.certificate.write_bytes(other.certificate.read_bytes())
    files.key.write_bytes(other.key.read_bytes())
    tls.refresh()
    assert tls.context is not first
    async with listening(tls=authority.server("127.0.0.1", asks_for_certificates=True)) as listener:
        assert await post(listener.callback, Access(tls=tls)) == Answered(204)


@pytest.mark.parametrize(
    "make",
    [
        lambda files, directory: TlsFiles([directory / "none.pem"]),
        lambda files, directory: TlsFiles([files.key]),
        lambda files, directory: TlsFiles([], directory / "none.pem", files.key),
        lambda files, directory: TlsFiles([], files.certificate, directory / "authority.pem"),
    ],
)
def test_files_that_cannot_be_used_are_said_in_one_line(
    make: Callable[..., TlsFiles], authority: Authority, tmp_path: Path
) -> None:
    with pytest.raises(PermanentError) as refused:
        make(authority.issue("bridge"), tmp_path)
    (line,) = str(refused.value).splitlines()
    assert line.startswith(str(tmp_path))
    assert "expected: PEM" in line


# Signatures


async def test_each_attempt_is_signed_anew_over_the_unchanged_body_with_the_events_id() -> None:
    secret, other = new_key(is_symmetric=True), new_key(is_symmetric=True)
    async with listening(statuses(500, 204)) as listener:
        for _ in range(2):
            await post(listener.callback, Access(keys=(Secret(secret), Secret(other))))
    assert {received.body for received in listener.received} == {BODY}
    assert {received.headers["webhook-id"] for received in listener.received} == {"event-1"}
    for received in listener.received:
        assert received.headers["X-A"] == "b"
        for key in (secret, other):
            assert Peer(key).verify(received.body, received.headers) == {"eventId": "event-1"}


async def test_a_signing_key_in_a_file_is_taken_up_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(new_key(is_symmetric=True))
    access = Access(keys=(FileSecret(file),))
    newer = new_key(is_symmetric=True)
    async with listening() as listener, open_sender(LAB, now, {BUYER: access}) as sender:
        file.write_text(newer + "\n")
        access.refresh()
        await sender.send(Webhook(listener.callback, BODY, {}, "event-1"), BUYER)
    (received,) = listener.received
    assert Peer(newer).verify(received.body, received.headers)


async def test_without_a_key_there_is_no_signature() -> None:
    async with listening() as listener:
        await post(listener.callback)
    assert [name for name in listener.received[0].headers if name.lower().startswith("webhook-")] == []
