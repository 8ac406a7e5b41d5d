"""The way to the issuer: through the Seller's proxy, and with an authority that vouches for the issuer's server."""

from pathlib import Path

import pytest

from bridge.app.console_side import open_issuer as open_client
from bridge.errors import PermanentError
from bridge.oidc import IssuerUnavailable
from bridge.settings import OidcSettings
from tests.support_issuer import open_issuer
from tests.unit.delivery.certificates import Authority
from tests.unit.delivery.proxy import proxying


async def test_the_issuer_is_asked_through_the_proxy_and_by_the_authority_of_the_settings(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with open_issuer(authority.server("localhost")) as issuer:
        port = int(issuer.url.rpartition(":")[2])
        chosen = OidcSettings(issuer=issuer.url, client_id="console", operators=("ops",))
        async with proxying(port) as proxy:
            way = {"proxy_url": proxy.url, "ca_file": authority.certificate}
            client = open_client(OidcSettings(**chosen.model_dump() | way))
            assert client is not None
            assert (await client.metadata()).issuer == issuer.url
            await client.close()
            assert proxy.asked == [f"localhost:{port}"]
        stranger = open_client(chosen)
        assert stranger is not None
        with pytest.raises(IssuerUnavailable, match="certificate"):
            await stranger.metadata()


def test_a_secret_that_is_not_there_is_said_with_its_setting(tmp_path: Path) -> None:
    chosen = OidcSettings(
        issuer="https://a.example", client_id="x", operators=("ops",), client_secret_file=tmp_path / "secret"
    )
    with pytest.raises(PermanentError, match=r"oidc\.client_secret_file: .*secret: No such file"):
        open_client(chosen)


def test_without_an_issuer_there_is_none() -> None:
    assert open_client(OidcSettings()) is None
