"""An installed rabbitmq-server as a private child: own directory, node name, ports and port mapper (epmd).

It listens on loopback only and never meets a system node: ERL_EPMD_PORT points it at an epmd of its own, and the
system's configuration is not read. The package's script is started directly, because Debian's wrapper in /usr/sbin
switches to the user rabbitmq.
"""

import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from bridge.localenv.process import LOOPBACK, Child, free_port, new_directory, start_child
from bridge.localenv.server import Server
from bridge.localenv.service import NotHere

# Debian and Ubuntu, the vendor's packages, the generic archive, Homebrew; a plain PATH may lack /usr/sbin.
SERVER_PLACES = ("/usr/lib/rabbitmq/bin", "/opt/rabbitmq/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/usr/sbin")
EPMD_PLACES = ("/usr/lib/erlang/bin", "/usr/lib64/erlang/bin", "/opt/erlang/bin", "/usr/local/bin")
START_DEADLINE_S = 90.0
CONFIGURATION = """\
listeners.tcp.local = {address}:{port}
vm_memory_high_watermark.absolute = 512MiB
disk_free_limit.absolute = 64MB
raft.wal_max_size_bytes = 33554432
log.console = true
log.console.level = warning
log.file = false
"""


@dataclass(frozen=True, slots=True)
class Node:
    """A private RabbitMQ that runs. `environ` leads `rabbitmqctl` to it, and to no other."""

    url: str
    environ: Mapping[str, str] = field(repr=False)
    server: Server | None = field(default=None, repr=False)

    def control(self, *words: str) -> str:
        """Say something to it as its administrator, such as `list_queues`; return the answer.

        Raises `CalledProcessError` where that is refused.
        """
        command = [_control(), "--node", self.environ["RABBITMQ_NODENAME"], "--quiet", *words]
        done = subprocess.run(command, env=dict(self.environ), check=True, capture_output=True, text=True)  # noqa: S603
        return done.stdout


def start_rabbitmq(
    stack: ExitStack,
    answers: Callable[[str], bool],
    settings: Mapping[str, str] = MappingProxyType({}),
    plugins: Sequence[str] = (),
) -> Node:
    """Start a private RabbitMQ, leave its end to `stack`, and give it once `answers(url)`.

    `settings` are lines of its rabbitmq.conf beside ours, `plugins` those that are enabled.
    Raises `NotHere` when none is installed or it does not come up.
    """
    program, epmd = _programs()
    directory = new_directory("bridge-rabbitmq-")
    stack.callback(shutil.rmtree, directory, ignore_errors=True)
    port, mapper_port = free_port(), free_port()
    environ = _environment(directory, mapper_port)
    _write_configuration(directory, port, settings, plugins)
    mapper = start_child(
        [epmd, "-port", str(mapper_port), "-address", LOOPBACK], directory=directory, name="epmd", environ=environ
    )
    stack.callback(mapper.stop)

    def start() -> Child:
        return start_child([program], directory=directory, name="rabbitmq", environ=environ, remove=directory)

    url = f"amqp://guest:guest@{LOOPBACK}:{port}/"
    server = Server("a private rabbitmq-server", url, start, answers, START_DEADLINE_S)
    stack.callback(server.stop)
    server.start()
    return Node(url, environ, server)


def _programs() -> tuple[str, str]:
    server = next((str(Path(place, "rabbitmq-server")) for place in SERVER_PLACES if _has_server(place)), None)
    server = server or shutil.which("rabbitmq-server")
    if not server:
        raise NotHere("no rabbitmq-server is installed")
    epmd = shutil.which("epmd") or shutil.which("epmd", path=os.pathsep.join(EPMD_PLACES))
    if not epmd:
        raise NotHere("rabbitmq-server is installed, but Erlang's epmd is not found")
    return server, epmd


def _control() -> str:
    return next(str(Path(place, "rabbitmqctl")) for place in SERVER_PLACES if _has_server(place))


def _has_server(place: str) -> bool:
    return os.access(Path(place, "rabbitmq-server"), os.X_OK)


def _environment(directory: Path, mapper_port: int) -> Mapping[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))}
    return ours | {
        "HOME": str(directory),
        "PATH": os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin", "/sbin", "/bin"]),
        "ERL_EPMD_PORT": str(mapper_port),
        "ERL_EPMD_ADDRESS": LOOPBACK,
        "RABBITMQ_NODENAME": f"bridge-{secrets.token_hex(4)}@localhost",
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_CONF_ENV_FILE": str(directory / "rabbitmq-env.conf"),
        "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(directory / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(directory / "data"),
        "RABBITMQ_LOG_BASE": str(directory / "log"),
        "RABBITMQ_PID_FILE": str(directory / "rabbitmq.pid"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}",
    }


def _write_configuration(directory: Path, port: int, settings: Mapping[str, str], plugins: Sequence[str]) -> None:
    more = "".join(f"{name} = {value}\n" for name, value in settings.items())
    (directory / "rabbitmq.conf").write_text(CONFIGURATION.format(address=LOOPBACK, port=port) + more)
    (directory / "advanced.config").write_text("[].\n")
    (directory / "enabled_plugins").write_text(f"[{','.join(plugins)}].\n")
    (directory / "rabbitmq-env.conf").write_text("")
