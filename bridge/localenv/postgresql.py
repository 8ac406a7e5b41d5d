"""An installed PostgreSQL as a private child: a throw-away cluster in a directory of its own, on loopback only.

initdb and postgres refuse to run as root; then they run as `postgres` or `nobody`. Nothing here survives the machine,
so fsync and the like are off: tests are about our transactions, not about the disk. What is committed survives a kill.
"""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType

from bridge.localenv.process import LOOPBACK, Child, free_port, new_directory, start_child
from bridge.localenv.server import Server
from bridge.localenv.service import NotHere

# Debian and Ubuntu, the PGDG packages of Red Hat, Homebrew.
PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")
UNPRIVILEGED = ("postgres", "nobody")
SUPERUSER = "bridge"
START_DEADLINE_S = 60.0
INITDB_DEADLINE_S = 120
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "fsync": "off",
    "full_page_writes": "off",
}


def start_postgresql(
    stack: ExitStack, answers: Callable[[str], bool], settings: Mapping[str, str] = MappingProxyType({})
) -> Server:
    """Start a private PostgreSQL, leave its end to `stack`, and give it once `answers(url)`.

    Raises `NotHere` when none is installed or it does not come up.
    """
    programs = _programs()
    user = unprivileged_user()
    directory = new_directory("bridge-postgresql-", owner=user)
    stack.callback(shutil.rmtree, directory, ignore_errors=True)
    data = directory / "data"
    _initdb(programs / "initdb", data, user)
    port = free_port()
    command = [str(programs / "postgres"), "-D", str(data), "-p", str(port), *_arguments({**SETTINGS, **settings})]

    def start() -> Child:
        return start_child(
            command,
            directory=directory,
            name="postgresql",
            stop_signal=signal.SIGINT,  # PostgreSQL's "fast shutdown"
            user=user,
            remove=directory,
        )

    url = f"postgresql+asyncpg://{SUPERUSER}@{LOOPBACK}:{port}/postgres"
    server = Server("a private PostgreSQL", url, start, answers, START_DEADLINE_S)
    stack.callback(server.stop)
    server.start()
    return server


def _programs() -> Path:
    """Give the directory of the newest installed version that has both initdb and postgres."""
    roots = [found for place in PLACES for found in Path("/").glob(place.lstrip("/"))]
    on_path = shutil.which("initdb")
    roots += [Path(on_path).resolve().parent] if on_path else []
    complete = [root for root in roots if (root / "initdb").exists() and (root / "postgres").exists()]
    if not complete:
        raise NotHere("no PostgreSQL server is installed")
    return max(complete, key=_version)


def _version(programs: Path) -> tuple[int, ...]:
    digits = "".join(letter if letter.isdigit() else " " for letter in programs.parent.name)
    return tuple(int(number) for number in digits.split())


def unprivileged_user() -> str | None:
    """Give whom the server runs as: None for us, somebody else where we are root; raises `NotHere` if nobody is."""
    if os.geteuid() != 0:
        return None
    known = {account.pw_name for account in pwd.getpwall()}
    for name in UNPRIVILEGED:
        if name in known:
            return name
    raise NotHere(f"PostgreSQL does not run as root, and there is no user {' or '.join(UNPRIVILEGED)}")


def _initdb(program: Path, data: Path, user: str | None) -> None:
    command = [str(program), "-D", str(data), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
    group = pwd.getpwnam(user).pw_gid if user else None
    done = subprocess.run(  # noqa: S603
        command,
        cwd=data.parent,
        user=user,
        group=group,
        extra_groups=[] if user else None,
        capture_output=True,
        text=True,
        timeout=INITDB_DEADLINE_S,
        check=False,
    )
    if done.returncode != 0:
        raise NotHere(f"initdb failed: {' '.join(done.stderr.split())[-200:]}")


def _arguments(settings: Mapping[str, str]) -> Sequence[str]:
    return [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
