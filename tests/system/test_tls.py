"""TLS to a real RabbitMQ and a real PostgreSQL, with certificates of an authority that no system knows."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import asyncpg  # type: ignore[import-untyped]
import pytest
from yarl import URL

from bridge.app.credentials import broker_url, database_url
from bridge.errors import PermanentError
from bridge.localenv.process import run_async
from bridge.localenv.rabbitmq import Node
from bridge.settings import BrokerSettings, DatabaseSettings
from bridge.store import open_store
from bridge.wfm.trouble import trouble
from tests.support import PATIENCE_S
from tests.support_tls import Tls
from tests.system.conftest import MakeLaboratory
from tests.system.laboratory import CREATED

pytestmark = [pytest.mark.system, pytest.mark.integration]


@pytest.fixture
def rabbitmq_url(private_rabbitmq: Node) -> str:
    """The laboratory's own parts come in by the plain port."""
    return private_rabbitmq.url


def verified(url: str, tls: Tls, **parameters: str) -> str:
    """Add what has certificate and host name checked."""
    return f"{url}?{urlencode({'sslmode': 'verify-full', 'sslrootcert': str(tls.authority.certificate)} | parameters)}"


@pytest.fixture
def our_database(tls_postgres_url: str, tls: Tls) -> Iterator[str]:
    """An empty database of the test's own; its URL demands TLS."""
    _execute(verified(tls_postgres_url, tls), "CREATE DATABASE of_tls")
    yield verified(str(URL(tls_postgres_url).with_path("/of_tls")), tls)
    _execute(verified(tls_postgres_url, tls), "DROP DATABASE of_tls WITH (FORCE)")


def _execute(url: str, statement: str) -> list[Any]:
    async def run() -> list[Any]:
        connection = await asyncpg.connect(url)
        found: list[Any] = await connection.fetch(statement)
        await connection.close()
        return found

    return run_async(run)


async def test_a_bridge_works_with_rabbitmq_and_postgresql_by_tls_alone(
    make_laboratory: MakeLaboratory, our_database: str, private_rabbitmq: Node, tls: Tls
) -> None:
    lab = await make_laboratory(
        our_database,
        BROKER_URL=tls.rabbitmq_url,
        BROKER_CA_FILE=str(tls.authority.certificate),
        BROKER_CERTIFICATE_FILE=str(tls.bridge.certificate),
        BROKER_KEY_FILE=str(tls.bridge.key),
    )
    await lab.bridge.start_ready()
    await lab.buyer.register()
    _, appointment, _ = await lab.booked()
    assert [each.id for each in await lab.buyer.appointments()] == [appointment.id]
    assert lab.buyer.received[0].event.event_type == CREATED
    encrypted = "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname = 'of_tls'"
    assert [row["ssl"] for row in _execute(our_database, encrypted)] == [True]
    shown = private_rabbitmq.control("list_connections", "ssl", "peer_cert_subject").splitlines()
    assert {line for line in shown if line.startswith("true")} == {"true\tCN=bridge"}
    assert len([line for line in shown if line.startswith("true")]) >= 2  # one consumes, one publishes
    await lab.stop_and_find_nothing_left()


def broker(tls: Tls, **changes: Any) -> BrokerSettings:
    """What lets the bridge in; None takes something away."""
    good = {
        "url": tls.rabbitmq_url,
        "ca_file": tls.authority.certificate,
        "certificate_file": tls.bridge.certificate,
        "key_file": tls.bridge.key,
    }
    return BrokerSettings(**{name: value for name, value in (good | changes).items() if value is not None})


async def refusal_of_rabbitmq(settings: BrokerSettings) -> str | None:
    said = await trouble(URL(broker_url(settings)), PATIENCE_S)
    assert "\n" not in (said or "")
    return said


@pytest.mark.usefixtures("private_rabbitmq")
async def test_rabbitmq_is_not_believed_and_does_not_believe_without_the_right_certificates(tls: Tls) -> None:
    where = f"localhost:{URL(tls.rabbitmq_url).port}"
    assert await refusal_of_rabbitmq(broker(tls)) is None
    unknown = await refusal_of_rabbitmq(broker(tls, ca_file=tls.stranger.certificate))
    assert unknown is not None
    assert unknown.startswith(f"the certificate of RabbitMQ at {where} is not accepted: ")
    assert unknown.endswith("as broker.ca_file")
    assert await refusal_of_rabbitmq(broker(tls, ca_file=None)) == unknown  # the system's authorities
    misnamed = str(URL(tls.rabbitmq_url).with_host("127.0.0.1"))
    assert await refusal_of_rabbitmq(broker(tls, url=misnamed)) == (
        f"the certificate of RabbitMQ at {where.replace('localhost', '127.0.0.1')} is not accepted: IP address "
        "mismatch, certificate is not valid for '127.0.0.1'; name the host in broker.url as the certificate does"
    )
    plain = tls.rabbitmq_url.replace("amqps", "amqp")
    none_at_all = {"ca_file": None, "certificate_file": None, "key_file": None}
    assert await refusal_of_rabbitmq(broker(tls, url=plain, **none_at_all)) == (
        f"RabbitMQ at {where} speaks TLS; begin broker.url with amqps://"
    )
    assert await refusal_of_rabbitmq(broker(tls, certificate_file=None, key_file=None)) == (
        f"RabbitMQ at {where} demands a certificate of the bridge's own (broker.certificate_file)"
    )
    forged = tls.stranger.issue("a bridge of a stranger")
    assert await refusal_of_rabbitmq(broker(tls, certificate_file=forged.certificate, key_file=forged.key)) == (
        f"RabbitMQ at {where} does not accept the bridge's side of TLS: TLSV1_ALERT_UNKNOWN_CA; see that it trusts the "
        "authority of broker.certificate_file; its log says more"
    )


async def refusal_of_postgresql(url: str) -> str:
    with pytest.raises(PermanentError) as refused:
        await open_store(database_url(DatabaseSettings(url=url)), new_id=lambda: "ev")
    assert "\n" not in str(refused.value)
    return str(refused.value)


async def test_postgresql_is_not_believed_without_the_right_certificate(tls: Tls, tls_postgres_url: str) -> None:
    stranger = await refusal_of_postgresql(verified(tls_postgres_url, tls, sslrootcert=str(tls.stranger.certificate)))
    where = f"localhost:{URL(tls_postgres_url).port}"
    assert stranger.startswith(f"the certificate of PostgreSQL at {where} is not accepted (")
    assert stranger.endswith("): name the file of its CA as sslrootcert in database.url")
    misnamed = tls_postgres_url.replace("localhost", "127.0.0.1")
    assert await refusal_of_postgresql(verified(misnamed, tls)) == (
        f"the certificate of PostgreSQL at {where.replace('localhost', '127.0.0.1')} is not accepted (IP address "
        "mismatch, certificate is not valid for '127.0.0.1'): name the host in database.url as the certificate does"
    )
