"""TLS for the private servers: certificates of an authority of the tests' own, and the settings that make them used."""

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bridge.localenv.postgresql import unprivileged_user
from bridge.localenv.process import LOOPBACK, free_port, new_directory
from tests.unit.delivery.certificates import Authority, Certificate


class Tls:
    """`authority` vouches for both servers as `localhost`, and for the bridge; `stranger` for nobody."""

    def __init__(self, directory: Path) -> None:
        self.authority: Final = Authority(directory)
        self.stranger: Final = Authority(directory, "stranger")
        self.server: Final = self.authority.issue("localhost")
        self.bridge: Final = self.authority.issue("bridge")
        self._port = free_port()

    @property
    def rabbitmq_url(self) -> str:
        """Where the private RabbitMQ speaks TLS."""
        return f"amqps://guest:guest@localhost:{self._port}/"

    @property
    def rabbitmq_settings(self) -> dict[str, str]:
        """Speak TLS at a port of its own, and demand certificates of our authority."""
        return {
            "listeners.ssl.local": f"{LOOPBACK}:{self._port}",
            "ssl_options.cacertfile": str(self.authority.certificate),
            "ssl_options.certfile": str(self.server.certificate),
            "ssl_options.keyfile": str(self.server.key),
            "ssl_options.verify": "verify_peer",
            "ssl_options.fail_if_no_peer_cert": "true",
        }

    def postgresql_settings(self, stack: ExitStack) -> dict[str, str]:
        """Speak TLS to who wants it. The files are copied to where the server's user may read them, until `stack` ends.

        Raises `NotHere` where there is no such user.
        """
        user = unprivileged_user()
        directory = new_directory("bridge-tls-", owner=user)
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        copied = Certificate(directory / "server.pem", directory / "server.key")
        for source, target in ((self.server.certificate, copied.certificate), (self.server.key, copied.key)):
            shutil.copyfile(source, target)
            target.chmod(0o600)
            if user is not None:
                shutil.chown(target, user)
        return {"ssl": "on", "ssl_cert_file": str(copied.certificate), "ssl_key_file": str(copied.key)}
